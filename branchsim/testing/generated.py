"""Generated repositories of which everything is known: how each fix was ported, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from hypothesis import strategies as st

from branchsim.errors import InputError
from branchsim.testing.repo import ScratchRepo
from branchsim.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from branchsim.names import Sha
    from branchsim.testing.repo import Workbench

Port = Literal[
    "merge",
    "cherry-pick",
    "cherry-pick-x",
    "squash",
    "late",
    "missed",
    "reverted",
    "dropped-by-merge",
    "dropped-by-stale-copy",
]
"""How a fix came to where it was owed: by a merge of its branch, by picks without and with a trailer, as one commit, by
a merge after the promotion before which it was due; or not: nobody brought it, it was reverted where it had landed, the
merge that brought it was resolved without it, a later commit took its file back to an older copy."""

PORTS: dict[Port, str] = {
    "merge": "retrofitted",
    "cherry-pick": "retrofitted",
    "cherry-pick-x": "retrofitted",
    "squash": "retrofitted",
    "missed": "missed",
    "late": "late",
    "reverted": "reverted",
    "dropped-by-merge": "lost",
    "dropped-by-stale-copy": "lost",
}
"""Each way with the verdict that follows from it."""

_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTruth:
    """What is true of one fix.

    Attributes
    ----------
    name : str
        The hotfix branch.
    subject : str
        Of its last commit.
    commits : tuple of Sha
        The commits it is made of.
    landing : Sha
        The landing that brought it to `landed_on`.
    landed_on, owed_to : str
        Where it landed and where it was owed.
    port : str
        How it was brought there; see `Port`.
    verdict : str
        How the obligation ended.
    counterpart : Sha or None
        The commit of `owed_to` that brought it, or of `landed_on` that reverted it.
    dropped_by : Sha or None
        The commit of `owed_to` that dropped it.
    path : str
        The file it edits.
    """

    name: str
    subject: str
    commits: tuple[Sha, ...]
    landing: Sha
    landed_on: str
    owed_to: str
    port: Port
    verdict: str
    counterpart: Sha | None = None
    dropped_by: Sha | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix to be: how it is ported, of how many commits it is, and the features that land on BUILD before it."""

    port: Port
    commits: int = 1
    features: int = 0


@dataclass(frozen=True, slots=True)
class GeneratedHistory:
    """A history to be: build it to get the repository and the truth.

    Attributes
    ----------
    releases : tuple of tuple of Fix
        The fixes between one release and the next; after each group BUILD is promoted to the last branch.
    topology : Topology
        What its branches are for.

    Examples
    --------
    >>> history = GeneratedHistory(((Fix("merge"), Fix("missed")),))
    >>> repo, truth = history.build()
    >>> [each.verdict for each in truth]
    ['retrofitted', 'missed']
    >>> repo.close()
    """

    releases: tuple[tuple[Fix, ...], ...]
    topology: Topology = Topology.build_run()  # noqa: RUF009  it is frozen

    def build(self, *, bench: Workbench | None = None) -> tuple[ScratchRepo, tuple[ChangeTruth, ...]]:
        """Make the repository.

        Parameters
        ----------
        bench : Workbench, optional
            Where; see `ScratchRepo`.

        Returns
        -------
        (ScratchRepo, tuple of ChangeTruth)
            The repository, to be closed by the caller, and what is true of each fix, in order.
        """
        repo = ScratchRepo(bench=bench)
        return repo, tuple(_Builder(repo, self).build())


