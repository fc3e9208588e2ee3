"""Compare what people did with what was simulated."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from branchsim.git.commitobject import load_commits
from branchsim.git.log import read_commits, rev_list
from branchsim.git.repository import Repository
from branchsim.names import RefName, Sha
from branchsim.plan import PullRequest, Start, Tag

if TYPE_CHECKING:
    from branchsim.git.log import Commit
    from branchsim.simulate.records import StepResult
    from branchsim.simulate.simulation import Simulation

SCHEMA = 1
Agreement = Literal["same commit", "same tree", "gone", "different", "not done"]
_AS_SIMULATED = frozenset({"same commit", "same tree", "gone"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """How one step of a plan was carried out.

    Attributes
    ----------
    number : int
        Its place in the plan.
    step : str
        Its name.
    branch : str
        The branch it moves, or the tag it makes.
    agreement : str
        ``same commit``: the very commit that was simulated. ``same tree``: another commit with the same content.
        ``gone``: the plan deletes the branch in the end, and it is deleted. ``different``: the branch went on with
        other content. ``not done``: nothing came after the step before.
    expected : Sha or None
        The tree that was simulated.
    commit : Sha or None
        The commit that carried the step out; where it is different, the tip of the branch.
    reason : str
        One sentence.
    """

    number: int
    step: str
    branch: str
    agreement: Agreement
    expected: Sha | None
    commit: Sha | None
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """How a plan was carried out, step by step; steps that move nothing are left out."""

    plan: str
    steps: tuple[Verified, ...]

    @property
    def holds(self) -> bool:
        """Whether every step was carried out as it was simulated."""
        return all(step.agreement in _AS_SIMULATED for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON holds it, schema 1."""
        rows = [{name: getattr(step, name) for name in Verified.__dataclass_fields__} for step in self.steps]
        return {"schema": SCHEMA, "plan": self.plan, "holds": self.holds, "steps": rows}


def verify(simulation: Simulation, repo: str | os.PathLike[str]) -> Verification:
    """Compare what people did with what was simulated.

    Parameters
    ----------
    simulation : Simulation
        What was expected; made before they began.
    repo : path
        The repository in which they worked, or a clone of it that was fetched since.

    Returns
    -------
    Verification

    Notes
    -----
    Of a branch its own line is looked at, local and on ``origin``: what came since the simulation, by first parents. A
    step is carried out by the first commit after the step before that has the tree that was simulated.
    """
    with Repository(repo) as repository:
        lines = _Lines(repository, dict(simulation.seen))
        deleted = _deleted(simulation)
        steps = tuple(
            _gone(result) if result.branch in deleted and not lines.of(result.branch) else _verified(lines, result)
            for result in simulation.results
            if _moves(result)
        )
        tags = tuple(
            _tag(repository, result, step)
            for step, result in zip(simulation.plan.steps, simulation.results, strict=True)
            if isinstance(step, Tag) and result.commit is not None
        )
    return Verification(simulation.plan.name, tuple(sorted((*steps, *tags), key=lambda each: each.number)))


def _deleted(simulation: Simulation) -> set[str]:
    """The branches that the plan deletes, and does not start again."""
    deleted: set[str] = set()
    for step, result in zip(simulation.plan.steps, simulation.results, strict=True):
        if isinstance(step, PullRequest) and step.delete_source and result.outcome in {"clean", "regression"}:
            deleted.add(step.source)
        elif isinstance(step, Start):
            deleted.discard(step.branch)
    return deleted


def _moves(result: StepResult) -> bool:
    went = result.outcome in {"clean", "regression"}
    return went and result.branch is not None and result.commit is not None and result.commit != result.before


