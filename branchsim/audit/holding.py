"""Whether a tree still holds what a change did, wherever its files have gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from branchsim.audit.losses import LossReader
from branchsim.effects import Effect, Form, State, combine, effect_of, state
from branchsim.git.difftree import raw_changes
from branchsim.git.log import RawChange, empty_tree
from branchsim.git.objects import TreeEntry
from branchsim.git.scratch import Scratch
from branchsim.history.changes import Change
from branchsim.names import Sha

_NOTHING = "000000"


def paths_of_change(scratch: Scratch, change: Change) -> list[bytes]:
    """The paths at which a change did something."""
    return [raw.path for raw in _raw(scratch, change)]


def _raw(scratch: Scratch, change: Change) -> list[RawChange]:
    pair = (change.trees[0] or empty_tree(scratch), change.trees[1])
    return raw_changes(scratch, [pair])[pair]


def effects_of_change(
    scratch: Scratch, reader: LossReader, change: Change, paths: Collection[bytes] | None = None
) -> dict[bytes, Effect]:
    """What a change did to each path, or to each of some; paths that cannot be read are left out."""
    return dict(each_effect(scratch, reader, change, paths))


def each_effect(
    scratch: Scratch, reader: LossReader, change: Change, paths: Collection[bytes] | None = None
) -> Iterator[tuple[bytes, Effect]]:
    """The same one by one, read only as far as somebody asks."""
    for raw in _raw(scratch, change):
        if paths is not None and raw.path not in paths:
            continue
        old = None if raw.old_mode == _NOTHING else TreeEntry(raw.old_mode, Sha(raw.old))
        new = None if raw.new_mode == _NOTHING else TreeEntry(raw.new_mode, Sha(raw.new))
        was, now = reader.together(raw.path, [old, new])
        if was.is_known and now.is_known:
            yield raw.path, effect_of(was, now)


def state_in(reader: LossReader, change: Change, effects: Mapping[bytes, Effect], tree: Sha) -> State:
    """Whether a tree holds the effects of a change; files that were renamed since are followed."""
    return combine(states_in(reader, change, effects, tree).values())


def first_holding(
    reader: LossReader,
    change: Change,
    effects: Iterable[tuple[bytes, Effect]],
    trees: Iterable[Sha],
    forms: Collection[Form],
) -> Sha | None:
    """The first of some trees that holds everything that a change did, as far as it can be read, and that is something.

    It says what `state_in` says of each, but asks for no further effects where something is not there. None also where
    a path was read in any other than some forms.
    """
    live = dict.fromkeys(trees, 0)
    away: dict[Sha, dict[bytes, Effect]] = {tree: {} for tree in live}
    for path, effect in effects:
        if effect.before.form not in forms or effect.after.form not in forms:
            return None
        for tree, found in _states_at(reader, path, effect, list(live)).items():
            if found is None:
                away[tree][path] = effect
            elif found.live < found.total:
                del live[tree]
            else:
                live[tree] += found.live
        if not live:
            return None
    # What was moved comes last, since git looks for that long.
    for tree, count in live.items():
        moved = states_in(reader, change, away[tree], tree).values()
        if all(found.live == found.total for found in moved) and count + sum(found.live for found in moved) > 0:
            return tree
    return None


def _states_at(reader: LossReader, path: bytes, effect: Effect, trees: Sequence[Sha]) -> dict[Sha, State | None]:
    """The state of an effect at its path in trees; None where it is not there. What cannot be read is left out."""
    entries = reader.entries([(tree, path) for tree in trees])
    versions = {entry: reader.units(path, entry) for entry in dict.fromkeys(entries.values())}
    known = {entry: state(effect, now) for entry, now in versions.items() if now.is_known}
    found = {tree: entries.get((tree, path)) for tree in trees}
    return {
        tree: None if entry is None else known[entry]
        for tree, entry in found.items()
        if entry is None or entry in known
    }


def states_in(reader: LossReader, change: Change, effects: Mapping[bytes, Effect], tree: Sha) -> dict[bytes, State]:
    """The same, path by path; what cannot be read is left out."""
    entries = reader.entries([(tree, path) for path in effects])
    moved: Mapping[bytes, bytes] = {}
    away = {path for path, effect in effects.items() if (tree, path) not in entries and effect.after.is_present}
    if away:
        moved = reader.moves.of(change.trees[1], tree, away)
        entries |= reader.entries([(tree, moved[path]) for path in effects if path in moved])
    reader.preload(entry.sha for entry in entries.values() if not entry.is_submodule)
    states = {}
    for path, effect in effects.items():
        name = path if (tree, path) in entries else moved.get(path, path)
        now = reader.units(name, entries.get((tree, name)))
        if now.is_known:
            states[path] = state(effect, now)
    return states


__all__ = ["each_effect", "effects_of_change", "first_holding", "paths_of_change", "state_in", "states_in"]
