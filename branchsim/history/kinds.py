"""Say of each step of a branch's own line what kind of landing it was and where it came from."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from branchsim.history.landings import Landing
from branchsim.history.lines import Step
from branchsim.history.messages import is_revert_subject, ported_from, reverted, subject_key
from branchsim.history.refs import cut_commits, pull_heads
from branchsim.history.subjects import read_squash

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from branchsim.git.repository import Repository
    from branchsim.history.graph import Graph
    from branchsim.history.landings import FlowKind, Kind
    from branchsim.history.lines import Lines
    from branchsim.history.subjects import Told
    from branchsim.names import Sha
    from branchsim.topology import Topology

_ONE_GO = 5
"""Seconds between the committer times of two commits that one command wrote."""

_LATER = 60
"""Seconds after which a commit was not written when it was authored."""

_PICKED = "(cherry picked from commit "
"""What ``git cherry-pick -x`` writes before an id."""

_SERVERS = frozenset({"noreply@github.com"})
"""Committers that are a server: what they commit came by a pull request or from the web editor."""


class Classifier:
    """Classify the steps of all lines.

    Attributes
    ----------
    steps : dict of str to list of Step
        The steps of each branch; commits that one rebase wrote are one step.
    arrivals : dict of str to array of int32
        As in `History`.
    """

    def __init__(
        self,
        repository: Repository,
        topology: Topology,
        graph: Graph,
        lines: Lines,
        common: Collection[Sha] = (),
    ) -> None:
        self.graph = graph
        self.common = [graph.number(sha) for sha in common if sha in graph]
        self.lines = lines
        self.topology = topology
        self.pulls = pull_heads(repository)
        self.cut = cut_commits(repository)
        self.named = self._branch_names(repository)
        self.request_names = {told.pr: told.source for told in lines.told.values() if told.pr and told.source}
        self.twins = self._twins()
        self.steps: dict[str, list[Step]] = {}
        self.arrivals: dict[str, NDArray[np.int32]] = {}
        self.brought: dict[str, list[list[int]]] = {}
        self._times: dict[str, list[int]] = {}
        self._flows: dict[tuple[str, str], FlowKind | None] = {}
        for name in lines.steps:
            self.steps[name] = self._grouped(lines.steps[name])
        for name in lines.steps:
            self._replay(name)

    # -- what arrived when ----------------------------------------------------------------------------------------

    def _replay(self, name: str) -> None:
        steps = self.steps[name]
        base = None
        first = steps[0]
        if first.owner is not None:
            # What the branch was made from is on another line; where that one's arrivals are known, no second sweep.
            other = self.arrivals.get(first.owner)
            place = -1 if other is None else int(other[first.tip])
            if other is not None and place >= 0 and self.steps[first.owner][place].tip == first.tip:
                base = np.where((other >= 0) & (other <= place), 0, -1).astype(np.int32)
            else:
                base = np.where(self.graph.ancestors([first.tip]), 0, -1).astype(np.int32)
        if self.common:
            if base is None:
                base = np.where(self.graph.ancestors([first.tip]), 0, -1).astype(np.int32)
            base[self.common] = 0
        self.arrivals[name], self.brought[name] = self.graph.first_arrivals([step.tip for step in steps], base)

    def _grouped(self, steps: list[Step]) -> list[Step]:
        """Join the commits that one rebase or one series of picks wrote into one step."""
        grouped: list[Step] = []
        for step in steps:
            last = grouped[-1] if grouped else None
            if last is not None and self._same_go(last, step):
                grouped[-1] = Step(tip=step.tip, before=last.before)
            else:
                grouped.append(step)
        return grouped

    def _same_go(self, one: Step, other: Step) -> bool:
        if other.before != one.tip or not (self._rewritten(one) and self._rewritten(other)):
            return False
        early, late = self.graph.commits[one.tip], self.graph.commits[other.tip]
        return (
            early.committer_email == late.committer_email
            and early.committer == late.committer
            and 0 <= late.committed_at - early.committed_at <= _ONE_GO
        )

    def _rewritten(self, step: Step) -> bool:
        """Whether a step is a commit that was written again some time after it was authored."""
        commit = self.graph.commits[step.tip]
        return (
            step.owner is None
            and step.before is not None
            and not commit.is_merge
            and commit.committed_at - commit.authored_at > _LATER
            and not self._is_revert(step.tip)
            and read_squash(commit.message) is None
            and _PICKED not in commit.message
            and self._original(step.tip) is None
        )

    # -- one landing ----------------------------------------------------------------------------------------------

    def landing(self, branch: str, place: int, at: int) -> Landing:
        """The landing at a place of a branch's own line."""
        step = self.steps[branch][place]
        graph = self.graph
        commit = graph.commits[step.tip]
        brought = self.brought[branch][place]
        kind: Kind
        source: str | None = None
        inferred_source = False
        pr: int | None = None
        notes = list(step.notes)
        if step.owner is not None:
            source, inferred_source = step.owner, True
            kind = "force-push" if step.moved else "created" if step.before is None else "fast-forward"
            if kind == "created":
                notes.append(f"made from {step.owner}; when it was made is not recorded, this is the earliest time")
        elif step.before is None:
            kind = "direct"
            if step.tip in graph.cut or commit.sha in self.cut:
                kind = "created"
                notes.append("history is cut off here; what was before is not known")
        elif len(graph.parents[step.tip]) > 1:
            kind, source, inferred_source, pr = self._merge(branch, step, notes)
        else:
            kind, source, inferred_source, pr = self._single(branch, place, step, notes)
        if abs(at - commit.committed_at) > _ONE_GO:
            notes.append(
                "the committer's clock contradicts the order of the branch; the time is put between its neighbours"
            )
        family = None if source is None or source in self.steps else self.topology.family_of(source)
        return Landing(
            branch=branch,
            place=place,
            sha=commit.sha,
            kind=kind,
            at=at,
            subject=commit.subject,
            source=source,
            source_inferred=inferred_source,
            family=None if family is None else family.pattern,
            pr=pr,
            commits=() if kind == "created" else tuple([graph.commits[number].sha for number in brought]),
            before=None if step.before is None else graph.sha(step.before),
            flow=None if source is None else self._flow(branch, source),
            inferred=tuple(notes),
        )

    def _merge(self, branch: str, step: Step, notes: list[str]) -> tuple[Kind, str | None, bool, int | None]:
        graph = self.graph
        parents = graph.parents[step.tip]
        told = self.lines.told.get(step.tip)
        if step.swapped and not step.notes:
            return "sync", branch, False, None
        other = next((parent for parent in parents if parent != step.before), parents[-1])
        if step.swapped:
            # Made on the other branch, with this one as its source: what came in is what the merge says it was made on.
            return "merge", None if told is None else told.target, False, None if told is None else told.pr
        pr = told.pr if told is not None else None
        if pr is None and (pr := self.pulls.get(graph.sha(other))) is not None:
            notes.append(f"pull request {pr} is known by its ref")
        if told is not None and told.source is not None:
            return "merge", self._verified(branch, told, other, notes), False, pr
        source = self._standing_at(branch, other)
        if source is None and pr is not None:
            source = self.request_names.get(pr)
        if source is not None:
            notes.append(f"the source {source} is known by where its commits are, not by the message")
        return "merge", source, source is not None, pr

    def _verified(self, branch: str, told: Told, other: int, notes: list[str]) -> str | None:
        """The source a message names; marked where it is not the long-lived branch of that name."""
        assert told.source is not None  # noqa: S101  the caller has asked
        name = self.lines.alias.get(told.source, told.source)
        if name not in self.steps:
            return told.source
        if name != branch and self.arrivals[name][other] >= 0:
            return name
        if told.remote is not None and told.pr is not None:
            return f"{told.remote}:{told.source}"
        if told.location is not None:
            return f"{told.location}:{told.source}"
        notes.append(f"the message names {name}, but what came in never was on it")
        return name

    def _single(  # noqa: PLR0911  the first that fits
        self, branch: str, place: int, step: Step, notes: list[str]
    ) -> tuple[Kind, str | None, bool, int | None]:
        commit = self.graph.commits[step.tip]
        told = read_squash(commit.message)
        pr = None if told is None else told.pr
        if pr is None and (pr := self.pulls.get(commit.sha)) is not None:
            notes.append(f"pull request {pr} is known by its ref")
        if self._is_revert(step.tip):
            return "revert", None, False, pr
        original = self._original(step.tip)
        named = ported_from(commit.message)
        if original is not None and not -1 < self.arrivals[branch][original] < place:
            source = self._home(branch, original)
            notes.append("a commit of the same author, date and subject is on another branch")
            return "cherry-pick", source, True, pr
        if named and _PICKED in commit.message:
            found = self.graph.find_abbreviated(named[-1])
            return "cherry-pick", None if found is None else self._home(branch, found), found is not None, pr
        if told is not None:
            source = told.source
            if source is None and told.pr is not None:
                source = self.request_names.get(told.pr)
            return "squash", source, source is not None and told.source is None, pr
        if len(self.brought[branch][place]) > 1:
            notes.append("these commits were written in one go, later than they were authored")
            return "rebase", None, False, pr
        if commit.committer_email in _SERVERS and commit.committed_at - commit.authored_at > _LATER:
            notes.append("the server wrote the commit, later than it was authored")
            return "rebase", None, False, pr
        if pr is not None:
            return "fast-forward", self.request_names.get(pr), True, pr
        return "direct", None, False, None

    # -- where things come from -----------------------------------------------------------------------------------

    def _flow(self, branch: str, source: str) -> FlowKind | None:
        key = (branch, source)
        if key not in self._flows:
            self._flows[key] = self._look_up_flow(branch, source)
        return self._flows[key]

    def _look_up_flow(self, branch: str, source: str) -> FlowKind | None:
        topology = self.topology
        if source == branch:
            return None
        if source in self.steps:
            for flow in topology.flows:
                if flow.source == source and flow.target == branch:
                    return flow.kind
            if source in topology.upstream(branch):
                return "promote"
            return "retrofit" if source in topology.downstream(branch) else None
        family = topology.family_of(source)
        for entry in topology.entries(branch) if family is not None else ():
            if entry.by is family and entry.role != "work":
                return entry.role
        return None

    def _standing_at(self, branch: str, number: int) -> str | None:
        """The branch that a commit that came in was the tip of, as far as can be seen."""
        owner = self.lines.owner.get(number)
        if owner is not None and owner != branch:
            return owner
        return self.named.get(self.graph.sha(number))

    def _home(self, branch: str, number: int) -> str | None:
        """The branch where a commit was first, other than this one."""
        owner = self.lines.owner.get(number)
        if owner is not None:
            return owner if owner != branch else None
        places = {name: int(arrived[number]) for name, arrived in self.arrivals.items() if name != branch}
        times = [
            (self.graph.commits[self.steps[name][place].tip].committed_at, rank, name)
            for rank, (name, place) in enumerate(places.items())
            if place >= 0
        ]
        return min(times)[2] if times else None

    def _branch_names(self, repository: Repository) -> dict[Sha, str]:
        """The short-lived branches that exist, by their tips; none where two stand on one commit."""
        from branchsim.history.refs import branch_tips

        found: dict[Sha, str] = {}
        twice: set[Sha] = set()
        for name, refs in branch_tips(repository).items():
            sha = repository.refs[refs[0]]
            if name in self.lines.steps:
                continue
            if sha in found:
                twice.add(sha)
            found[sha] = name
        return {sha: name for sha, name in found.items() if sha not in twice}

    def _twins(self) -> dict[int, int]:
        """From a commit to the earliest of the same author, author date and subject, where there is an earlier one."""
        groups: dict[tuple[str, int], list[int]] = defaultdict(list)
        for number, commit in enumerate(self.graph.commits):
            groups[commit.author_email, commit.authored_at].append(number)
        twins: dict[int, int] = {}
        for numbers in groups.values():
            if len(numbers) < 2:  # noqa: PLR2004
                continue
            by_subject: dict[str, int] = {}
            for number in sorted(numbers, key=self._age):
                first = by_subject.setdefault(subject_key(self.graph.commits[number].message), number)
                if first != number and len(self.graph.parents[number]) < 2:  # noqa: PLR2004
                    # A merge is no pick, but what `cherry-pick -m 1` makes of one is.
                    twins[number] = first
        return twins

    def _age(self, number: int) -> tuple[int, bool, bool, int]:
        """Sorts an original before its picks: within a second what says it is one, or is on a line, comes later."""
        commit = self.graph.commits[number]
        return commit.committed_at, bool(ported_from(commit.message)), number in self.lines.owner, number

    def _original(self, number: int) -> int | None:
        return self.twins.get(number)

    def _is_revert(self, number: int) -> bool:
        commit = self.graph.commits[number]
        if is_revert_subject(commit.subject):
            return True
        # A pull request may take something back among other things: then its own subject says what it is.
        return bool(reverted(commit.message)) and read_squash(commit.message) is None


__all__ = ["Classifier"]