class _Builder:
    def __init__(self, repo: ScratchRepo, history: GeneratedHistory) -> None:
        self.repo = repo
        self.releases = history.releases
        topology = history.topology
        owing = [each for each in topology.families if each.retrofit]
        if not owing:
            raise InputError(f"no family of the topology {topology.name!r} owes a retrofit; nothing could be missed")
        # Of several the one whose branches end where they start: a hotfix, not a release.
        family = next((each for each in owing if each.to == each.source), owing[0])
        self.pattern = family.pattern
        self.landed_on, self.owed_to = family.to[0], family.retrofit[0]
        self.names = [branch.name for branch in topology.branches]
        self.way = [
            (flow.source, flow.target) for flow in topology.promotion_path(self.owed_to, topology.last_branch())
        ]
        self.onward = [
            (flow.source, flow.target) for flow in topology.promotion_path(self.landed_on, topology.last_branch())
        ]
        self.start = ""
        self.features = 0
        self.fixes = 0

    def build(self) -> list[ChangeTruth]:
        every = [fix for group in self.releases for fix in group]
        files = {f"src/module_{number}.txt": _module(number) for number in range(1, len(every) + 1)}
        # Every hotfix starts here, so that none carries another one along.
        self.start = self.repo.commit(self.names[0], {"README.txt": "A product.\n", **files}, message="Begin")
        for name in self.names[1:]:
            self.repo.branch(name, at=self.names[0])
        truth: list[ChangeTruth] = []
        for group in self.releases:
            truth += self._release(group)
        return truth

    def _release(self, group: Sequence[Fix]) -> list[ChangeTruth]:
        truth: list[ChangeTruth] = []
        late: list[tuple[int, ChangeTruth]] = []
        for fix in group:
            for _ in range(fix.features):
                self._feature()
            known = self._fix(fix)
            if fix.port == "late":
                late.append((len(truth), known))
            truth.append(known)
        # BUILD has something to promote, or nothing would be a release.
        self._feature()
        for source, target in self.way:
            self.repo.merge(into=target, source=source, fast_forward=False, resolve="ours")
        for place, known in late:
            done = self.repo.merge(into=self.owed_to, source=known.name, fast_forward=False, resolve="theirs")
            truth[place] = _with(known, counterpart=done.sha)
        return truth

    def _feature(self) -> None:
        self.features += 1
        name, owed = f"feature/{self.features}", self.owed_to
        self.repo.branch(name, at=owed)
        text = f"Feature number {self.features} computes a price.\n"
        self.repo.commit(name, {f"src/feature_{self.features}.txt": text}, message=f"Add feature {self.features}")
        self.repo.merge(into=owed, source=name, fast_forward=False)

    def _fix(self, fix: Fix) -> ChangeTruth:
        self.fixes += 1
        number, repo = self.fixes, self.repo
        name = self.pattern.replace("*", f"h{number}")
        path = f"src/module_{number}.txt"
        before = repo.files(self.landed_on)[path]
        repo.branch(name, at=self.start)
        commits = [
            repo.commit(
                name, {path: _module(number, fixed=part)}, message=f"Fix rounding of module {number}, part {part}"
            )
            for part in range(1, fix.commits + 1)
        ]
        landing = repo.merge(into=self.landed_on, source=name, fast_forward=False).sha
        self._ship()
        known = ChangeTruth(
            name=name,
            subject=f"Fix rounding of module {number}, part {fix.commits}",
            commits=tuple(commits),
            landing=landing,
            landed_on=self.landed_on,
            owed_to=self.owed_to,
            port=fix.port,
            verdict=PORTS[fix.port],
            path=path,
        )
        return self._port(known, before)

    def _ship(self) -> None:
        for source, target in self.onward:
            self.repo.merge(into=target, source=source, fast_forward=False)

    def _port(self, known: ChangeTruth, before: bytes) -> ChangeTruth:  # noqa: PLR0911  one for each way
        repo, owed = self.repo, self.owed_to
        if known.port in {"cherry-pick", "cherry-pick-x"}:
            for sha in known.commits:
                done = repo.pick(into=owed, commit=sha, trailer=known.port == "cherry-pick-x")
            return _with(known, counterpart=done.sha)
        if known.port == "squash":
            # As a platform does it: a branch of its own with the same changes, squashed into one commit.
            copy = f"port/{known.name.replace('/', '-')}"
            repo.branch(copy, at=owed)
            for sha in known.commits:
                repo.pick(into=copy, commit=sha)
            return _with(known, counterpart=repo.squash(into=owed, source=copy, message=known.subject).sha)
        if known.port == "reverted":
            done = repo.revert(into=known.landed_on, commit=known.landing)
            self._ship()
            return _with(known, counterpart=done.sha)
        if known.port == "dropped-by-merge":
            # A merge is recorded as if nothing had come: the strategy `ours`.
            return _with(known, dropped_by=self._ours(known, before))
        if known.port in {"missed", "late"}:
            return known
        done = repo.merge(into=owed, source=known.name, fast_forward=False)
        known = _with(known, counterpart=done.sha)
        if known.port == "dropped-by-stale-copy":
            old: dict[str, str | bytes | None] = {known.path: before, "README.txt": f"A product. Note {self.fixes}.\n"}
            return _with(known, dropped_by=repo.commit(owed, old, message="Update the documentation"))
        return known

    def _ours(self, known: ChangeTruth, before: bytes) -> Sha:
        """Edit the same lines on BUILD, so that the retrofit conflicts, and keep that side."""
        text = before.decode().replace("computes the total", "computes the grand total")
        self.repo.commit(self.owed_to, {known.path: text}, message=f"Rename what {known.path} computes")
        return self.repo.merge(into=self.owed_to, source=known.name, fast_forward=False, resolve="ours").sha


def _with(known: ChangeTruth, *, counterpart: Sha | None = None, dropped_by: Sha | None = None) -> ChangeTruth:
    return replace(known, counterpart=counterpart or known.counterpart, dropped_by=dropped_by or known.dropped_by)


def _module(number: int, *, fixed: int = 0) -> str:
    lines = [f"Module {number} of the product."]
    for line in range(1, _LINES + 1):
        lines.append(f"Step {line} of module {number} computes the total of account {line * number}.")
        if line == 1 and fixed:
            lines.append(f"Rounding of module {number} is done {'twice' if fixed > 1 else 'once'}, in cents.")
        if line == _LINES and fixed > 1:
            lines.append(f"Overflow of module {number} is refused in part {fixed}.")
    return "\n".join([*lines, f"End of module {number}."]) + "\n"


@st.composite
def histories(
    draw: st.DrawFn,
    *,
    max_releases: int = 2,
    max_fixes: int = 3,
    ports: Sequence[Port] = tuple(PORTS),
    topology: Topology | None = None,
) -> GeneratedHistory:
    """Histories of releases and hotfixes, each with the known truth of every fix.

    Parameters
    ----------
    max_releases : int
        How many releases.
    max_fixes : int
        How many fixes between two of them.
    ports : sequence of str
        How fixes are ported; all of `PORTS` by default.
    topology : Topology, optional
        One with a family that owes a retrofit; BUILD/RUN by default.
    """
    fixes = st.builds(Fix, st.sampled_from(list(ports)), st.integers(1, 2), st.integers(0, 1))
    groups = st.lists(fixes, min_size=1, max_size=max_fixes).map(tuple)
    releases = draw(st.lists(groups, min_size=1, max_size=max_releases).map(tuple))
    return GeneratedHistory(releases) if topology is None else GeneratedHistory(releases, topology)


__all__ = ["PORTS", "ChangeTruth", "Fix", "GeneratedHistory", "Port", "histories"]
