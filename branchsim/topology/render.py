"""Topologies for people: a drawing for a terminal, a mermaid flowchart, a description, a table in HTML.

Names come from files of strangers. Here they are made harmless: control characters are shown, not sent to the terminal;
what means something to mermaid or HTML is escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.formatting import block, folded, listing, many, page, table
from branchsim.topology.records import GUARDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from branchsim.topology.model import Topology
    from branchsim.topology.records import Entry, Family


def plain(text: str) -> str:
    r"""Text that is safe to print: what cannot be printed is shown as an escape such as ``\x1b``."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def _listed(names: Iterable[str], *, joint: str = "and") -> str:
    words = [plain(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}" if words else "nothing"


def _how(methods: Iterable[str]) -> str:
    words = tuple(methods)
    return f" by {_listed(words, joint='or')}" if words else ""


def draw(topology: Topology, *, ascii_only: bool = False) -> str:
    """Draw a topology for a terminal, without colours.

    One row for each branch, in order. To its right one column for each flow, which ends at the arrow head: a promotion
    begins at a circle and is drawn with a solid line, a retrofit begins at a diamond and is drawn with a dotted one.
    Families follow below.

    Parameters
    ----------
    topology : Topology
        What to draw.
    ascii_only : bool
        Use ASCII characters instead of lines and arrows of Unicode.
    """
    head = "<" if ascii_only else "◀"
    marks = {
        "promote": ("o", "|") if ascii_only else ("○", "│"),
        "retrofit": ("*", ":") if ascii_only else ("◇", "┊"),
    }
    rows = {branch.name: index for index, branch in enumerate(topology.branches)}
    name_width = max(len(plain(branch.name)) for branch in topology.branches)
    layer_width = max(len(plain(branch.layer)) for branch in topology.branches)
    flows = sorted(topology.flows, key=lambda flow: flow.kind)
    columns: list[list[str]] = []
    for flow in flows:
        column = [" "] * len(rows)
        low, high = sorted((rows[flow.source], rows[flow.target]))
        begin, line = marks[flow.kind]
        column[low : high + 1] = line * (high + 1 - low)
        column[rows[flow.source]] = begin
        column[rows[flow.target]] = head if flow.source != flow.target else "@"
        columns.append(column)
    lines = [plain(topology.name)]
    for branch in topology.branches:
        row = rows[branch.name]
        cells = " ".join(column[row] for column in columns)
        lines.append(f"  {plain(branch.layer):<{layer_width}}  {plain(branch.name):<{name_width}}  {cells}".rstrip())
    if flows:
        legend = ", ".join(f"{begin} {line} {head} {kind}" for kind, (begin, line) in marks.items())
        lines.append(f"  {legend}")
    lines += [f"  {_family_line(family)}" for family in topology.families]
    return "\n".join(lines) + "\n"


def _family_line(family: Family) -> str:
    owes = f", owes a retrofit to {_listed(family.retrofit)}" if family.retrofit else ""
    start, end = _listed(family.source, joint="or"), _listed(family.to, joint="or")
    return f"{plain(family.pattern)}: from {start} to {end}{_how(family.methods)}{owes}"


def mermaid(topology: Topology) -> str:
    """Draw a topology as a mermaid flowchart: layers as boxes, promotions solid, retrofits dotted, families rounded."""
    ids = {branch.name: f"b{index}" for index, branch in enumerate(topology.branches)}
    lines = ["flowchart LR"]
    for number, layer in enumerate(topology.layers):
        lines.append(f'  subgraph l{number}["{_label(layer)}"]')
        lines += [
            f'    {ids[branch.name]}["{_label(branch.name)}"]' for branch in topology.branches if branch.layer == layer
        ]
        lines.append("  end")
    lines += [
        f"  {ids[flow.source]} {'-->' if flow.kind == 'promote' else '-.->'}|{flow.kind}| {ids[flow.target]}"
        for flow in topology.flows
    ]
    for number, family in enumerate(topology.families):
        lines.append(f'  f{number}(["{_label(family.pattern)}"])')
        both = [name for name in family.source if name in family.to]
        lines += [f"  {ids[name]} --- f{number}" for name in family.source if name not in both]
        lines += [f"  {ids[name]} <--> f{number}" for name in both]
        lines += [f"  f{number} --> {ids[name]}" for name in family.to if name not in both]
        lines += [f"  f{number} -.->|retrofit| {ids[name]}" for name in family.retrofit]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    """Text for a quoted label: every character that is no letter, digit or harmless sign becomes a numeric entity."""
    return "".join(
        character if character.isalnum() or character in " -_./" else f"#{ord(character)};" for character in text
    )


def _entry(entry: Entry) -> str:
    if entry.role == "work":
        return f"work from {plain(entry.source)}{_how(entry.methods)}"
    verb = "promotion" if entry.role == "promote" else "retrofit"
    return f"{verb} from {plain(entry.source)}{_how(entry.methods)}"


def describe(topology: Topology) -> str:
    """Say in plain sentences what a topology expects."""
    lines = [
        f"{plain(topology.name)}: {many(len(topology.branches), 'branch', 'branches')} in {_listed(topology.layers)}."
    ]
    chain = topology.promotion_chain()
    if len(chain) > 1:
        lines.append(
            f"Promotions: {' -> '.join(map(plain, chain))}; releases land on {_listed(topology.last_branches())}."
        )
    for branch in topology.branches:
        ways = [_entry(entry) for entry in topology.entries(branch.name)]
        if topology.accepts_direct(branch.name):
            ways.append("direct work")
        lines.append(f"  {plain(branch.name)} ({plain(branch.layer)}) takes {'; '.join(ways) or 'nothing'}.")
    rules = topology.obligation_rules()
    lines.append("Owed:" if rules else "Nothing is owed anywhere.")
    for rule in rules:
        who = f"from {_listed(rule.families, joint='or')} " if rule.families else ""
        before = _listed([f"{flow.source} -> {flow.target}" for flow in rule.deadlines], joint="or")
        until = f", before the next promotion {before}" if rule.deadlines else ""
        lines.append(f"  what lands on {plain(rule.landed_on)} {who}is owed to {plain(rule.owed_to)}{until}.")
    lines += [f"Guard {guard}: {GUARDS[guard]}" for guard in topology.guards]
    if topology.release_tags is not None:
        lines.append(f"Tags that match {plain(topology.release_tags)} mark releases.")
    if topology.ignore_paths:
        lines.append(f"Left out of every judgement: {_listed(topology.ignore_paths)}.")
    if topology.list_keys:
        lines.append(f"Members of lists in JSON and YAML are identified by {_listed(topology.list_keys)}, too.")
    if topology.waivers:
        lines.append(f"Waivers: {len(topology.waivers)}.")
    lines += [
        f"Protected from overwriting by {plain(mask.origin) or 'a mask'}: {_listed(mask.types)}."
        for mask in topology.masks
    ]
    lines += [f"Note: {plain(note)}" for note in topology.notes]
    return "\n".join(lines) + "\n"


def html(topology: Topology) -> str:
    """A topology for notebooks: its branches, what each takes and owes, and in plain sentences what it expects."""
    rules = topology.obligation_rules()
    rows = []
    for branch in topology.branches:
        entries = [_entry(entry) for entry in topology.entries(branch.name)]
        entries += ["direct work"] if topology.accepts_direct(branch.name) else []
        owed = [rule.owed_to for rule in rules if rule.landed_on == branch.name]
        rows.append((branch.layer, branch.name, "; ".join(entries), ", ".join(owed)))
    return page(
        topology.name,
        table(("layer", "branch", "takes", "owes to"), rows),
        folded("In words", block(describe(topology))),
        listing(topology.notes),
    )
