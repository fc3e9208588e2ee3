"""What tests of pictures share: tables to draw, and what can be said of a drawn figure."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.text import Text
from matplotlib.transforms import Bbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VERDICTS = ("lost", "missed", "partial", "late", "retrofitted", "superseded", "reverted", "waived")
BRANCHES = ("integration", "uat", "preprod", "production")


def day(number: float) -> pd.Timestamp:
    """So many days after the first of January 2025."""
    return pd.Timestamp("2025-01-01", tz="UTC") + pd.Timedelta(days=number)


def times(numbers: Iterable[float | None]) -> pd.Series[Any]:
    return pd.Series([pd.NaT if number is None else day(number) for number in numbers], dtype="datetime64[ns, UTC]")


def landings(count: int, branches: Sequence[str] = BRANCHES) -> pd.DataFrame:
    kinds = ("merge", "squash", "direct", "cherry-pick", "revert", "force-push")
    return pd.DataFrame(
        {
            "branch": [branches[number % len(branches)] for number in range(count)],
            "landed_at": times(number * 200 / max(1, count) for number in range(count)),
            "kind": [kinds[number % len(kinds)] for number in range(count)],
        }
    )


def obligations(count: int, branches: Sequence[str] = BRANCHES) -> pd.DataFrame:
    verdicts = [VERDICTS[number % len(VERDICTS)] for number in range(count)]
    start = [number * 180 / max(1, count) for number in range(count)]
    arrived = [
        at + (number % 7) ** 2 if verdict in {"late", "retrofitted", "lost", "partial"} else None
        for number, (at, verdict) in enumerate(zip(start, verdicts, strict=True))
    ]
    return pd.DataFrame(
        {
            "change": [f"{number:08x}{number:032x}" for number in range(count)],
            "subject": [f"Fix number {number}{', which is a long one' * (number % 4)}" for number in range(count)],
            "family": ["hotfix/*" if number % 3 else None for number in range(count)],
            "landed_on": [branches[-2 + number % 2] for number in range(count)],
            "owed_to": [branches[0]] * count,
            "verdict": verdicts,
            "landed_at": times(start),
            "arrived_at": times(arrived),
        }
    )


def promotions(branches: Sequence[str] = BRANCHES) -> pd.DataFrame:
    rows = [
        (branches[place + 1], branches[place], 30 * number + place, place == len(branches) - 2, f"v1.{number}")
        for number in range(7)
        for place in range(len(branches) - 1)
    ]
    return pd.DataFrame(
        {
            "branch": [row[0] for row in rows],
            "source": [row[1] for row in rows],
            "at": times(row[2] for row in rows),
            "release": [row[3] for row in rows],
            "version": [row[4] if row[3] else None for row in rows],
        }
    )


def overwrites(count: int) -> pd.DataFrame:
    causes = ("merge-resolution", "evil-merge", "stale-commit")
    states = ("open", "open", "restored", "accepted")
    return pd.DataFrame(
        {
            "path": [f"force-app/main/default/classes/Class{number * number % 11}.cls" for number in range(count)],
            "branch": [BRANCHES[number % len(BRANCHES)] for number in range(count)],
            "landed_at": times(number * 190 / max(1, count) for number in range(count)),
            "cause": [causes[number % len(causes)] for number in range(count)],
            "state": [states[number % len(states)] for number in range(count)],
        }
    )


def windows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "branch": ["preprod", "preprod", "preprod"],
            "opened_at": times([31, 35, 181]),
            "closed_at": times([40, 44, None]),
        }
    )


def forecasts() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "variant": ["with-retrofit"] * 3 + ["without-retrofit"] * 3,
            "number": [1, 2, 3] * 2,
            "source": ["integration", "uat", "preprod"] * 2,
            "target": ["uat", "preprod", "production"] * 2,
            "outcome": ["clean", "clean", "clean", "regression", "conflict", "blocked"],
            "regions": [0, 0, 0, 0, 3, 0],
            "losses": pd.array([0, 0, 0, 2, None, None], dtype="Int64"),
        }
    )


def risks() -> pd.DataFrame:
    """Two strategies, five delays and what nobody meant to bring back; the first delay has no interval."""
    rows = [
        (name, hours, 40, share, None if number == 0 else share * 0.5, None if number == 0 else share * 1.6)
        for name, factor in (("build-run", 1.0), ("no guards", 2.0))
        for number, hours in enumerate((2.0, 9.0, 30.0, 100.0, 400.0, None))
        for share in (0.02 * factor * (number + 1),)
    ]
    table = pd.DataFrame(rows, columns=["strategy", "delay_hours", "fixes", "share", "low", "high"])
    return table.assign(risk="lost")


def summaries() -> pd.DataFrame:
    rows = [
        (name, measure, mean, None if mean == 0 else mean * 0.8, None if mean == 0 else mean * 1.3, 40)
        for measure in ("overwrites", "waited_hours")
        for name, mean in (("build-run", 4.2), ("no guards", 8.7), ("gitflow", 0.0), ("trunk", 1.5))
    ]
    return pd.DataFrame(rows, columns=["strategy", "measure", "mean", "low", "high", "runs"])


GRAPH: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("production", "c0", (), "start"),
    ("preprod", "c1", ("c0",), "release 1"),
    ("hotfix/1", "c2", ("c1",), "add fix-1 in region 1"),
    ("preprod", "c3", ("c1", "c2"), "hotfix/1 is merged into preprod"),
    ("integration", "c4", ("c0",), "add feature-1 in region 1"),
    ("preprod", "c5", ("c3", "c4"), "integration is merged into preprod; resolved to its side: fix-1 is lost"),
)


# -- what can be said of a figure ------------------------------------------------------------------------------------


def png(figure: Figure) -> bytes:
    """The picture as bytes, without a date or a version."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=60, metadata={"Software": None})
    return buffer.getvalue()


