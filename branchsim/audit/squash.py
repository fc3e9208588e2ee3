"""Squashes: several commits of the source that are one commit of the target.

The unit of a squash is a branch: what a merge brought in, or the whole of the source since it forked. Its net patch is
compared with single commits of the target; where the patches differ, merging the branch just before and just after
such a commit tells whether it brought the branch's content. What is left is explained by containment: a commit that
holds the lines of several.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from branchsim.audit.evidence import Evidence
from branchsim.audit.pairing import Edge, Item, Pairing, common, jaccard, same_person
from branchsim.effects import classify_path
from branchsim.git.commitobject import load_commits
from branchsim.git.difftree import raw_changes
from branchsim.git.log import Commit, merge_bases
from branchsim.git.patches import PatchFacts, read_patches
from branchsim.git.scratch import Scratch
from branchsim.git.session import merge_some
from branchsim.history.messages import says_port
from branchsim.names import Sha, file_name

LONGEST_BRANCH = 250
"""A source with more commits than this is a long-lived branch; as a whole it is not looked for as one squash."""

_CANDIDATES = 24
_PREFIXES = 40
_INSIDE = 0.8
_MOST_OF_IT = 0.5
_FEWEST_COMMITS = 2
_ALIKE = 0.3
_FEWEST_LINES = 4
_FEWEST_WORDS = 3
_LISTED = "its message lists the commit"
_NUMBERED = "its subject names the pull request, among others"
_NAMED = frozenset({Evidence.TRAILER, Evidence.AUTHOR_DATE, Evidence.SUBJECT})
"""The rungs on which a target says of itself whose port it is."""


def spread(edges: Sequence[Edge], pairing: Pairing) -> list[Edge]:
    """The commits that a merge brought in, where the merge as a whole has a counterpart.

    Parameters
    ----------
    edges : sequence of Edge
        The pairs found so far.
    pairing : Pairing
        Where they were found.

    Returns
    -------
    list of Edge
        One for each commit of such a merge that has no counterpart of its own and whose lines did not fall away.
    """
    own = {edge.source for edge in edges}
    merges = {commit.sha: commit for commit in pairing.sources if commit.is_merge}
    changing = {commit.sha for commit in pairing.sources if commit.changes and not commit.is_merge}
    more = []
    for edge in edges:
        if edge.source not in merges:
            continue
        inner = [sha for sha in pairing.bundles.get(edge.source, ()) if sha in changing and sha not in own]
        whole = edge.evidence in {Evidence.ZERO_CONTEXT, Evidence.PATCH_ID}
        if not whole:
            pairing.load(inner)
        why = (f"brought in by {edge.source[:12]}",)
        more += [
            Edge(sha, edge.target, Evidence.SQUASH, why, 0.0, edge.overlap)
            for sha in inner
            if whole or _survives(sha, edge, pairing)
        ]
    return more


def _survives(sha: Sha, edge: Edge, pairing: Pairing) -> bool:
    """Whether what the merge kept of a commit is in the merge's counterpart."""
    facts = [pairing.facts.get(name) for name in (sha, edge.source, edge.target)]
    if any(fact is None for fact in facts):
        return False
    one, net, target = (Counter(fact.lines) for fact in facts if fact is not None)
    kept = one & net
    return sum((kept & target).values()) >= _INSIDE * sum(kept.values())