class _Lines:
    """The lines of branches since the simulation, and how far each has been followed."""

    def __init__(self, repository: Repository, seen: dict[RefName, Sha]) -> None:
        self.repository = repository
        self._seen = seen
        self._lines: dict[str, dict[RefName, list[Commit]]] = {}

    def of(self, branch: str) -> dict[RefName, list[Commit]]:
        """The commits of a branch since then, oldest first; one line for each ref that has the branch."""
        if branch not in self._lines:
            refs = [RefName(f"refs/heads/{branch}"), RefName(f"refs/remotes/origin/{branch}")]
            before = next((self._seen[ref] for ref in refs if ref in self._seen), None)
            below = [f"^{before}"] if before is not None else [f"^{sha}" for sha in sorted(set(self._seen.values()))]
            self._lines[branch] = {
                ref: self._read(self.repository.refs[ref], below) for ref in refs if ref in self.repository.refs
            }
        return self._lines[branch]

    def _read(self, tip: Sha, below: list[str]) -> list[Commit]:
        options = ("--first-parent", "--reverse", "--topo-order")
        return list(read_commits(self.repository.scratch, [tip, *below], options=options, changes=False))


def _gone(result: StepResult) -> Verified:
    return _told(result, result.branch or "", "gone", None, "the branch is deleted, as the plan has it")


def _verified(lines: _Lines, result: StepResult) -> Verified:
    if result.kind == "start":
        return _start(lines, result)
    branch, expected = result.branch or "", result.tree
    every = lines.of(branch)
    if not every:
        return _told(result, branch, "not done", None, "there is no such branch")
    for line in every.values():
        for place, commit in enumerate(line):
            if commit.tree == expected:
                there = _astray(lines, branch, commit)
                if there is not None:
                    reason = f"origin/{branch} went another way, to {there[:12]}"
                    return _told(result, branch, "different", there, reason)
                del line[: place + 1]
                same = commit.sha == result.commit
                reason = "" if same else f"another commit than {(result.commit or '')[:12]}, with the same content"
                return _told(result, branch, "same commit" if same else "same tree", commit.sha, reason)
    longest = max(every.values(), key=len)
    if not longest:
        return _told(result, branch, "not done", None, f"nothing new on {branch}")
    tip = longest[-1]
    reason = (
        f"{branch} holds tree {tip.tree[:12]} and never held {(expected or '')[:12]}; see 'git diff {tip.sha[:12]}'"
    )
    return _told(result, branch, "different", tip.sha, reason)


def _astray(lines: _Lines, branch: str, found: Commit) -> Sha | None:
    """The branch on origin if it moved since, does not hold what was found here, and was not left behind on the way."""
    ref = RefName(f"refs/remotes/origin/{branch}")
    line = lines.of(branch).get(ref)
    if not line or any(commit.tree == found.tree for commit in line):
        return None
    tip = lines.repository.refs[ref]
    both = (tip, found.sha), (found.sha, tip)
    apart = all(rev_list(lines.repository.scratch, [one, f"^{other}"], "-n1") for one, other in both)
    return tip if apart else None


def _start(lines: _Lines, result: StepResult) -> Verified:
    """A branch that was started, and may have gone on since."""
    branch, start = result.branch or "", result.commit
    repository = lines.repository
    tips = [repository.refs.get(RefName(f"refs/{place}/{branch}")) for place in ("heads", "remotes/origin")]
    for tip in tips:
        if tip is not None and start is not None and not rev_list(repository.scratch, [start, f"^{tip}"], "-n1"):
            return _told(result, branch, "same commit", start, "")
    if tips == [None, None]:
        return _told(result, branch, "not done", None, "there is no such branch")
    return _told(result, branch, "different", None, f"{branch} does not come from {(start or '')[:12]}")


def _tag(repository: Repository, result: StepResult, step: Tag) -> Verified:
    held = repository.refs.get(RefName(f"refs/tags/{step.tag}"))
    if held is None:
        return _told(result, step.tag, "not done", None, "there is no such tag")
    sha = repository.resolve(f"refs/tags/{step.tag}")
    (commit,) = load_commits(repository.scratch, [sha])
    if commit.sha == result.commit:
        return _told(result, step.tag, "same commit", commit.sha, "")
    if commit.tree == result.tree:
        return _told(result, step.tag, "same tree", commit.sha, "the tag is on another commit with the same content")
    return _told(result, step.tag, "different", commit.sha, f"the tag holds tree {commit.tree[:12]}")


def _told(result: StepResult, branch: str, agreement: Agreement, commit: Sha | None, reason: str) -> Verified:
    return Verified(
        number=result.number,
        step=result.step,
        branch=branch,
        agreement=agreement,
        expected=result.tree,
        commit=commit,
        reason=reason,
    )


__all__ = ["Verification", "Verified", "verify"]
