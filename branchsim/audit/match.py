"""Which commits of one revision are on another, and as what: a `git cherry` that sees ports and squashes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchsim.audit.adapted import Difference, differing_hunks
from branchsim.audit.applies import Applies, Tries
from branchsim.audit.evidence import CONFIDENCE, Evidence
from branchsim.audit.memo import digest_of, packed, unpacked
from branchsim.audit.pairing import Edge, Pairing, likely_read
from branchsim.audit.squash import contained, listed, spread, whole_branch
from branchsim.audit.trailers import Names, trailer_edges
from branchsim.git.log import Commit, read_difference
from branchsim.git.repository import Repository
from branchsim.history.bundles import brought_in
from branchsim.history.facts import FactCache, Patches, default_cache
from branchsim.history.messages import reverted
from branchsim.history.results import ResultCache
from branchsim.names import Sha

if TYPE_CHECKING:
    import pandas as pd

    from branchsim.git.repository import RepositoryLike

SCHEMA = 1
"""The number of the JSON form; raised when a field changes its meaning."""


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A commit of the source and the commit of the target that carries it.

    Attributes
    ----------
    source, target : Sha
        The two commits.
    evidence : Evidence
        The strongest rung of the ladder that holds.
    confidence : float
        0 to 1: the measured share of right answers on that rung.
    overlap : float
        The share of changed lines that both have in common, 0 to 1.
    reason : str
        One sentence that a person can check with git.
    undone_by : Sha or None
        The commit of the target that reverted the counterpart, if it stayed reverted.
    differences : tuple of Difference
        Where an adapted port is not as its source, if that was asked for.
    """

    source: Sha
    target: Sha
    evidence: Evidence
    confidence: float
    overlap: float
    reason: str
    undone_by: Sha | None = None
    differences: tuple[Difference, ...] = ()

    @property
    def is_adapted(self) -> bool:
        """Whether the port differs from its source, in more than what stands around it."""
        return self.evidence in _ADAPTED and self.overlap < 1.0