def whole_branch(scratch: Scratch, pairing: Pairing, source: Sha, target: Sha, edges: Sequence[Edge]) -> list[Edge]:
    """The whole source as one squash of the target, or the part of it up to one of its commits.

    Parameters
    ----------
    scratch : Scratch
        Where to read and to merge.
    pairing : Pairing
        The two sides.
    source, target : Sha
        Their tips.
    edges : sequence of Edge
        The pairs of single commits found so far.

    Returns
    -------
    list of Edge
        One for each commit of the squash, or none.
    """
    parts = [commit for commit in pairing.sources if commit.changes and not commit.is_merge]
    if not _FEWEST_COMMITS <= len(parts) <= LONGEST_BRANCH:
        return []
    bases = merge_bases(scratch, target, source)
    if not bases:
        return []
    candidates = _candidates(parts, pairing)
    if not candidates:
        return []
    pairing.load(t.sha for t in candidates)
    found = (
        _by_net_patch(scratch, pairing, candidates, bases[0], [source])
        or _by_merging(scratch, _not_picked(parts, candidates, edges), source)
        or _by_net_patch(scratch, pairing, candidates, bases[0], _prefixes(pairing.sources, source))
    )
    if found is None:
        return []
    sha, tip, how = found
    inside = parts if tip == source else _up_to(parts, pairing.sources, tip)
    (squash,) = (t for t in candidates if t.sha == sha)
    picked = {edge.source for edge in edges if edge.evidence is Evidence.ZERO_CONTEXT and edge.target != sha}
    if len(inside) < _FEWEST_COMMITS or not _holds_most(scratch, inside, bases[0], tip, squash, picked):
        return []
    return [Edge(commit.sha, sha, Evidence.SQUASH, (how,), 0.0, 1.0) for commit in inside]


def _holds_most(
    scratch: Scratch, parts: Sequence[Commit], base: Sha, tip: Sha, squash: Item, picked: Collection[Sha]
) -> bool:
    """Whether a commit can be the squash of a branch: it touches most of what the branch left.

    Where most of a branch had come before, by picks, whatever brings the rest completes it.
    """
    before, after = (commit.tree for commit in load_commits(scratch, [base, tip]))
    left = {file_name(raw.path) for raw in raw_changes(scratch, [(before, after)])[before, after]}
    names = {commit.sha: {file_name(change.path) for change in commit.changes} & left for commit in parts}
    alone = [commit for commit in parts if names[commit.sha] and commit.sha not in picked]
    touched = [commit for commit in alone if names[commit.sha] & squash.names]
    return len(touched) >= _MOST_OF_IT * len(alone)


def _not_picked(parts: Sequence[Commit], candidates: Sequence[Item], edges: Sequence[Edge]) -> list[Item]:
    """The candidates that may be the squash: without what was picked elsewhere, several commits are left."""
    picked = {edge.source: edge.target for edge in edges if edge.evidence is Evidence.ZERO_CONTEXT}
    return [t for t in candidates if sum(picked.get(commit.sha, t.sha) == t.sha for commit in parts) >= _FEWEST_COMMITS]


def _candidates(parts: Sequence[Commit], pairing: Pairing) -> list[Item]:
    """The targets that touch what the branch touches, the most alike first."""
    names = frozenset(file_name(change.path) for commit in parts for change in commit.changes)
    ranked = []
    for t in pairing.target_items:
        if t.commit.is_merge or not t.commit.parents:
            continue
        alike = jaccard(names, t.names)
        if alike > 0:
            ranked.append((-alike, t.commit.committed_at, t.sha, t))
    ranked.sort(key=lambda entry: entry[:3])
    return [t for *_, t in ranked[:_CANDIDATES]]


