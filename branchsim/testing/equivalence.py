"""Equivalence machines: two ways of doing the same work, which have to end in the same tree."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from branchsim.testing.repo import ConflictError, ScratchRepo
from branchsim.testing.workbenches import borrow, give_back

if TYPE_CHECKING:
    from branchsim.testing.repo import Resolve

_SECTIONS = 4
_APART = 6
_WORDS = st.sampled_from(["one", "two", "three", "four"])


def sections(texts: dict[int, tuple[str, ...]]) -> str:
    """A file of sections so far apart that edits of different ones never conflict."""
    lines: list[str] = []
    for number in range(_SECTIONS):
        lines += [f"[section {number}]", *texts.get(number, ()), f"[end of section {number}]"]
        lines += [f"line {line} between {number} and the next" for line in range(_APART)]
    return "\n".join(lines) + "\n"


def _claim(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


class _Machine(RuleBasedStateMachine):
    """A machine with a scratch repository."""

    def __init__(self) -> None:
        super().__init__()
        self._bench = borrow()
        self.repo = ScratchRepo(bench=self._bench)

    def happened(self, what: str) -> None:
        """Take note of a rare path."""
        event(what)

    def teardown(self) -> None:
        """Give the workbench back."""
        self.repo.close()
        give_back(self._bench)


class ForkedWorkMachine(_Machine):
    """Serial work equals forked and then merged work.

    Several people own a section each. Whatever they edit is committed to ``serial`` at once, and to a branch of theirs;
    they merge that into ``main`` and ``main`` into it whenever they like. Once all have merged, ``main`` holds what
    ``serial`` holds.
    """

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[int, tuple[str, ...]] = {}
        self._own: dict[int, str] = {}
        self.repo.commit("serial", {"a.txt": sections({})})
        self.repo.branch("main", at="serial")
        for person in range(_SECTIONS):
            self._own[person] = f"work/{person}"
            self.repo.branch(self._own[person], at="main")

    @rule(person=st.integers(0, _SECTIONS - 1), words=st.lists(_WORDS, max_size=3), new=st.booleans())
    def edit(self, person: int, words: list[str], new: bool) -> None:
        """Somebody edits their section, or a file of their own."""
        if new:
            files = {f"own/{person}.txt": "".join(f"{word}\n" for word in words)}
            self.repo.commit("serial", files)
            self.repo.commit(self._own[person], files)
            return
        self._texts[person] = tuple(words)
        self.repo.commit("serial", {"a.txt": sections(self._texts)})
        branch = self._own[person]
        mine = self.repo.files(branch)["a.txt"].decode()
        self.repo.commit(branch, {"a.txt": _with_section(mine, person, tuple(words))})

    @rule(person=st.integers(0, _SECTIONS - 1))
    def merge(self, person: int) -> None:
        """Somebody merges their branch into main."""
        self._note(self.repo.merge(into="main", source=self._own[person]).kind)

    @rule(person=st.integers(0, _SECTIONS - 1))
    def update(self, person: int) -> None:
        """Somebody merges main into their branch."""
        self._note(self.repo.merge(into=self._own[person], source="main").kind)

    @rule()
    def all_merge(self) -> None:
        """Everybody merges."""
        for branch in self._own.values():
            self.repo.merge(into="main", source=branch)

    @invariant()
    def merged_work_equals_serial_work(self) -> None:
        """What is merged is what was done."""
        if all(self.repo.is_ancestor(branch, of="main") for branch in self._own.values()):
            same = self.repo.tree("main") == self.repo.tree("serial")
            _claim(same, "forked and merged work is not what serial work is")

    def _note(self, kind: str) -> None:
        if kind == "merge":
            self.happened("a true merge")


def _with_section(text: str, number: int, words: tuple[str, ...]) -> str:
    before, start, rest = text.partition(f"[section {number}]\n")
    _, end, after = rest.partition(f"[end of section {number}]\n")
    return before + start + "".join(f"{word}\n" for word in words) + end + after


class RetrofitMachine(_Machine):
    """A retrofit equals the direct fix: BUILD ends up as if every fix had been made there in the first place.

    Fixes are made on hotfix branches, land on ``preprod`` and are retrofitted to ``integration`` by a merge or by
    cherry-picks. ``direct`` is ``integration`` as it would be with every fix and feature committed to it directly.
    """

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._open: list[tuple[str, int, tuple[str, ...]]] = []
        self._commits: dict[str, list[str]] = {}
        self._fixed: dict[int, tuple[str, ...]] = {}
        self.repo.commit("preprod", {"a.txt": sections({}), "b.txt": "begin\n"})
        for name in ("integration", "direct"):
            self.repo.branch(name, at="preprod")

    @precondition(lambda self: len(self._fixed) < _SECTIONS)
    @rule(words=st.lists(_WORDS, min_size=1, max_size=3), twice=st.booleans())
    def fix(self, words: list[str], twice: bool) -> None:
        """A hotfix is made, in one or two commits, and merged to preprod."""
        section, self._count = len(self._fixed), self._count + 1
        branch = f"hotfix/{self._count}"
        self.repo.branch(branch, at="preprod")
        states = [("draft",), tuple(words)] if twice else [tuple(words)]
        for state in states:
            mine = self.repo.files(branch)["a.txt"].decode()
            after = {"a.txt": _with_section(mine, section, state)}
            self._commits.setdefault(branch, []).append(self.repo.commit(branch, after, message=f"Fix {self._count}"))
        self._fixed[section] = tuple(words)
        self._open.append((branch, section, tuple(words)))
        self.repo.merge(into="preprod", source=branch, fast_forward=False)

    @rule(words=st.lists(_WORDS, min_size=1, max_size=2))
    def feature(self, words: list[str]) -> None:
        """A feature is committed to integration."""
        self._count += 1
        files = {f"feature/{self._count}.txt": "".join(f"{word}\n" for word in words)}
        self.repo.commit("integration", files)
        self.repo.commit("direct", files)

    @precondition(lambda self: self._open)
    @rule(data=st.data(), method=st.sampled_from(["merge", "cherry-pick", "squash"]))
    def retrofit(self, data: st.DataObject, method: str) -> None:
        """A hotfix is brought to integration."""
        branch = data.draw(st.sampled_from([name for name, _, _ in self._open]))
        place = [name for name, _, _ in self._open].index(branch)
        conflicts: tuple[str, ...] = ()
        if method == "cherry-pick":
            for sha in self._commits[branch]:
                conflicts += self.repo.pick(into="integration", commit=sha).conflicts
        elif method == "squash":
            conflicts = self.repo.squash(into="integration", source=branch).conflicts
        else:
            conflicts = self.repo.merge(into="integration", source=branch, fast_forward=False).conflicts
        self.happened(f"a retrofit by {method}")
        _claim(not conflicts, "a retrofit of work that nobody else touched conflicts")
        # A hotfix branch starts from preprod: what had landed there before comes along.
        brought = [each for each in self._open[: place + 1] if self._holds(each)]
        for each in brought:
            _, section, words = each
            mine = self.repo.files("direct")["a.txt"].decode()
            self.repo.commit("direct", {"a.txt": _with_section(mine, section, words)})
            self._open.remove(each)

    @invariant()
    def retrofit_equals_direct_fix(self) -> None:
        """Both branches hold the same."""
        _claim(self.repo.tree("integration") == self.repo.tree("direct"), "a retrofit is not what the direct fix is")

    def _holds(self, fix: tuple[str, int, tuple[str, ...]]) -> bool:
        text = self.repo.files("integration")["a.txt"].decode()
        return _with_section(text, fix[1], fix[2]) == text


class LandingMethodsMachine(_Machine):
    """Squash, rebase and merge of one branch leave the same tree, where git says so.

    That is: squash and merge always, in the tree and in the paths that conflict; rebase where no commit conflicts and
    every commit arrives whole. (A branch that does something and takes it back, while the target does the same, may
    well end differently: git has no other way to know than to look at each commit.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.repo.commit("main", {"a.txt": sections({})})
        self.repo.branch("topic", at="main")

    @rule(
        branch=st.sampled_from(["main", "topic"]),
        section=st.integers(0, _SECTIONS - 1),
        words=st.lists(_WORDS, max_size=2),
    )
    def edit(self, branch: str, section: int, words: list[str]) -> None:
        """A section is edited on one of the branches."""
        text = self.repo.files(branch)["a.txt"].decode()
        after = _with_section(text, section, tuple(words))
        if after != text:
            self.repo.commit(branch, {"a.txt": after})

    @rule()
    def take_over(self) -> None:
        """Main is merged into the topic, where that does not conflict."""
        try:
            self.repo.merge(into="topic", source="main")
        except ConflictError:
            return

    @rule()
    def land_in_three_ways(self) -> None:
        """The topic lands on three copies of main."""
        ways = ("merged", "squashed", "rebased")
        for name in ways:
            self.repo.branch(name, at="main")
        try:
            self._compare()
        finally:
            for name in ways:
                self.repo.delete(name)

    def _compare(self) -> None:
        keep: Resolve = "ours"
        merged = self.repo.merge(into="merged", source="topic", resolve=keep, fast_forward=False)
        squashed = self.repo.squash(into="squashed", source="topic", resolve=keep)
        _claim(merged.conflicts == squashed.conflicts, "merge and squash conflict in different paths")
        _claim(self.repo.tree("merged") == self.repo.tree("squashed"), "merge and squash leave different trees")
        if merged.conflicts:
            self.happened("a conflict")
        wanted = [sha for sha in self._own() if len(self.repo.parents(sha)) == 1]
        straight = len(wanted) == len(self._own())
        for sha in wanted:
            before = self.repo.branches["rebased"]
            try:
                self.repo.pick(into="rebased", commit=sha)
            except ConflictError:
                self.happened("a rebase that conflicts")
                return
            if self._lines(before, "rebased") != self._lines(self.repo.parents(sha)[0], sha):
                self.happened("a rebase in which a commit does not arrive whole")
                return
        if wanted and straight:
            self.happened("a rebase in which every commit arrives whole")
            _claim(not merged.conflicts, "the merge conflicts and the rebase does not")
            _claim(self.repo.tree("rebased") == self.repo.tree("merged"), "merge and rebase leave different trees")

    def _own(self) -> list[str]:
        """The commits of the topic that main lacks, parents first."""
        have = self.repo.ancestors("main")
        return sorted(self.repo.ancestors("topic") - have, key=lambda sha: len(self.repo.ancestors(sha)))

    def _lines(self, before: str, after: str) -> Counter[str]:
        """The lines that came and went between two commits."""
        old, new = (Counter(self.repo.files(each)["a.txt"].decode().splitlines()) for each in (before, after))
        found = Counter({f"+{line}": count for line, count in (new - old).items()})
        return found + Counter({f"-{line}": count for line, count in (old - new).items()})


__all__ = ["ForkedWorkMachine", "LandingMethodsMachine", "RetrofitMachine", "sections"]
