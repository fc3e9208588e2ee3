"""Changes of structured files, looked for by their elements: the order of these says nothing, and git merges lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from branchsim.audit.holding import each_effect, first_holding
from branchsim.effects import Form
from branchsim.effects.units import form_of

if TYPE_CHECKING:
    from branchsim.audit.losses import LossReader
    from branchsim.git.scratch import Scratch
    from branchsim.history.changes import Change
    from branchsim.history.landings import History, Landing
    from branchsim.names import Sha

_HELD = 32 * 1024 * 1024
_STRUCTURED = frozenset({Form.METADATA, Form.JSON, Form.YAML})
_FORMS = _STRUCTURED | {Form.ABSENT}


def by_elements(
    scratch: Scratch,
    reader: LossReader,
    history: History,
    moments: Mapping[Sha, Sequence[Landing]],
    changes: Sequence[Change],
) -> dict[Sha, Landing]:
    """For each change the first moment at which a branch holds every element as the change made it.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    reader : LossReader
        Reads and parses the blobs.
    history : History
        The replay.
    moments : mapping of Sha to sequence of Landing
        The landings at which it is asked, by change.
    changes : sequence of Change
        Those that touch anything but structured files are left out.
    """
    found: dict[Sha, Landing] = {}
    for change in changes:
        if not moments[change.id] or not is_structured(history, change):
            continue
        landings: dict[Sha, Landing] = {}
        for landing in moments[change.id]:
            landings.setdefault(history.commit(landing.sha).tree, landing)
        tree = first_holding(reader, change, each_effect(scratch, reader, change), landings, _FORMS)
        if tree is not None:
            found[change.id] = landings[tree]
        reader.forget(above=_HELD)
    return found


def is_structured(history: History, change: Change) -> bool:
    """Whether a change touches nothing but files of which the elements are known."""
    paths = {raw.path for sha in change.commits for raw in history.commit(sha).changes}
    return bool(paths) and all(form_of(path) in _STRUCTURED for path in paths)


__all__ = ["by_elements", "is_structured"]
