"""Pair the commits of two sides: which commit of the one is the port of which commit of the other.

Works on records alone, without git. Metadata (author and date, subject, tickets) and changed paths propose pairs,
patches decide, and each target goes to one source: the pairs with most in common first.
"""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from branchsim.audit.evidence import Evidence
from branchsim.git.log import Commit
from branchsim.git.patches import PatchFacts
from branchsim.history.messages import is_revert_subject, pull_request, references, says_port, subject_key, words
from branchsim.names import Sha, file_name

MANY_PATHS = 400
"""A merge that changes more paths than this brings in a branch, not a change, and is not compared as one."""

_UNDONE = 0.25
_COMMON = 60
"""A key (subject, ticket, changed line) that more commits share than this proposes nothing."""

_MOST_COUNTED = 4096
"""So many counted patches are held at once."""

Read = Callable[[Iterable[Commit]], Mapping[Sha, PatchFacts]]


@dataclass(frozen=True, slots=True)
class Item:
    """A commit with what is compared of it.

    ``pull`` is the pull request it landed with; ``cited`` are the pull requests and tickets that its subject names.
    """

    commit: Commit
    key: str
    words: frozenset[str]
    references: frozenset[str]
    pull: str | None
    cited: frozenset[str]
    paths: frozenset[bytes]
    names: frozenset[bytes]

    @property
    def sha(self) -> Sha:
        """Its id."""
        return self.commit.sha


@dataclass(frozen=True, slots=True)
class Edge:
    """A possible pair: what it rests on, and how much the two have in common.

    Attributes
    ----------
    source, target : Sha
        The two commits.
    evidence : Evidence
        The strongest rung that holds.
    also : tuple of str
        What corroborates it.
    score : float
        In arbitrary units, only for ranking.
    overlap : float
        Share of changed lines in common (Jaccard, as multisets), 0 to 1.
    """

    source: Sha
    target: Sha
    evidence: Evidence
    also: tuple[str, ...] = ()
    score: float = 0.0
    overlap: float = 0.0


def item(commit: Commit) -> Item:
    """What is compared of a commit."""
    key = subject_key(commit.message)
    paths = frozenset(change.path for change in commit.changes)
    cited = references(commit.message)
    return Item(
        commit=commit,
        key=key,
        words=words(key),
        references=cited,
        pull=pull_request(commit.message),
        cited=references(commit.subject) if cited else cited,
        paths=paths,
        names=frozenset(_names(commit)),
    )


def comparable(commit: Commit) -> bool:
    """Whether a commit is compared as one change."""
    return bool(commit.changes) and (not commit.is_merge or len(commit.changes) <= MANY_PATHS)


def likely_read(sources: Sequence[Commit], targets: Sequence[Commit]) -> list[Commit]:
    """The commits of which a pairing reads nearly all: those with a file name that the other side has too."""
    sides = [[commit for commit in side if comparable(commit)] for side in (sources, targets)]
    names = [{name for commit in side for name in _names(commit)} for side in sides]
    return [
        commit
        for side, other in zip(sides, reversed(names), strict=True)
        for commit in side
        if not other.isdisjoint(_names(commit))
    ]


def _names(commit: Commit) -> Iterable[bytes]:
    return (file_name(change.path) for change in commit.changes)


def common(one: PatchFacts, other: PatchFacts) -> int:
    """How many meaningful changed lines two patches have in common, as multisets."""
    return _overlap(Counter(one.lines), Counter(other.lines))


def _overlap(a: Counter[int], b: Counter[int]) -> int:
    if len(b) < len(a):
        a, b = b, a
    return sum(min(count, b[line]) for line, count in a.items() if line in b)


def jaccard(one: frozenset[bytes] | frozenset[str], other: frozenset[bytes] | frozenset[str]) -> float:
    """The share of elements that two sets have in common, 0 to 1; 0 if both are empty."""
    union = len(one | other)
    return len(one & other) / union if union else 0.0


def same_person(one: Commit, other: Commit) -> bool:
    """Whether two commits have the same author, by name or address."""
    return one.author.casefold() == other.author.casefold() or (
        bool(one.author_email) and one.author_email.casefold() == other.author_email.casefold()
    )