@dataclass(frozen=True, slots=True)
class Missing:
    """A commit of the source that is not on the target.

    Attributes
    ----------
    source : Sha
        The commit.
    applies : str
        What ``git cherry-pick`` of it onto the target would give: ``clean``, ``conflict``, or ``obsolete`` (nothing to
        do).
    reason : str
        One sentence that a person can check with git.
    """

    source: Sha
    applies: Applies
    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was left out, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class Match:
    """What `match` found.

    Attributes
    ----------
    source, target : str
        The revisions as they were given.
    source_sha, target_sha : Sha
        The commits they named.
    counterparts : tuple of Counterpart
        One for each pair of commits, in the order of the source.
    missing_commits : tuple of Missing
        In the order of the source.
    skipped : tuple of Skipped
        What was left out.
    subjects : mapping of Sha to str
        Of every commit that is named.
    """

    source: str
    target: str
    source_sha: Sha
    target_sha: Sha
    counterparts: tuple[Counterpart, ...]
    missing_commits: tuple[Missing, ...]
    skipped: tuple[Skipped, ...]
    subjects: Mapping[Sha, str]

    def __repr__(self) -> str:
        return (
            f"<Match {self.source!r} on {self.target!r}: {len(self.counterparts)} pairs, "
            f"{len(self.missing_commits)} missing, {len(self.skipped)} skipped>"
        )

    def __str__(self) -> str:
        from branchsim.audit.text import match_text

        return match_text(self)

    def _repr_html_(self) -> str:
        from branchsim.audit.html import match_html

        return match_html(self)

    @property
    def matches(self) -> pd.DataFrame:
        """A new table of the pairs.

        Returns
        -------
        DataFrame
            ``source``, ``target``, ``evidence`` (string), ``confidence``, ``overlap`` (Float64, 0 to 1), ``subject``,
            ``reason``, ``undone_by`` (string).
        """
        from branchsim.history.frames import NUMBER, TEXT, frame

        schema = {
            "source": TEXT, "target": TEXT, "evidence": TEXT, "confidence": NUMBER, "overlap": NUMBER,
            "subject": TEXT, "reason": TEXT, "undone_by": TEXT,
        }  # fmt: skip
        rows = (
            {
                "source": pair.source, "target": pair.target, "evidence": pair.evidence.value,
                "confidence": pair.confidence, "overlap": pair.overlap, "subject": self.subjects.get(pair.source),
                "reason": pair.reason, "undone_by": pair.undone_by,
            }
            for pair in self.counterparts
        )  # fmt: skip
        return frame(rows, schema)

    @property
    def missing(self) -> pd.DataFrame:
        """A new table of the commits that are not on the target.

        Returns
        -------
        DataFrame
            ``source``, ``applies``, ``subject``, ``reason`` (string).
        """
        from branchsim.history.frames import TEXT, frame

        rows = (
            {"source": m.source, "applies": m.applies.value, "subject": self.subjects.get(m.source), "reason": m.reason}
            for m in self.missing_commits
        )
        return frame(rows, dict.fromkeys(("source", "applies", "subject", "reason"), TEXT))

    def to_dict(self) -> dict[str, Any]:
        """The JSON form: the stable interface for other programs, documented in ``docs/formats.md``."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "target": self.target,
            "matches": [
                {
                    "source": pair.source,
                    "target": pair.target,
                    "evidence": pair.evidence.value,
                    "confidence": pair.confidence,
                    "overlap": round(pair.overlap, 3),
                    "reason": pair.reason,
                    "undone_by": pair.undone_by,
                    "differences": [asdict(each) for each in pair.differences],
                }
                for pair in self.counterparts
            ],
            "missing": [
                {"source": m.source, "applies": m.applies.value, "reason": m.reason} for m in self.missing_commits
            ],
            "skipped": [{"what": s.what, "reason": s.reason} for s in self.skipped],
        }


def match(
    repo: RepositoryLike | Repository,
    source: str,
    target: str,
    *,
    trailers: bool = True,
    hunks: bool = False,
    cache: Path | str | None = "default",
) -> Match:
    """Which commits of one revision are on another, and as what.

    Parameters
    ----------
    repo : path-like, git.Repo or Repository
        The repository; it is only read.
    source, target : str
        Any two revisions. The commits of ``source`` that are not ancestors of ``target`` are looked for among those of
        ``target`` that are not ancestors of ``source``.
    trailers : bool
        Whether what messages say of other commits (``cherry picked from commit``) counts as evidence.
    hunks : bool
        Whether the hunks in which an adapted port differs from its source are read too (`Counterpart.differences`).
    cache : path, None or "default"
        Where facts about commits are kept; None keeps nothing.

    Returns
    -------
    Match
        The pairs, what is missing, and what was left out.

    Raises
    ------
    NotARepositoryError, UnknownRevisionError, GitError
        The input is wrong, or git failed.

    Examples
    --------
    >>> match(".", "production", "integration").missing  # doctest: +SKIP
    """
    if not isinstance(repo, Repository):
        with Repository(repo) as opened:
            return match(opened, source, target, trailers=trailers, hunks=hunks, cache=cache)
    directory = default_cache() if cache == "default" else None if cache is None else Path(cache)
    one, other = repo.resolve(source), repo.resolve(target)
    results = ResultCache(directory)
    key = None
    if results.path is not None:
        # A trailer may name any commit that a ref leads to.
        asked = {"pair": [one, other], "trailers": trailers, "hunks": hunks}
        key = digest_of(repo, match=asked, refs=sorted(repo.refs.items()))
    kept = results.get(key) if key is not None else None
    if kept is not None:
        # What is no result any more is computed anew.
        with suppress(ValueError):
            return Match(source, target, one, other, **unpacked(kept, _KINDS))
    facts = FactCache(directory)
    found, complete = _compared(repo, source, target, (one, other), facts, trailers=trailers, hunks=hunks)
    # Where facts cannot be kept nothing can, and that has been said.
    if key is not None and complete and facts.path is not None:
        results.put(key, packed({name: getattr(found, name) for name in _KINDS}))
    return found


_KINDS = {
    "counterparts": tuple[Counterpart, ...],
    "missing_commits": tuple[Missing, ...],
    "skipped": tuple[Skipped, ...],
    "subjects": dict[Sha, str],
}
"""What is kept of a match; the rest is asked for."""


def _compared(
    repo: Repository,
    source: str,
    target: str,
    tips: tuple[Sha, Sha],
    facts: FactCache,
    *,
    trailers: bool,
    hunks: bool,
) -> tuple[Match, bool]:
    """What `match` finds, and whether everything could be read."""
    one, other = tips
    commits = read_difference(repo.scratch, one, other)
    patches = Patches(repo.scratch, facts)
    sources = [commit for commit in commits if commit.side == "<"]
    targets = [commit for commit in commits if commit.side == ">"]
    changing = [commit for commit in sources if commit.changes and not commit.is_merge]
    matcher = Matcher(
        repo=repo,
        source=one,
        target=other,
        sources=sources,
        targets=targets,
        patches=patches,
        tries=Tries(repo.scratch, changing, other, patches.pairs(changing)),
    )
    with matcher.tries.ahead(), patches.ahead(likely_read(sources, targets), matcher.tries.watch):
        pairs = matcher.pairs(trailers=trailers)
        found = matcher.result(source, target, pairs)
    complete = repo.partial or not (patches.skipped or matcher.tries.failed)
    if not hunks:
        return found, complete
    adapted = [(each.source, each.target) for each in found.counterparts if each.is_adapted]
    differences = differing_hunks(repo.scratch, adapted)
    told = (replace(each, differences=differences.get((each.source, each.target), ())) for each in found.counterparts)
    return replace(found, counterparts=tuple(told)), complete


@dataclass(frozen=True, slots=True)
class Matcher:
    """The parts of a match, for callers that have read the commits already.

    Attributes
    ----------
    repo : Repository
        Where to read.
    source, target : Sha
        The tips.
    sources, targets : sequence of Commit
        What each side has that the other has not.
    patches : Patches
        Reads the patches.
    tries : Tries
        Tells what applies.
    """

    repo: Repository
    source: Sha
    target: Sha
    sources: Sequence[Commit]
    targets: Sequence[Commit]
    patches: Patches
    tries: Tries

    def pairs(self, *, trailers: bool) -> list[Counterpart]:
        """Every pair of commits that are one change, in the order of the source."""
        return counterparts(
            self.patches, self.sources, self.targets,
            bundles=brought_in(self.sources, [self.source]), trailers=trailers, tips=(self.source, self.target),
        )  # fmt: skip

    def result(self, source: str, target: str, pairs: Sequence[Counterpart]) -> Match:
        """The whole answer: the pairs, what is missing and whether it would apply, and what was left out."""
        found = {pair.source: pair for pair in pairs}
        effective = {pair.source for pair in pairs if pair.undone_by is None}
        withdrawn = undone_by(self.sources)
        empty = [c for c in self.sources if not c.is_merge and not c.changes]
        skipped = [Skipped(c.sha, "it changes nothing") for c in empty]
        if self.repo.shallow:
            skipped.append(Skipped("history", "the clone is shallow: commits beyond its edge could not be compared"))
        open_commits = [c for c in self.sources if c.changes and not c.is_merge and c.sha not in effective]
        self.patches.watched()
        verdicts = self.tries.verdicts(open_commits)
        untried = {sha: f"git could not try it on the target: {why}" for sha, why in self.tries.failed.items()}
        skipped += [Skipped(sha, why) for sha, why in sorted((untried | dict(self.patches.skipped)).items())]
        missing = []
        for commit in open_commits:
            applies, why = verdicts[commit.sha]
            pair = found.get(commit.sha)
            if pair is not None:
                why = f"it was ported as {pair.target[:12]}, which {(pair.undone_by or '')[:12]} reverted; {why}"
            if commit.sha in withdrawn:
                why = f"the source itself reverted it, with {withdrawn[commit.sha][:12]}; {why}"
            missing.append(Missing(commit.sha, applies, why))
        told = {sha for pair in pairs for sha in (pair.source, pair.target)} | {each.source for each in missing}
        named = {c.sha: c.subject for c in (*self.sources, *self.targets) if c.sha in told}
        return Match(source, target, self.source, self.target, tuple(pairs), tuple(missing), tuple(skipped), named)


def counterparts(
    patches: Patches,
    sources: Sequence[Commit],
    targets: Sequence[Commit],
    *,
    bundles: Mapping[Sha, Sequence[Sha]],
    trailers: bool = True,
    tips: tuple[Sha, Sha] | None = None,
    allowed: Callable[[Sha, Sha], bool] | None = None,
) -> list[Counterpart]:
    """Every pair of commits that are one change: the ladder of evidence, climbed for all at once.

    Parameters
    ----------
    patches : Patches
        Reads the patches.
    sources, targets : sequence of Commit
        The two sides, with their changed paths, newest first.
    bundles : mapping
        From a merge of the source to the commits it brought in.
    trailers : bool
        Whether what messages say of other commits counts.
    tips : (Sha, Sha), optional
        The tips of both sides, where the whole source may be one squash of the target.
    allowed : callable, optional
        Whether a target can be the port of a source at all.

    Returns
    -------
    list of Counterpart
        In the order of the sources.
    """
    undone = undone_by(targets)
    pairing = Pairing(sources, targets, patches.read, bundles, allowed, frozenset(undone))
    stated = trailer_edges(patches.scratch, sources, targets)[0] if trailers else []
    if allowed is not None:
        stated = [edge for edge in stated if allowed(edge.source, edge.target)]
    edges = pairing.edges(lambda taken: _patch_ids_ahead(_with_trailers(taken, stated), pairing, patches))
    edges = _with_trailers(edges, stated)
    edges += spread(edges, pairing)
    if tips is not None:
        edges = _prefer(whole_branch(patches.scratch, pairing, *tips, edges), edges)
    edges += listed(edges, pairing)
    edges += contained(edges, pairing, pairing.near)
    edges = _with_patch_ids(edges, pairing, patches)
    place = {commit.sha: at for at, commit in enumerate(sources)}
    edges.sort(key=lambda edge: (place[edge.source], edge.target))
    return [_counterpart(edge, undone.get(edge.target)) for edge in edges]


def _patch_ids_ahead(edges: Sequence[Edge], pairing: Pairing, patches: Patches) -> None:
    """Ask for the patch-ids of what is paired already, while more is looked for."""
    patches.patch_ids_ahead(_unlike(edges, pairing)[1])


def _unlike(edges: Sequence[Edge], pairing: Pairing) -> tuple[set[Edge], list[Commit]]:
    """The edges with equal changed lines between files that are not equal as a whole, and their commits.

    What changes the same files from and to the same contents is one patch.
    """
    commits = {commit.sha: commit for commit in (*pairing.sources, *pairing.targets)}
    unlike = {
        edge
        for edge in edges
        if edge.evidence is Evidence.ZERO_CONTEXT and commits[edge.source].changes != commits[edge.target].changes
    }
    wanted = {sha for edge in unlike for sha in (edge.source, edge.target)}
    return unlike, [commit for sha, commit in commits.items() if sha in wanted]


def _with_patch_ids(edges: list[Edge], pairing: Pairing, patches: Patches) -> list[Edge]:
    """The edges with equal changed lines whose patches are equal with their context too, raised to that rung."""
    unlike, commits = _unlike(edges, pairing)
    ids = patches.patch_ids(commits)
    return [
        replace(edge, evidence=Evidence.PATCH_ID)
        if edge.evidence is Evidence.ZERO_CONTEXT
        and (edge not in unlike or ids.get(edge.source, "") == ids.get(edge.target, "-"))
        else edge
        for edge in edges
    ]


def undone_by(commits: Sequence[Commit]) -> dict[Sha, Sha]:
    """The commits that another of them reverted, and that no revert of the revert brought back.

    Parameters
    ----------
    commits : sequence of Commit
        Newest first, as git lists them.
    """
    names = Names(commit.sha for commit in commits)
    state: dict[Sha, Sha] = {}
    for commit in reversed(commits):
        for prefix in reverted(commit.message):
            other = names.find(prefix)
            if other is not None and other != commit.sha:
                state[other] = commit.sha
    undone: dict[Sha, Sha] = {}
    for sha, by in state.items():
        # A chain of reverts: what an even number of them undid is back.
        chain = 1
        at = by
        while at in state and chain <= len(state):
            at = state[at]
            chain += 1
        if chain % 2:
            undone[sha] = by
    return undone


def _with_trailers(edges: Sequence[Edge], stated: Sequence[Edge]) -> list[Edge]:
    """What was found with what is stated: a trailer outranks, and content that agrees corroborates it."""
    by_pair = {(edge.source, edge.target): edge for edge in edges}
    named_targets = {edge.target for edge in stated}
    named_sources = {edge.source for edge in stated}
    merged = []
    for edge in stated:
        found = by_pair.get((edge.source, edge.target))
        if found is not None:
            also = (*edge.also, f"{found.evidence.value} agrees", *found.also)
            merged.append(replace(edge, also=also, overlap=found.overlap))
        else:
            merged.append(edge)
    pairs = {(edge.source, edge.target) for edge in stated}
    kept = [
        edge
        for edge in edges
        if (edge.source, edge.target) not in pairs
        and edge.target not in named_targets
        # A follow-up may name a commit that another one carries line by line.
        and (edge.source not in named_sources or edge.evidence is Evidence.ZERO_CONTEXT)
    ]
    return merged + kept


def _prefer(squashed: list[Edge], edges: list[Edge]) -> list[Edge]:
    """A squash that was shown to be one outranks likeness of single commits."""
    if not squashed:
        return edges
    sure = {Evidence.TRAILER, Evidence.PATCH_ID, Evidence.ZERO_CONTEXT, Evidence.AUTHOR_DATE}
    inside = {edge.source for edge in squashed}
    pairs = {(edge.source, edge.target) for edge in squashed}
    kept = [
        edge
        for edge in edges
        if (edge.source, edge.target) not in pairs and (edge.source not in inside or edge.evidence in sure)
    ]
    return squashed + kept


_ADAPTED = frozenset({Evidence.AUTHOR_DATE, Evidence.SUBJECT, Evidence.OVERLAP})
"""The rungs on which a port may differ from its source; ``git range-diff X^! Y^!`` shows the hunks that do."""

_REASONS = {
    Evidence.TRAILER: "{also}",
    Evidence.PATCH_ID: "both have the same patch (git show X | git patch-id --stable)",
    Evidence.ZERO_CONTEXT: "both change the same lines; only what stands around them differs (git diff X^! / Y^!)",
    Evidence.AUTHOR_DATE: "same author and author date; {overlap:.0%} of the changed lines are the same",
    Evidence.SUBJECT: "{overlap:.0%} of the changed lines are the same",
    Evidence.OVERLAP: "{overlap:.0%} of the changed lines are the same",
    Evidence.SQUASH: "squashed: {also}",
}


def _counterpart(edge: Edge, undone: Sha | None) -> Counterpart:
    also = ", ".join(edge.also)
    text = _REASONS[edge.evidence].format(also=also, overlap=edge.overlap)
    if edge.evidence in {Evidence.SUBJECT, Evidence.OVERLAP, Evidence.PATCH_ID, Evidence.ZERO_CONTEXT} and also:
        text += f"; {also}"
    if undone is not None:
        text += f"; {undone[:12]} reverted it"
    found = Counterpart(edge.source, edge.target, edge.evidence, CONFIDENCE[edge.evidence], edge.overlap, text, undone)
    return replace(found, reason=f"adapted: {text}") if found.is_adapted else found
