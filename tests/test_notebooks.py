"""The notebooks: both halves of each pair say the same, and nothing went wrong in what is committed.

Whether they still run is what CI executes them for (``tests/support/notebooks.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest
from support import notebooks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda source: source.stem)
class TestNotebook:
    """Each of them."""

    def test_both_halves_are_the_same(self, source: Path) -> None:
        assert notebooks.cells(notebooks.read(source)) == notebooks.cells(notebooks.read(notebooks.paired(source)))

    def test_what_is_committed_is_executed_and_without_fault(self, source: Path) -> None:
        assert notebooks.faults(notebooks.read(notebooks.paired(source))) == []

    def test_it_says_at_the_top_what_it_shows(self, source: Path) -> None:
        first = notebooks.read(source).cells[0]
        assert first.cell_type == "markdown"
        assert first.source.startswith("# ")
        assert "**" in first.source


def test_faults_are_seen() -> None:
    made = notebooks.read(notebooks.paired(notebooks.sources()[0]))
    code = next(cell for cell in made.cells if cell.cell_type == "code")
    wrong = [
        {"output_type": "stream", "name": "stderr", "text": "UserWarning: careful"},
        {"output_type": "stream", "name": "stdout", "text": "/home/somebody/shop at 0x7f00aabbccdd"},
        {"output_type": "error", "ename": "InputError", "evalue": "no"},
    ]
    code.outputs = [nbformat.from_dict(each) for each in wrong]  # type: ignore[no-untyped-call]
    assert len(notebooks.faults(made)) == 4