@dataclass
class Pairing:
    """The pairing of two sides, step by step.

    Parameters
    ----------
    sources, targets : sequence of Commit
        The two sides.
    read : callable
        Gives the patch facts of some commits; asked only for those that may matter.
    bundles : mapping
        From a merge to the commits it brought in: the two are one change, and may have the same counterpart.
    allowed : callable, optional
        Whether a target can be the port of a source at all.
    undone : frozenset of Sha
        Targets that were reverted; of two that are alike the other one counts.
    """

    sources: Sequence[Commit]
    targets: Sequence[Commit]
    read: Read
    bundles: Mapping[Sha, Sequence[Sha]] = field(default_factory=dict)
    allowed: Callable[[Sha, Sha], bool] | None = None
    undone: frozenset[Sha] = frozenset()
    facts: dict[Sha, PatchFacts] = field(default_factory=dict)
    near: dict[Sha, list[Item]] = field(default_factory=dict)
    _counted: dict[Sha, Counter[int]] = field(default_factory=dict)

    @functools.cached_property
    def source_items(self) -> list[Item]:
        """What is compared of the sources."""
        return [item(commit) for commit in self.sources if comparable(commit)]

    @functools.cached_property
    def target_items(self) -> list[Item]:
        """What is compared of the targets."""
        return [item(commit) for commit in self.targets if comparable(commit)]

    def edges(self, first: Callable[[Sequence[Edge]], None] | None = None) -> list[Edge]:
        """The pairs that hold, each target once, best first.

        Parameters
        ----------
        first : callable, optional
            Receives those that metadata proposed, before the others are looked for.
        """
        proposed = self._by_metadata()
        by_sha = {t.sha: t for t in self.target_items}
        self._load(proposed, (by_sha[sha] for sha, candidates in proposed.items() if candidates))
        uniqueness = self._uniqueness()
        edges = self._judge(proposed, uniqueness)
        taken = assign(edges, self.bundles, self.undone)
        if first is not None:
            first(taken)
        settled = {edge.target for edge in taken if edge.evidence in _STRONG}
        open_items = [t for t in self.target_items if t.sha not in settled]
        more = self.near = self._by_content(open_items)
        edges += self._judge(more, uniqueness)
        return self._drop_shadows(assign(edges, self.bundles, self.undone))

    def _drop_shadows(self, edges: list[Edge]) -> list[Edge]:
        """Without the merges that say no more than one of the commits they brought.

        A merge keeps its counterpart where that is the whole of it: a squash of what it brought in, or what no single
        commit of it accounts for.
        """
        direct = {(edge.source, edge.target): edge for edge in edges}
        kept = []
        for edge in edges:
            inner = [
                direct[sha, edge.target] for sha in self.bundles.get(edge.source, ()) if (sha, edge.target) in direct
            ]
            whole = edge.evidence is Evidence.ZERO_CONTEXT
            if not inner or (whole and all(e.evidence is not Evidence.ZERO_CONTEXT for e in inner)):
                kept.append(edge)
        return kept

    def load(self, shas: Iterable[Sha]) -> None:
        """Read the patches of further commits of either side."""
        wanted = {sha for sha in shas if sha not in self.facts}
        if wanted:
            self.facts.update(self.read(commit for commit in (*self.sources, *self.targets) if commit.sha in wanted))

    def _load(self, proposed: Mapping[Sha, Iterable[Item]], items: Iterable[Item]) -> None:
        wanted = {i.sha: i.commit for i in items}
        for candidates in proposed.values():
            wanted.update((s.sha, s.commit) for s in candidates)
        self.facts.update(self.read(commit for sha, commit in wanted.items() if sha not in self.facts))

    def _by_metadata(self) -> dict[Sha, list[Item]]:
        """For each target the sources with the same author date, subject, tickets or very blobs."""
        index: dict[object, list[Item]] = defaultdict(list)
        for s in self.source_items:
            for key in _keys(s):
                index[key].append(s)
        proposed: dict[Sha, list[Item]] = {}
        for t in self.target_items:
            found: dict[Sha, Item] = {}
            for key in _keys(t):
                near = index.get(key, ())
                if len(near) <= _COMMON:
                    found.update((s.sha, s) for s in near)
            proposed[t.sha] = list(found.values())
        return proposed

    def _by_content(self, open_items: list[Item]) -> dict[Sha, list[Item]]:
        """For each target still open the sources whose changed lines resemble its own."""
        names = {name for s in self.source_items for name in s.names}
        open_items = [t for t in open_items if not t.names.isdisjoint(names)]
        names = {name for t in open_items for name in t.names}
        near = [s for s in self.source_items if not s.names.isdisjoint(names)]
        self._load({}, [*near, *open_items])
        by_line: dict[int, list[Sha]] = defaultdict(list)
        by_zero: dict[bytes, list[Sha]] = defaultdict(list)
        for t in open_items:
            fact = self.facts.get(t.sha)
            if fact is None:
                continue
            if fact.zero_id:
                by_zero[fact.zero_id].append(t.sha)
            for line in set(fact.lines):
                by_line[line].append(t.sha)
        proposed: dict[Sha, list[Item]] = defaultdict(list)
        for s in near:
            fact = self.facts.get(s.sha)
            if fact is None:
                continue
            shared: Counter[Sha] = Counter()
            for line in set(fact.lines):
                holders = by_line.get(line)
                if holders is not None and len(holders) <= _COMMON:
                    shared.update(holders)
            best = {sha for sha, count in shared.items() if count >= 0.1 * len(fact.lines)}
            best.update(by_zero.get(fact.zero_id, ()) if fact.zero_id else ())
            for sha in best:
                proposed[sha].append(s)
        return proposed

    def _uniqueness(self) -> Mapping[str, int]:
        """How often a subject occurs on the side where it occurs most."""
        one = Counter(s.key for s in self.source_items if not s.commit.is_merge)
        other = Counter(t.key for t in self.target_items if not t.commit.is_merge)
        return {key: max(one[key], other[key]) for key in one.keys() | other.keys()}

    @functools.cached_property
    def _crowded(self) -> frozenset[object]:
        """The authors and dates that tell nothing: what was scripted or imported has many commits of one second."""
        subjects: dict[object, set[str]] = defaultdict(set)
        crowded: set[object] = set()
        for side in (self.source_items, self.target_items):
            subjects.clear()
            for each in side:
                subjects[_moment(each.commit)].add(each.key)
            crowded.update(moment for moment, keys in subjects.items() if len(keys) > 1)
        return frozenset(crowded)

    def _judge(self, proposed: Mapping[Sha, Iterable[Item]], uniqueness: Mapping[str, int]) -> list[Edge]:
        by_sha = {t.sha: t for t in self.target_items}
        edges = []
        for sha, candidates in proposed.items():
            t = by_sha[sha]
            for s in candidates:
                if self.allowed is not None and not self.allowed(s.sha, t.sha):
                    continue
                edge = judge(
                    s, t, self.facts.get(s.sha), self.facts.get(t.sha), uniqueness, self._common, self._crowded
                )
                if edge is not None:
                    edges.append(replace(edge, score=edge.score - _UNDONE) if t.sha in self.undone else edge)
        return edges

    def _common(self, s: Sha, t: Sha) -> int:
        """`common` of a source and a target: each is counted once for all the pairs it is in."""
        return _overlap(self._count(s), self._count(t))

    def _count(self, sha: Sha) -> Counter[int]:
        counted = self._counted.get(sha)
        if counted is None:
            if len(self._counted) >= _MOST_COUNTED:
                self._counted.clear()
            counted = self._counted[sha] = Counter(self.facts[sha].lines)
        return counted