def _prefixes(commits: Iterable[Commit], source: Sha) -> list[Sha]:
    """The commits of the branch's own line but for its tip, newest first; of a long one the ends."""
    line = [commit.sha for commit in _first_parent_line(commits, source)][-2::-1]
    return line if len(line) <= _PREFIXES else line[: _PREFIXES // 2] + line[-_PREFIXES // 2 :]


def _by_net_patch(
    scratch: Scratch, pairing: Pairing, candidates: Sequence[Item], base: Sha, tips: Sequence[Sha]
) -> tuple[Sha, Sha, str] | None:
    """The commit whose patch is what lies between the base and one of the tips; of several tips the first."""
    if not tips:
        return None
    before = next(load_commits(scratch, [base])).tree
    trees = {commit.sha: commit.tree for commit in pairing.sources}
    nets, _ = read_patches(scratch, [(before, trees[tip]) for tip in tips], processes=1)
    by_patch: dict[bytes, Sha] = {}
    for t in reversed(candidates):
        fact = pairing.facts.get(t.sha)
        if fact is not None and fact.zero_id and fact.changed > 1:
            by_patch[fact.zero_id] = t.sha
    for tip in tips:
        net = nets.get((before, trees[tip]))
        if net is not None and net.zero_id in by_patch:
            return by_patch[net.zero_id], tip, "the net patch of the branch is this commit's patch"
    return None


def _by_merging(scratch: Scratch, candidates: Sequence[Item], source: Sha) -> tuple[Sha, Sha, str] | None:
    """The commit which brought the content: merging the branch before it changes something, after it nothing."""
    before = [(t.commit.parents[0], source) for t in candidates]
    after = [(t.sha, source) for t in candidates]
    results = list(merge_some(scratch, [*before, *after]))
    old = {commit.sha: commit.tree for commit in load_commits(scratch, sorted({b for b, _ in before}))}
    for t, was, now in zip(candidates, results[: len(candidates)], results[len(candidates) :], strict=True):
        if was.clean and was.tree == t.commit.tree and was.tree != old[t.commit.parents[0]]:
            return t.sha, source, "merging the branch into its parent gives this commit's tree"
        arrived = now.clean and now.tree == t.commit.tree
        if arrived and not (was.clean and was.tree == old[t.commit.parents[0]]):
            return t.sha, source, "merging the branch changes nothing after this commit, and something before it"
    return None


def _first_parent_line(commits: Iterable[Commit], tip: Sha) -> list[Commit]:
    by_sha = {commit.sha: commit for commit in commits}
    line = []
    at: Sha | None = tip
    while at in by_sha:
        commit = by_sha[at]
        line.append(commit)
        at = commit.parents[0] if commit.parents else None
    return line[::-1]


def _up_to(parts: Iterable[Commit], commits: Iterable[Commit], tip: Sha) -> list[Commit]:
    by_sha = {commit.sha: commit for commit in commits}
    seen: set[Sha] = set()
    stack = [tip]
    while stack:
        sha = stack.pop()
        if sha in by_sha and sha not in seen:
            seen.add(sha)
            stack.extend(by_sha[sha].parents)
    return [commit for commit in parts if commit.sha in seen]


def contained(edges: Sequence[Edge], pairing: Pairing, near: Mapping[Sha, Iterable[Item]]) -> list[Edge]:
    """Sources whose lines are all within one target that no single source accounts for.

    Parameters
    ----------
    edges : sequence of Edge
        The pairs found so far.
    pairing : Pairing
        Where they were found.
    near : mapping
        For each target the sources that share lines with it.

    Returns
    -------
    list of Edge
        The further commits of the squash.
    """
    own = {edge.source for edge in edges}
    holders: dict[Sha, list[Edge]] = {}
    for edge in edges:
        holders.setdefault(edge.target, []).append(edge)
    targets = {t.sha: t for t in pairing.target_items}
    sources = {s.sha: s for s in pairing.source_items}
    more = []
    for sha, candidates in near.items():
        fact = pairing.facts.get(sha)
        t = targets[sha]
        if fact is None or t.commit.is_merge or any(e.evidence is Evidence.ZERO_CONTEXT for e in holders.get(sha, ())):
            continue
        rest = Counter(fact.lines)
        for edge in holders.get(sha, ()):
            held = pairing.facts.get(edge.source)
            if held is not None:
                rest -= Counter(held.lines)
        named = [sources[e.source] for e in holders.get(sha, ()) if e.evidence in _NAMED and e.source in sources]
        for s, held in _ranked(t, named, (s for s in candidates if s.sha not in own), pairing):
            lines = Counter(held.lines)
            inside = sum((lines & rest).values())
            if inside >= (1.0 if _raises(s) else _INSIDE) * len(held.lines):
                rest -= lines
                share = inside / len(fact.lines)
                more.append(Edge(s.sha, sha, Evidence.SQUASH, ("its lines are within this commit",), 0.0, share))
    return more


def listed(edges: Sequence[Edge], pairing: Pairing) -> list[Edge]:
    """Sources whose subjects are lines of one target's message, as tools write it when they squash a branch.

    And those whose pull requests the subject of a port names, where it names several.

    Parameters
    ----------
    edges : sequence of Edge
        The pairs found so far.
    pairing : Pairing
        Where they were found.

    Returns
    -------
    list of Edge
        The further commits of the squash: of those listed the ones of which a part at least is in the target.
    """
    own = {edge.source for edge in edges}
    long = len(pairing.sources) > LONGEST_BRANCH
    by_subject: dict[str, list[Item]] = {}
    by_pull: dict[str | None, list[Item]] = {}
    for s in pairing.source_items:
        if not s.commit.is_merge:
            by_subject.setdefault(_line(s.commit.subject), []).append(s)
            by_pull.setdefault(s.pull, []).append(s)
    found = []
    for t in pairing.target_items:
        if not t.commit.is_merge:
            named = _named_by_number(t, by_pull)
            found += [(s, t, _NUMBERED) for s in named if s.sha not in own]
            named = _named_by_line(t, by_subject)
            new = [s for s in named if s.sha not in own]
            # One line alone may be a quotation, unless the other lines are commits of the same short branch.
            if len(new if long else named) >= _FEWEST_COMMITS:
                found += [(s, t, _LISTED) for s in new]
    found = [
        (s, t, how)
        for s, t, how in found
        if s.names & t.names and (pairing.allowed is None or pairing.allowed(s.sha, t.sha))
    ]
    pairing.load(each.sha for s, t, _ in found for each in (s, t))
    more: dict[Sha, Edge] = {}
    for s, t, how in found:
        held, whole = pairing.facts.get(s.sha), pairing.facts.get(t.sha)
        if held is None or whole is None or not held.lines:
            continue
        inside = common(held, whole)
        if inside >= _ALIKE * len(held.lines):
            share = inside / max(1, len(whole.lines))
            more.setdefault(s.sha, Edge(s.sha, t.sha, Evidence.SQUASH, (how,), 0.0, share))
    return list(more.values())


def _named_by_number(t: Item, by_pull: Mapping[str | None, Sequence[Item]]) -> list[Item]:
    """The sources whose pull requests the subject of a port names, where it names several."""
    numbers = sorted(t.cited - {t.pull}) if says_port(t.commit.subject) else []
    if len(numbers) < _FEWEST_COMMITS:
        return []
    return [near[0] for number in numbers if len(near := by_pull.get(number, ())) == 1]


def _named_by_line(t: Item, by_subject: Mapping[str, Sequence[Item]]) -> list[Item]:
    """The sources whose subjects are lines of a message."""
    lines = t.commit.message.lstrip().split("\n")[1:]
    if not any(lines):
        return []
    return [
        near[0]
        for line in dict.fromkeys(map(_line, lines))
        if len(near := by_subject.get(line, ())) == 1 and len(near[0].words) >= _FEWEST_WORDS
    ]


def _raises(s: Item) -> bool:
    """Whether a commit raises versions: most of its lines come with other such commits too, but not what matters."""
    return any(classify_path(path) == "lock-file" for path in s.paths)


def _line(text: str) -> str:
    """A line of a message without the sign that makes it an item of a list."""
    return text.strip().removeprefix("* ").removeprefix("- ").casefold()


def _ranked(
    t: Item, named: Sequence[Item], candidates: Iterable[Item], pairing: Pairing
) -> list[tuple[Item, PatchFacts]]:
    """The sources that something else links to a target, the largest first.

    What the target says since it is the port of others tells nothing of a further one: versions of dependencies are
    raised in the same words.
    """
    said = frozenset[str]().union(*(each.words for each in named))
    cited = frozenset[str]().union(*(each.references for each in named))
    found = []
    for s in candidates:
        held = pairing.facts.get(s.sha)
        if s.commit.is_merge or held is None or len(held.lines) < _FEWEST_LINES:
            continue
        alike = jaccard(s.words - said, t.words - said) >= _ALIKE
        if same_person(s.commit, t.commit) or s.references & (t.references - cited) or alike:
            found.append((s, held))
    return sorted(found, key=lambda entry: (-len(entry[1].lines), entry[0].sha))
