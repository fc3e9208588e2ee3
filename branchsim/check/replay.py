"""Do again with real git what the model did, and compare every tree and every conflict.

Many traces are replayed side by side: all merges that are due at one time go to one ``git merge-tree``.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from branchsim.check.trace import PATH, Action, Regions, Trace
from branchsim.errors import GitError, InputError, InternalError
from branchsim.git.merge import MergeResult, Pick, merge_many, pick_many
from branchsim.git.objects import ObjectReader, write_commit, write_object
from branchsim.git.process import run
from branchsim.git.scratch import Scratch
from branchsim.names import Sha

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from branchsim.check.explore import Counterexample

AUTHOR = "A Developer <developer@example.com>"
START = 1_700_000_000
"""The time of the first commit; every further one is an hour later."""

_HOUR = 3600
_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A trace that real git has been seen to follow.

    Attributes
    ----------
    trace : Trace
        The trace.
    commits : dict of str to Sha
        The commits by label.
    refs : dict of str to Sha
        The refs as they stand at the end, by full name.
    trees : int
        How many trees were compared.
    conflicts : int
        How many landings conflicted, in git as in the model.
    moves : tuple of Moved
        How the branches came to stand where they stand, in order.
    """

    trace: Trace
    commits: dict[str, Sha]
    refs: dict[str, Sha]
    trees: int
    conflicts: int
    moves: tuple[Moved, ...] = ()


class Moved(NamedTuple):
    """One movement of a branch, as a reflog has it: where it stood, where it went, when, and by what."""

    branch: str
    old: Sha | None
    new: Sha
    at: int
    what: str


_Question = tuple[Sha, Sha] | Pick
_Run = Generator[_Question, MergeResult, Replay]


def replay(trace: Trace) -> Replay:
    """Replay one trace on a scratch repository; see `replay_many`."""
    return replay_many((trace,))[0]


def replay_many(traces: Sequence[Trace]) -> list[Replay]:
    """Replay traces on one scratch repository.

    Parameters
    ----------
    traces : sequence of Trace
        The traces.

    Returns
    -------
    list of Replay
        One for each, in order.

    Raises
    ------
    InternalError
        git and the model disagree about a tree or a conflict; the message names the step and holds the story.
    GitError
        git cannot be run.
    """
    with _scratch() as scratch:
        return _replay_on(scratch, traces)


def materialise(trace: Trace, path: str | os.PathLike[str]) -> Replay:
    """Replay a trace and keep the outcome as a bare repository, with the reflogs that a server would have.

    Parameters
    ----------
    trace : Trace
        The trace.
    path : path-like
        A directory that is empty or does not exist.

    Raises
    ------
    InputError
        The directory holds something.
    InternalError
        git and the model disagree.
    """
    place = Path(path)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise InputError(f"{place} is not an empty directory; name one that is, or that does not exist")
    with _scratch() as scratch:
        done = _replay_on(scratch, (trace,))[0]
        # What a branch was moved away from is in no branch's history; a server has it for some weeks all the same.
        left = {f"refs/left/{each.old}": each.old for each in done.moves if each.what == "push --force" and each.old}
        lines = "".join(f"create {name} {sha}\n" for name, sha in (done.refs | left).items())
        run(["update-ref", "--stdin"], scratch.path, stdin=lines.encode())
        run(["init", "--quiet", "--bare", "--template=", os.fspath(place)])
        run(["symbolic-ref", "HEAD", f"refs/heads/{trace.branches[-1]}"], place)
        run(["fetch", "--quiet", "--no-tags", os.fspath(scratch.path), "+refs/*:refs/*"], place)
        run(["update-ref", "--stdin"], place, stdin="".join(f"delete {name}\n" for name in left).encode())
        _write_reflogs(place, done)
    return done


def _write_reflogs(place: Path, done: Replay) -> None:
    none = "0" * len(next(iter(done.refs.values())))
    for branch in dict.fromkeys(each.branch for each in done.moves if f"refs/heads/{each.branch}" in done.refs):
        file = place / "logs" / "refs" / "heads" / branch
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            f"{each.old or none} {each.new} {AUTHOR} {each.at} +0000\t{each.what}\n"
            for each in done.moves
            if each.branch == branch
        ]
        file.write_text("".join(lines), encoding="utf-8")


def confirm(counterexamples: dict[str, Counterexample]) -> dict[str, Counterexample]:
    """The same counterexamples, replayed.

    Raises
    ------
    InternalError
        git and the model disagree.
    """
    replay_many([each.trace for each in counterexamples.values()])
    return {name: dataclasses.replace(each, replayed=True) for name, each in counterexamples.items()}