_STRONG = frozenset({Evidence.PATCH_ID, Evidence.ZERO_CONTEXT, Evidence.AUTHOR_DATE})


def _keys(i: Item) -> Iterable[object]:
    commit = i.commit
    yield _moment(commit)
    if i.key:
        yield ("subject", i.key)
    for reference in i.references:
        yield ("reference", reference)
    yield ("blobs", frozenset((change.old, change.new) for change in commit.changes))


def _moment(commit: Commit) -> tuple[object, ...]:
    return "at", commit.authored_at, commit.author.casefold()


def judge(
    s: Item,
    t: Item,
    one: PatchFacts | None,
    other: PatchFacts | None,
    uniqueness: Mapping[str, int],
    counted: Callable[[Sha, Sha], int] | None = None,
    crowded: Container[object] = (),
) -> Edge | None:
    """The rung on which a pair stands, or None where it does not stand.

    Parameters
    ----------
    s, t : Item
        The source and the target.
    one, other : PatchFacts or None
        Their patches, where they could be read.
    uniqueness : mapping
        How often a subject occurs on one side.
    counted : callable, optional
        `common` by the ids of the two, for callers that ask of many pairs.
    crowded : container
        The authors and dates that several changes share, so that they are no evidence.

    Notes
    -----
    The rungs and their limits are explained in ``docs/accuracy.md``.
    """
    person = same_person(s.commit, t.commit)
    dated = person and s.commit.authored_at == t.commit.authored_at and _moment(t.commit) not in crowded
    titled = bool(s.key) and s.key == t.key
    rare = titled and uniqueness.get(s.key, 1) <= 1
    similar = 1.0 if titled else jaccard(s.words, t.words)
    ticket = bool(s.references & t.references)
    pull = (s.pull in t.cited or t.pull in s.cited) and is_revert_subject(s.commit.subject) == is_revert_subject(
        t.commit.subject
    )
    named = jaccard(s.names, t.names)
    same = one is not None and other is not None and bool(one.zero_id) and one.zero_id == other.zero_id
    shared, inside, changed = 0.0, 0.0, 0
    if one is not None and other is not None:
        changed = min(one.changed, other.changed)
        fewer, more = sorted((len(one.lines), len(other.lines)))
        # Where nothing else speaks for a pair half of the lines have to agree, which too different sizes exclude.
        if not (same or dated or titled or person or ticket or similar >= _MOST) and fewer < _HALF * more:
            return None
        both = fewer if same else counted(s.sha, t.sha) if counted is not None else common(one, other)
        shared = 1.0 if same else both / max(1, fewer + more - both)
        inside = 1.0 if same else both / max(1, fewer)

    like = _Likeness(
        same=same,
        dated=dated,
        titled=titled,
        rare=rare,
        person=person,
        ticket=ticket,
        pull=pull,
        port=pull and (says_port(t.commit.subject) or says_port(s.commit.subject)),
        similar=similar,
        named=named,
        shared=shared,
        inside=inside,
        changed=changed,
        words=len(s.words),
    )
    evidence = next((rung for rung, holds in _RUNGS if holds(like)), None)
    if evidence is None:
        return None
    also = [
        name
        for name, holds in (
            ("same author and date", dated),
            ("same author", person and not dated),
            ("same subject", titled),
            ("same pull request", pull),
            ("same ticket", ticket and not pull),
        )
        if holds
    ]
    score = (
        8.0 * shared
        # A few lines are equal by chance sooner than a title or a pull request is.
        + (4.0 if same and (changed >= _SOME_LINES or person or titled) else 0.0)
        + (6.0 if dated else 1.0 if person else 0.0)
        + (5.0 if rare else 2.5 if titled else 2.0 * similar)
        + (4.0 if pull else 1.0 if ticket else 0.0)
        + named
        # A merge of the target stands behind the commit that it brought.
        - _MERGED[s.commit.is_merge, t.commit.is_merge]
    )
    return Edge(s.sha, t.sha, evidence, tuple(also), score, shared)