def texts(figure: Figure) -> list[tuple[Text, Bbox]]:
    """The texts that are seen, each with its place in pixels."""
    figure.canvas.draw()
    found = []
    hidden = {id(text) for ax in figure.axes for text in _out_of_view(ax)}
    for artist in figure.findobj(Text):
        assert isinstance(artist, Text)
        if artist.get_visible() and artist.get_text().strip() and id(artist) not in hidden and _is_shown(artist):
            found.append((artist, artist.get_window_extent()))
    return found


def _is_shown(text: Text) -> bool:
    parent = text.axes
    return parent is None or parent.get_visible()


def _out_of_view(ax: Axes) -> Iterable[Text]:
    """Labels of ticks beyond the ends of an axis: matplotlib keeps them and does not draw them."""
    for axis, (low, high) in ((ax.xaxis, sorted(ax.get_xlim())), (ax.yaxis, sorted(ax.get_ylim()))):
        room = (high - low) * 1e-6
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            inside = low - room <= tick.get_loc() <= high + room
            for text, shown in ((tick.label1, tick.label1.get_visible()), (tick.label2, tick.label2.get_visible())):
                if not inside or not shown:
                    yield text


def assert_texts_inside(figure: Figure) -> None:
    """No text leaves the figure."""
    whole = figure.bbox
    for text, box in texts(figure):
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= whole.width + 1 and box.y1 <= whole.height + 1
        assert inside, f"{text.get_text()!r} at {box} leaves {whole}"


def assert_texts_apart(figure: Figure) -> None:
    """No two upright texts stand on each other."""
    found = [(text, box) for text, box in texts(figure) if text.get_rotation() % 90 == 0]
    for number, (text, box) in enumerate(found):
        inner = box.padded(-1.0)
        for other, place in found[number + 1 :]:
            both = Bbox.intersection(inner, place.padded(-1.0))
            overlap = both is not None and both.width > 0 and both.height > 0
            assert not overlap, f"{text.get_text()!r} and {other.get_text()!r} overlap"


def assert_legend_beside(ax: Axes) -> None:
    """The legend covers nothing of what the axes show, and says something."""
    made = ax.get_legend()
    if made is not None:
        ax.figure.canvas.draw()
        assert made.get_texts()
        both = Bbox.intersection(made.get_window_extent(), ax.get_window_extent())
        assert both is None or both.width <= 1 or both.height <= 1


def close_all() -> None:
    plt.close("all")


__all__ = [
    "BRANCHES",
    "GRAPH",
    "VERDICTS",
    "assert_legend_beside",
    "assert_texts_apart",
    "assert_texts_inside",
    "close_all",
    "day",
    "forecasts",
    "landings",
    "obligations",
    "overwrites",
    "png",
    "promotions",
    "risks",
    "summaries",
    "texts",
    "times",
    "windows",
]