@contextmanager
def _scratch() -> Iterator[Scratch]:
    """A scratch repository that borrows from nothing."""
    with ExitStack() as stack:
        try:
            empty = stack.enter_context(tempfile.TemporaryDirectory(prefix="branchsim-"))
        except OSError as error:
            raise GitError(f"no temporary directory could be made: {error.strerror}; set TMPDIR") from None
        yield stack.enter_context(Scratch(Path(empty)))


def _replay_on(scratch: Scratch, traces: Sequence[Trace]) -> list[Replay]:
    done: list[Replay | None] = [None] * len(traces)
    written: dict[tuple[str, ...], Sha] = {}
    with ObjectReader(scratch) as reader:
        waiting: list[tuple[int, _Run, _Question]] = []

        def advance(number: int, running: _Run, answer: MergeResult | None) -> None:
            try:
                # The first time there is no answer yet: a generator that has not begun takes None only.
                question = next(running) if answer is None else running.send(answer)
            except StopIteration as stop:
                done[number] = stop.value
            else:
                waiting.append((number, running, question))

        for number, trace in enumerate(traces):
            advance(number, _Player(scratch, reader, trace, written).play(), None)
        while waiting:
            due, waiting = waiting, []
            merges = [(number, running, asked) for number, running, asked in due if not isinstance(asked, Pick)]
            picks = [(number, running, asked) for number, running, asked in due if isinstance(asked, Pick)]
            answers: list[tuple[int, _Run, MergeResult]] = []
            merged = merge_many(scratch, [asked for _, _, asked in merges])
            answers += [(number, running, found) for (number, running, _), found in zip(merges, merged, strict=True)]
            picked = pick_many(scratch, [asked for _, _, asked in picks])
            answers += [(number, running, found) for (number, running, _), found in zip(picks, picked, strict=True)]
            for number, running, answer in answers:
                advance(number, running, answer)
    return [each for each in done if each is not None]