_MERGED = {(False, False): 0.0, (True, False): 0.5, (True, True): 1.0, (False, True): 4.0}
"""What a pair loses in rank by whether its source and its target are merges."""


@dataclass(frozen=True, slots=True)
class _Likeness:
    """What two commits have in common.

    ``pull`` is whether the subject of one names the pull request that the other landed with, ``port`` whether it is
    then also said to be a port. ``similar`` is of the words of their subjects, ``named`` of their file names,
    ``shared`` of their changed lines (all Jaccard, 0 to 1); ``inside`` is the share of the smaller patch that is in the
    larger, ``changed`` its size in lines.
    """

    same: bool
    dated: bool
    titled: bool
    rare: bool
    person: bool
    ticket: bool
    pull: bool
    port: bool
    similar: float
    named: float
    shared: float
    inside: float
    changed: int
    words: int


# The limits of the rungs: where real ports part from commits that only look alike, see ``docs/accuracy.md``.
_FEW_LINES = 2
_SOME_LINES = 4
_MANY_LINES = 6
_FEW_WORDS = 3
_TRACE = 0.1
_SOME = 0.2
_THIRD = 0.3
_LIKELY = 0.4
_HALF = 0.5
_MOST = 0.6
_NEARLY_ALL = 0.8
_ALL = 0.999


