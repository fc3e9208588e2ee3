"""Real git and the reference model side by side: both do every step, and they have to agree."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Self

from branchsim.errors import InputError, nearest
from branchsim.testing.reference import Change, Choice, Expected, Reference, Version, opening
from branchsim.testing.repo import ScratchRepo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from branchsim.names import Sha
    from branchsim.testing.reference import Held
    from branchsim.testing.repo import Landed, Workbench

METHODS = ("merge", "squash", "rebase", "cherry-pick")
"""How a branch can land: as `git merge` does, as one commit, commit by commit, commit by commit with trailers."""


class DisagreementError(AssertionError):
    """Git and the reference model came to different results."""


class TwinRepo:
    """A scratch repository and a plain-dict model of it, which do the same and must agree; a context manager.

    Every method that does something writes down a sentence and the call that repeats it.

    Parameters
    ----------
    layers : mapping of str to str
        The long-lived branches, each with its layer.
    places : int
        How many places can be edited; two changes conflict only in one place.
    files : int
        Over how many files the places are spread.
    bench : Workbench, optional
        Where the repository is made; see `ScratchRepo`.

    Attributes
    ----------
    repo : ScratchRepo
        Real git.
    model : Reference
        The reference.
    layers : dict of str to str
        As given.
    calls : list of str
        What was done, as Python.
    story : list of str
        What was done, as sentences.
    ever, came : dict of str to set of str
        For each long-lived branch the changes whose effect was ever on it, and those that ever came to it.
    criss_cross : int
        How many merges had several merge bases.

    Examples
    --------
    >>> with TwinRepo({"develop": "BUILD", "main": "RUN"}) as twin:
    ...     twin.start("hotfix/1", at="main")
    ...     fix = twin.change("hotfix/1", place=0, kind="fix")
    ...     _ = twin.land(into="main", source="hotfix/1")
    ...     fix in twin.content("main"), fix in twin.content("develop")
    (True, False)
    """

    def __init__(
        self, layers: Mapping[str, str], *, places: int = 4, files: int = 2, bench: Workbench | None = None
    ) -> None:
        if not layers:
            raise InputError("a TwinRepo needs at least one long-lived branch")
        if places < 1 or files < 1:
            raise InputError("a TwinRepo needs at least one place in one file")
        self.layers = dict(layers)
        self.model = Reference(places=places, files=files)
        self.repo = ScratchRepo(bench=bench)
        self.calls: list[str] = []
        self.story: list[str] = []
        self.ever: dict[str, set[str]] = {name: set() for name in layers}
        self.came: dict[str, set[str]] = {name: set() for name in layers}
        self.criss_cross = 0
        self._shape = (places, files)
        self._trees: dict[tuple[Held, ...], Sha] = {}
        first, *others = layers
        self._shas: list[Sha] = [
            self.repo.commit(first, self.model.text(self.model.versions[0].holds), message="Begin")
        ]
        self.model.branches = dict.fromkeys(layers, 0)
        for name in others:
            self.repo.branch(name, at=first)

    # -- asking ---------------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The directory of the real repository, with every ref written."""
        return self.repo.path

    def content(self, branch: str) -> Held:
        """The changes whose effect is on a branch."""
        return self.model.content(self._known(branch))

    def delivered(self, branch: str) -> Held:
        """The changes that have come to a branch, whether or not their effect is still there."""
        return self.model.delivered(self._known(branch))

    def lost(self, branch: str, *, kind: str | None = None) -> tuple[str, ...]:
        """The changes that came to a long-lived branch, are not there, and were not reverted for its layer.

        Parameters
        ----------
        branch : str
            The branch.
        kind : str, optional
            ``fix`` or ``feature``; all of them by default.
        """
        came = self.ever[self._known(branch)] | self.came[branch]
        gone = came - self.content(branch) - self.model.withdrawn(branch, self.layers[branch])
        return tuple(
            change.name
            for change in self.model.changes.values()
            if change.name in gone and (kind is None or change.kind == kind)
        )

    def commit_of(self, number: int) -> Sha:
        """The real commit for a number of the reference."""
        return self._shas[number]

    def is_merged(self, source: str, *, into: str) -> bool:
        """Whether the tip of one branch is an ancestor of another one's, or the same."""
        return self.model.branches[source] in self.model.ancestors(self.model.branches[into])

    # -- doing ----------------------------------------------------------------------------------------------------

    def start(self, branch: str, *, at: str) -> None:
        """Make a short-lived branch."""
        self._known(at)
        self._say(f"{branch} starts from {at}", f"start({branch!r}, at={at!r})")
        self.repo.branch(branch, at=at)
        self.model.branches[branch] = self.model.branches[at]

    def change(self, branch: str, *, place: int, kind: str = "feature", family: str = "", back: int = 0) -> str:
        """Commit a new change to a branch.

        Parameters
        ----------
        branch : str
            The branch.
        place : int
            Where, from 0.
        kind : str
            ``fix`` or ``feature``.
        family : str
            The pattern of the family it counts to.
        back : int
            From a copy that is so many first parents old, over what came since; 0 for the branch as it is.

        Returns
        -------
        str
            The name of the change.
        """
        tip = self.model.branches[self._known(branch)]
        if not 0 <= place < self.model.places:
            raise InputError(f"there is no place {place}; they are 0 to {self.model.places - 1}")
        number = sum(1 for each in self.model.changes.values() if each.kind == kind) + 1
        change = Change(f"{kind}-{number}", len(self.model.changes), kind, place, family)
        extra = (f", family={family!r}" if family else "") + (f", back={back}" if back else "")
        copy = f", from a copy that is {back} {'step' if back == 1 else 'steps'} old: what came since is gone"
        self._say(
            f"{change.name} is committed to {branch} in place {place + 1}{copy if back else ''}",
            f"change({branch!r}, place={place}, kind={kind!r}{extra})",
        )
        self.model.changes[change.name] = change
        holds = list(self.model.versions[self._older(tip, back)].holds)
        holds[place] |= {change.name}
        said = f"Add {change.name}{' from an old copy' if back else ''}"
        text = self.model.text(tuple(holds))
        before = self.model.text(self.model.versions[tip].holds)
        self.repo.commit(branch, {path: text[path] for path in text if text[path] != before[path]}, message=said)
        self._put(branch, Version((tip,), tuple(holds), frozenset({change.name})))
        return change.name

    def land(
        self,
        *,
        into: str,
        source: str,
        method: str = "merge",
        resolve: Choice = "both",
        fast_forward: bool = True,
        why: str = "",
    ) -> Landed:
        """Bring a branch to another one.

        Parameters
        ----------
        into, source : str
            Where, and what.
        method : {"merge", "squash", "rebase", "cherry-pick"}
            How.
        resolve : {"both", "ours", "theirs"}
            How conflicts are resolved.
        fast_forward : bool
            Whether a merge only moves the branch where that is enough.
        why : str
            A word for the story: ``retrofit``.

        Raises
        ------
        DisagreementError
            Git and the model came to different results.
        """
        if method not in METHODS:
            raise InputError(f"there is no method {method!r}{nearest(method, METHODS)}; they are {', '.join(METHODS)}")
        self._known(into), self._known(source)
        extra = (f", method={method!r}" if method != "merge" else "") + (
            f", resolve={resolve!r}" if resolve != "both" else ""
        )
        extra += ("" if fast_forward else ", fast_forward=False") + (f", why={why!r}" if why else "")
        verb = {"merge": "merged", "squash": "squashed", "rebase": "rebased", "cherry-pick": "cherry-picked"}[method]
        self._say(
            f"{source} is {verb} into {into}{f' ({why})' if why else ''}",
            f"land(into={into!r}, source={source!r}{extra})",
        )
        if method in {"rebase", "cherry-pick"}:
            return self._pick_all(into, source, resolve, trailer=method == "cherry-pick")
        ours, theirs = self.model.branches[into], self.model.branches[source]
        if theirs in self.model.ancestors(ours):
            expected = Expected(self.model.versions[ours].holds)
        else:
            expected = self.model.merged(ours, theirs, resolve)
            self.criss_cross += expected.bases > 1
        if method == "squash":
            done = self._landed(expected, resolve, lambda how: self.repo.squash(into=into, source=source, resolve=how))
            if done.kind != "nothing":
                brings = self.model.delivered(source) - self.model.delivered(into)
                heard = self._heard(theirs) - self._heard(ours)
                self._put(into, Version((ours,), expected.holds, brings, heard))
            return done
        done = self._landed(
            expected,
            resolve,
            lambda how: self.repo.merge(into=into, source=source, resolve=how, fast_forward=fast_forward),
        )
        if done.kind == "fast-forward":
            self.model.branches[into] = theirs
            self._see(into)
        elif done.kind == "merge":
            self._put(into, Version((ours, theirs), expected.holds))
        return done

    def revert(self, branch: str, *, change: str, resolve: Choice = "both") -> Landed:
        """Revert the commit that brought a change to a long-lived branch, for the sake of its layer.

        Raises
        ------
        InputError
            No commit with one parent brought it there.
        DisagreementError
            Git and the model came to different results.
        """
        commit = self.model.origin(change, self._known(branch))
        if commit is None:
            raise InputError(f"no commit of {branch} brought {change!r}; it has {', '.join(self.delivered(branch))}")
        extra = f", resolve={resolve!r}" if resolve != "both" else ""
        self._say(f"{change} is reverted on {branch}", f"revert({branch!r}, change={change!r}{extra})")
        ours = self.model.branches[branch]
        expected = self.model.unpicked(commit, ours, resolve)
        sha = self._shas[commit]
        done = self._landed(expected, resolve, lambda how: self.repo.revert(into=branch, commit=sha, resolve=how))
        if done.kind == "revert":
            gone = frozenset((name, self.layers[branch]) for name in self.model.versions[commit].brings)
            self._put(branch, Version((ours,), expected.holds, frozenset(), gone))
        return done

    def move_back(self, branch: str, *, back: int) -> None:
        """Move a branch back by so many first parents, as a push by force from an old clone does."""
        number = self._older(self.model.branches[self._known(branch)], back)
        steps = "step" if back == 1 else "steps"
        self._say(f"{branch} is moved back by {back} {steps} by force", f"move_back({branch!r}, back={back})")
        self.repo.move(branch, to=self._shas[number])
        self.model.branches[branch] = number

    def delete(self, branch: str) -> None:
        """Delete a branch."""
        if branch in self.layers:
            raise InputError(f"{branch} is a long-lived branch; only short-lived ones are deleted")
        self._known(branch)
        self._say(f"{branch} is deleted", f"delete({branch!r})")
        self.repo.delete(branch)
        del self.model.branches[branch]

    def tag(self, branch: str) -> str:
        """Tag what a branch holds; the name of the tag."""
        self._known(branch)
        name = f"v{len(self.model.tags) + 1}"
        self._say(f"{branch} is tagged {name}", f"tag({branch!r})")
        self.repo.tag(name, at=branch)
        self.model.tags[name] = self.model.branches[branch]
        return name

    def check(self) -> None:
        """Compare every branch with the model.

        Raises
        ------
        DisagreementError
            One of them differs.
        """
        if {*self.repo.branches} != {*self.model.branches}:
            raise DisagreementError(f"git has {[*self.repo.branches]}, the model has {[*self.model.branches]}")
        for name, number in self.model.branches.items():
            if self.repo.branches[name] != self._shas[number]:
                raise DisagreementError(f"{name} is at {self.repo.branches[name]}, the model says {self._shas[number]}")
            if self.repo.tree(name) != self._tree(self.model.versions[number].holds):
                raise DisagreementError(f"{name} does not hold in git what it holds in the model")

    # -- handing on -----------------------------------------------------------------------------------------------

    def code(self, name: str = "test_history", *, ends: str = "") -> str:
        """A test to paste that does it all again.

        Parameters
        ----------
        name : str
            The name of the test.
        ends : str
            Its last statement.
        """
        places, files = self._shape
        size = "" if (places, files) == (4, 2) else f", places={places}, files={files}"
        lines = [f"        twin.{call}" for call in self.calls]
        return "\n".join(
            [
                "from branchsim.testing import TwinRepo",
                "",
                "",
                f"def {name}() -> None:",
                f"    with TwinRepo({self.layers!r}{size}) as twin:",
                *(lines or ["        pass"]),
                *([f"        {ends}"] if ends else []),
                "",
            ]
        )

    def script(self, title: str = "A history made with branchsim.testing", *, name: str = "transcript") -> str:
        """All that was done as a shell script; see `ScratchRepo.script`."""
        return self.repo.script(title, name=name)

    def close(self) -> None:
        """Remove the repository."""
        self.repo.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<TwinRepo with {', '.join(self.model.branches)} after {len(self.calls)} steps>"

    # -- inner ----------------------------------------------------------------------------------------------------

    def _known(self, branch: str) -> str:
        if branch not in self.model.branches:
            known = self.model.branches
            raise InputError(f"there is no branch {branch!r}{nearest(branch, known)}; they are {', '.join(known)}")
        return branch

    def _say(self, sentence: str, call: str) -> None:
        self.story.append(sentence)
        self.calls.append(call)
        self.repo.note(f"{len(self.story)}. {sentence}.")

    def _older(self, number: int, back: int) -> int:
        for _ in range(back):
            if not self.model.versions[number].parents:
                raise InputError(f"the branch is not {back} steps old")
            number = self.model.versions[number].parents[0]
        return number

    def _heard(self, number: int) -> frozenset[tuple[str, str]]:
        past = self.model.ancestors(number)
        return frozenset().union(*(self.model.versions[each].withdraws for each in past))

    def _tree(self, holds: tuple[Held, ...]) -> Sha:
        if holds not in self._trees:
            self._trees[holds] = self.repo.tree_of(self.model.text(holds))
        return self._trees[holds]

    def _put(self, branch: str, version: Version) -> None:
        number = self.model.put(branch, version)
        sha = self.repo.branches[branch]
        self._shas.append(sha)
        if len(self._shas) != number + 1:
            raise DisagreementError(f"{branch} has another number of commits in git than in the model")
        tree = self._tree(version.holds)
        if self.repo.tree(sha) != tree:
            found = {path: content.decode() for path, content in self.repo.files(sha).items()}
            wanted = self.model.text(version.holds)
            differing = next(path for path in {**wanted, **found} if wanted.get(path) != found.get(path))
            raise DisagreementError(
                f"step {len(self.story)} ({self.story[-1]}): git and the model differ in {differing}. "
                f"git has:\n{found.get(differing)}\nthe model has:\n{wanted.get(differing)}"
            )
        self._see(branch)

    def _see(self, branch: str) -> None:
        if branch in self.ever:
            self.ever[branch] |= self.model.content(branch)
            self.came[branch] |= self.model.delivered(branch)

    def _pick_all(self, into: str, source: str, resolve: Choice, *, trailer: bool) -> Landed:
        from branchsim.testing.repo import Landed

        model = self.model
        have = model.ancestors(model.branches[into])
        wanted = [
            number
            for number in sorted(model.ancestors(model.branches[source]) - have)
            if len(model.versions[number].parents) == 1
        ]
        conflicts: dict[str, None] = {}
        some = False
        for number in wanted:
            ours = model.branches[into]
            expected = model.picked(number, ours, resolve)
            sha = self._shas[number]
            done = self._landed(
                expected,
                resolve,
                partial(self._pick, into, sha, trailer),
            )
            conflicts |= dict.fromkeys(done.conflicts)
            if done.kind == "pick":
                some = True
                # A conflict resolved to the picked side brings what that side holds, more than the commit did.
                after = frozenset[str]().union(*expected.holds)
                came = model.versions[number].brings | (after - model.content(into))
                version = Version(
                    (ours,), expected.holds, came - model.delivered(into), model.versions[number].withdraws
                )
                self._put(into, version)
        return Landed(self.repo.branches[into], "pick" if some else "nothing", tuple(conflicts))

    def _pick(
        self, into: str, sha: Sha, trailer: bool, resolve: Callable[[Mapping[str, bytes]], Mapping[str, str]]
    ) -> Landed:
        return self.repo.pick(into=into, commit=sha, resolve=resolve, trailer=trailer)

    def _landed(
        self,
        expected: Expected,
        choice: Choice,
        do: Callable[[Callable[[Mapping[str, bytes]], Mapping[str, str]]], Landed],
    ) -> Landed:
        """Let git do it, and see that it conflicts where the model does."""
        # Known beforehand, the tree need not be read back from git.
        self._tree(expected.holds)
        text = self.model.text(expected.holds)
        places = {place for place in range(self.model.places) if place in expected.conflicts}
        asked: list[Mapping[str, bytes]] = []

        def resolve(left: Mapping[str, bytes]) -> Mapping[str, str]:
            asked.append(left)
            found = {place for content in left.values() for place in _conflicted(content.decode(), self.model.places)}
            if found != places:
                raise DisagreementError(
                    f"step {len(self.story)} ({self.story[-1]}): git has conflicts in places {_named(found)}, the "
                    f"model in {_named(places)}; git left:\n" + "\n".join(content.decode() for content in left.values())
                )
            return {path: text[path] for path in left}

        done = do(resolve)
        if places and not asked:
            raise DisagreementError(
                f"step {len(self.story)} ({self.story[-1]}): the model has a conflict in {_named(places)}, git has none"
            )
        if done.conflicts:
            self.story[-1] += f"; it conflicts, and the conflict is resolved: {_CHOICES[choice]}"
        return done


_CHOICES: dict[Choice, str] = {
    "both": "both sides are kept",
    "ours": "the side of the branch it lands on is taken",
    "theirs": "the side that lands is taken",
}


def _conflicted(text: str, places: int) -> list[int]:
    """The places of a file in which git left conflict markers."""
    found = []
    for place in range(places):
        _, start, rest = text.partition(opening(place) + "\n")
        if start and "<<<<<<<" in rest.partition(f"[end of place {place + 1}]")[0]:
            found.append(place)
    return found


def _named(places: set[int]) -> str:
    return ", ".join(str(place + 1) for place in sorted(places)) or "none"


__all__ = ["METHODS", "DisagreementError", "TwinRepo"]
