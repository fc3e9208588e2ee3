"""Short ways to write down units."""

from __future__ import annotations

from collections import Counter

from branchsim.effects import Form, Unit, Units, units_of


def line(text: str) -> Unit:
    return Unit("line", (), text)


def element(*key: str, value: str) -> Unit:
    return Unit("element", key, value)


def lines(*texts: str) -> Units:
    return Units(Counter(line(text) for text in texts), Form.LINES)


def read(path: str, text: str) -> Units:
    return units_of(path.encode(), text.encode())


def found(units: Units) -> dict[str, str]:
    """The elements as text; only for files without repeated ones."""
    return {"/".join(unit.key): unit.value for unit in units.counts if unit.kind == "element"}