def _same_lines(like: _Likeness) -> bool:
    """Small patches are equal by chance, so they need something else in common."""
    alike = like.titled or like.person or (like.similar >= _HALF and like.named >= _HALF)
    if not like.same or (like.changed < _FEW_LINES and not alike):
        return False
    other = like.person or like.ticket or like.similar >= _LIKELY or like.named >= _HALF
    return like.changed >= _MANY_LINES or other


def _same_date(like: _Likeness) -> bool:
    return like.dated and (like.titled or like.shared >= _SOME)


def _same_subject(like: _Likeness) -> bool:
    telling = like.rare and like.words >= _FEW_WORDS and (like.person or like.inside >= _TRACE)
    said = like.pull and like.named > 0 and (like.port or like.similar >= _MOST or like.inside >= _HALF)
    # What is called the same and names the pull request is its port, though each is in other files.
    said = said or (like.pull and like.rare and like.words >= _FEW_WORDS)
    return telling or said or (like.titled and like.shared >= _HALF)


def _overlapping(like: _Likeness) -> bool:
    if like.changed >= _SOME_LINES and like.shared >= _NEARLY_ALL:
        return True
    known = like.similar >= _MOST or like.person or (like.ticket and like.similar >= _SOME)
    if like.shared >= _HALF and known:
        return True
    linked = like.titled or ((like.person or like.ticket) and like.similar >= _THIRD)
    # A port that brings its entry of the change log along holds all of its source, and more.
    whole = like.inside >= _ALL and like.named > 0
    if like.changed >= _SOME_LINES:
        return (whole and like.shared >= _HALF) or (like.inside >= _NEARLY_ALL and linked)
    return whole and linked and like.changed >= _FEW_LINES


_RUNGS: tuple[tuple[Evidence, Callable[[_Likeness], bool]], ...] = (
    (Evidence.ZERO_CONTEXT, _same_lines),
    (Evidence.AUTHOR_DATE, _same_date),
    (Evidence.SUBJECT, _same_subject),
    (Evidence.OVERLAP, _overlapping),
)


def assign(
    edges: Iterable[Edge], bundles: Mapping[Sha, Sequence[Sha]] | None = None, undone: Container[Sha] = ()
) -> list[Edge]:
    """One source for each target and one target for each source, the best pairs first.

    A merge and the commits it brought in are one change: they may share a counterpart. A source whose counterpart is
    ``undone`` may have been ported again, so it can have one more that is not. Ties are broken by id, so that the order
    of the input does not matter.
    """
    bundles = bundles or {}
    sources: set[Sha] = set()
    withdrawn: set[Sha] = set()
    targets: dict[Sha, Sha] = {}
    chosen = []
    for edge in sorted(set(edges), key=lambda e: (-e.score, e.target, e.source)):
        if edge.source in sources or (edge.source in withdrawn and edge.target in undone):
            continue
        holder = targets.get(edge.target)
        if holder is not None and not _related(edge.source, holder, bundles):
            continue
        if holder is None:
            targets[edge.target] = edge.source
        (withdrawn if edge.target in undone else sources).add(edge.source)
        chosen.append(edge)
    return chosen


def _related(one: Sha, other: Sha, bundles: Mapping[Sha, Sequence[Sha]]) -> bool:
    return one in bundles.get(other, ()) or other in bundles.get(one, ())