@dataclass(slots=True)
class _Player:
    """One trace on its way."""

    scratch: Scratch
    reader: ObjectReader
    trace: Trace
    written: dict[tuple[str, ...], Sha]
    commits: dict[str, Sha] = field(default_factory=dict)
    parents: dict[str, tuple[Sha, ...]] = field(default_factory=dict)
    tips: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    trees: int = 0
    conflicts: int = 0
    clock: int = START
    moves: list[Moved] = field(default_factory=list)

    def play(self) -> _Run:
        self._commit(self.trace.root, ((),) * self.trace.regions, (), "Begin")
        self.tips = dict.fromkeys(self.trace.branches, self.trace.root)
        self.moves = [
            Moved(branch, None, self.commits[self.trace.root], self.clock, "push") for branch in self.trace.branches
        ]
        for action in self.trace.actions:
            before = self.tips.get(action.branch)
            yield from self._act(action)
            if action.kind not in {"delete", "tag"}:
                self._note(action, before)
        refs = {f"refs/heads/{name}": self.commits[label] for name, label in self.tips.items()}
        refs |= {f"refs/tags/{name}": self.commits[label] for name, label in self.tags.items()}
        return Replay(
            trace=self.trace,
            commits=self.commits,
            refs=refs,
            trees=self.trees,
            conflicts=self.conflicts,
            moves=tuple(self.moves),
        )

    def _note(self, action: Action, before: str | None) -> None:
        """Write a movement down; what makes no commit has no time of its own, and comes a minute later."""
        label = self.tips[action.branch]
        made = self._time(label) if action.kind not in {"branch", "fast-forward", "move"} else 0
        self.clock = max(self.clock + _MINUTE, made)
        old = None if before is None else self.commits[before]
        what = {"move": "push --force"}.get(action.kind, "push")
        self.moves.append(Moved(action.branch, old, self.commits[label], self.clock, what))

    def _time(self, label: str) -> int:
        return self.trace.times.get(label, START + _HOUR * int(label[1:]))

    def _act(self, action: Action) -> Generator[_Question, MergeResult, None]:
        kind = action.kind
        if kind == "branch":
            self.tips[action.branch] = self.tips[action.source]
        elif kind == "delete":
            del self.tips[action.branch]
        elif kind == "tag":
            self.tags[action.branch] = self.tips[action.source]
        elif kind == "move":
            self.tips[action.branch] = action.commit
        elif kind == "commit":
            self._stand(action, (self.commits[self.tips[action.branch]],))
        elif kind == "fast-forward":
            ours, theirs = self.commits[self.tips[action.branch]], self.commits[self.tips[action.source]]
            found = yield (ours, theirs)
            # What git makes of merging a descendant is the descendant's tree.
            self._compare(action, found)
            self.tips[action.branch] = self.tips[action.source]
        else:
            yield from self._land(action)

    def _land(self, action: Action) -> Generator[_Question, MergeResult, None]:
        ours = self.commits[self.tips[action.branch]]
        if action.kind in {"merge", "squash"}:
            theirs = self.commits[self.tips[action.source]]
            found = yield (ours, theirs)
            parents = (ours, theirs) if action.kind == "merge" else (ours,)
        else:
            commit = self.commits[action.commit]
            parent = self.parents[action.commit][0]
            found = yield Pick(commit, ours, parent) if action.kind == "pick" else Pick(parent, ours, commit)
            parents = (ours,)
        self._compare(action, found)
        self._stand(action, parents)

    def _stand(self, action: Action, parents: tuple[Sha, ...]) -> None:
        self._commit(action.label, action.regions, parents, self._message(action.message))
        self.tips[action.branch] = action.label

    def _message(self, message: str) -> str:
        for label, sha in self.commits.items():
            message = message.replace(f"{{{label}}}", sha)
        return message

    def _commit(self, label: str, regions: Regions, parents: tuple[Sha, ...], message: str) -> None:
        if label in self.commits:
            if self.parents[label] != parents:
                raise InternalError(f"the model takes two different commits for one ({label}): {self._story()}")
            return
        when = self._time(label)
        identity = f"{AUTHOR} {when} +0000"
        tree = self._tree(regions)
        key = ("commit", tree, *parents, message, identity)
        if key not in self.written:
            self.written[key] = write_commit(
                self.scratch, tree=tree, parents=parents, message=message + "\n", author=identity
            )
        self.commits[label] = self.written[key]
        self.parents[label] = parents

    def _tree(self, regions: Regions) -> Sha:
        text = self.trace.text(regions)
        key = ("tree", text)
        if key not in self.written:
            blob = write_object(self.scratch, "blob", text.encode())
            entry = b"100644 " + PATH.encode() + b"\0" + bytes.fromhex(blob)
            self.written[key] = write_object(self.scratch, "tree", entry)
        return self.written[key]

    def _compare(self, action: Action, found: MergeResult) -> None:
        self.trees += 1
        if found.tree is None:
            raise self._disagree(action, f"git could not do it: {found.failure}")
        if found.clean:
            if action.conflicts:
                raise self._disagree(action, f"the model has a conflict in {_named(action.conflicts)}, git has none")
            if found.tree != self._tree(action.regions):
                text = self._text(found.tree)
                raise self._disagree(action, f"the trees differ; git made:\n{text}")
            return
        conflicts = _conflicted(self._text(found.tree))
        if conflicts != action.conflicts:
            raise self._disagree(
                action,
                f"git has a conflict in {_named(conflicts)}, the model in {_named(action.conflicts)}; git made:\n"
                + self._text(found.tree),
            )
        self.conflicts += 1
        # What git merged by itself beside the conflicts is compared too.
        expected, made = _blocks(self.trace.text(action.regions)), _blocks(self._text(found.tree))
        for number, (ours, theirs) in enumerate(zip(expected, made, strict=True), start=1):
            if number not in conflicts and ours != theirs:
                raise self._disagree(action, f"region {number} differs; git made:\n{theirs}")

    def _text(self, tree: Sha) -> str:
        blob = self.reader.tree(tree)[PATH.encode()].sha
        content = self.reader.blob(blob)
        if content is None:
            raise InternalError("the file of a trace is missing from its scratch repository")
        return content.decode()

    def _disagree(self, action: Action, what: str) -> InternalError:
        step = self.trace.steps[action.step]
        return InternalError(
            f"the model and git disagree at step {action.step + 1} ({step}), {action.kind} on {action.branch}: {what}\n"
            f"{self._story()}\nThis is a defect of branchsim; please report it with these lines."
        )

    def _story(self) -> str:
        return "\n".join(self.trace.story())


def _blocks(text: str) -> list[str]:
    """The text of each region."""
    return [block.partition("[end of region")[0] for block in text.split("[region ")[1:]]


def _conflicted(text: str) -> tuple[int, ...]:
    return tuple(number for number, block in enumerate(_blocks(text), start=1) if "\n<<<<<<<" in block)


def _named(regions: Iterable[int]) -> str:
    return ", ".join(f"region {region}" for region in regions) or "no region"
