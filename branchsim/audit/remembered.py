"""What is known of single merges from earlier scans: taken again while nothing new came after them that bears on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from branchsim.audit.inspect import Inspection
from branchsim.audit.memo import digest_of, packed, unpacked
from branchsim.audit.pathlog import PathLog
from branchsim.names import Sha

if TYPE_CHECKING:
    from branchsim.audit.pathhistory import MemoryHistory
    from branchsim.effects import Attributes
    from branchsim.git.repository import Repository
    from branchsim.history.results import ResultCache
    from branchsim.topology import PathGlobs


@dataclass(frozen=True, slots=True)
class Told:
    """What a scan said of one merge, and what that follows from beside the merge itself.

    Attributes
    ----------
    inspection : Inspection
        What was said.
    names : tuple of str
        The paths whose later history was looked at, with bytes that are no UTF-8 as surrogates.
    mark : str
        A digest of that history.
    """

    inspection: Inspection
    names: tuple[str, ...] = ()
    mark: str = ""


_KINDS = {"quiet": tuple[str, ...], "told": tuple[Told, ...]}


class Remembered:
    """The merges of a history that earlier scans have looked at.

    Parameters
    ----------
    results : ResultCache
        Where they are kept.
    repository : Repository
        Where to read.
    history : MemoryHistory
        Its history as it is now.
    ignore, attributes
        What is left out.

    Notes
    -----
    A merge names all that it was made of. What is said of it follows from that, from the rules, and from what came
    after it at the paths that lost something; so it holds while these are as they were.
    """

    def __init__(
        self,
        results: ResultCache,
        repository: Repository,
        history: MemoryHistory,
        ignore: PathGlobs | None,
        attributes: Attributes | None,
    ) -> None:
        self._results = results
        self._history = history
        graph = history.graph
        roots = sorted(commit.sha for commit, parents in zip(graph.commits, graph.parents, strict=True) if not parents)
        self._key = None
        if results.path is not None:
            self._key = digest_of(
                repository,
                merges=roots,
                ignore=None if ignore is None else ignore.globs,
                attributes=None if attributes is None else attributes.rules,
            )
        self.quiet: set[Sha] = set()
        self.told: dict[Sha, Told] = {}
        self._read()

    def _read(self) -> None:
        kept = None if self._key is None else self._results.get(self._key)
        if kept is None:
            return
        try:
            known = unpacked(kept, _KINDS)
        except ValueError:
            return
        self.quiet = set(known["quiet"])
        for each in known["told"]:
            names = [name.encode("utf-8", "surrogateescape") for name in each.names]
            sha = each.inspection.commit
            if sha in self._history.graph and (not names or self._history.mark_after(sha, names) == each.mark):
                self.told[sha] = each

    def __contains__(self, sha: object) -> bool:
        return sha in self.quiet or sha in self.told

    def keep(self, merges: Iterable[Sha], told: Iterable[Told]) -> None:
        """Keep what a scan has found of all merges of the history; what could not be read may be there another time."""
        if self._key is None:
            return
        said = list(told)
        loud = {each.inspection.commit for each in said}
        quiet = [sha for sha in merges if sha not in loud]
        whole = [each for each in said if not each.inspection.skipped]
        self._results.put(self._key, packed({"quiet": quiet, "told": whole}))


class Asked:
    """A history that remembers the paths of which it was asked what came later.

    Parameters
    ----------
    history : MemoryHistory
        Who answers.
    """

    def __init__(self, history: MemoryHistory) -> None:
        self._history = history
        self._names: tuple[bytes, ...] = ()
        self._mark = ""

    def before(self, tip: Sha, names: Sequence[bytes], *, base: Sha | None = None) -> PathLog:
        """As the history says."""
        return self._history.before(tip, names, base=base)

    def after(self, commit: Sha, names: Sequence[bytes]) -> PathLog:
        """As the history says."""
        self._names, self._mark = tuple(names), self._history.mark_after(commit, names)
        return self._history.after(commit, names)

    def told(self, inspection: Inspection) -> Told:
        """An inspection with what was asked since the last one."""
        names = tuple(name.decode("utf-8", "surrogateescape") for name in self._names)
        found = Told(inspection, names, self._mark)
        self._names, self._mark = (), ""
        return found


__all__ = ["Asked", "Remembered", "Told"]
