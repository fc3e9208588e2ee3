"""What all pictures share: colours, harmless text, axes, time, legends. Nothing here changes matplotlib's settings."""

from __future__ import annotations

import functools
import textwrap
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
from matplotlib import dates as mdates
from matplotlib import font_manager
from matplotlib.textpath import TextPath
from matplotlib.ticker import NullLocator

from branchsim.errors import InputError
from branchsim.formatting import plain, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

# The palette of M. Okabe and K. Ito (2008), which people with any kind of colour vision can tell apart, without its
# black, which is lost in a dark theme.
ORANGE = "#e69f00"
SKY = "#56b4e9"
GREEN = "#009e73"
YELLOW = "#f0e442"
BLUE = "#0072b2"
RED = "#d55e00"
PURPLE = "#cc79a7"
GREY = "#808080"
"""Half way between black and white: seen in a light and in a dark theme."""
SILVER = "#b0b0b0"

_LOW = 0.8
"""The height of a figure that has nothing to show, in inches."""

VERDICT_COLOURS: dict[str, str] = {
    "lost": PURPLE,
    "missed": RED,
    "partial": YELLOW,
    "late": ORANGE,
    "retrofitted": GREEN,
    "superseded": SKY,
    "reverted": BLUE,
    "waived": SILVER,
}
"""A colour for each verdict, the most urgent first."""

VERDICT_SIGNS: dict[str, str] = {
    "lost": "✗",
    "missed": "?",
    "partial": "◐",
    "late": "◷",
    "retrofitted": "✓",
    "superseded": "≠",
    "reverted": "↶",
    "waived": "-",
}
"""A sign for each verdict, so that no picture rests on colour alone."""

CYCLE: tuple[str, ...] = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED, YELLOW)
"""Colours for things that have none of their own, in order."""

HATCHES: tuple[str, ...] = ("", "///", "...", "\\\\\\", "xxx", "++", "ooo", "--")
"""Told apart also where the colours of `CYCLE` begin again."""

SMALL = 8.0
"""Size of small text, in points."""


# -- text ------------------------------------------------------------------------------------------------------------


def label(text: object, most: int = 28, *, cut: Literal["start", "middle", "end"] = "middle") -> str:
    """A name from a repository as text for a picture.

    On one line, cut to a number of characters; a dollar sign does not begin a formula, a control character is shown as
    an escape, and what no font here can draw as a replacement character.
    """
    shown = shorten(plain(text), most, cut=cut)
    families = tuple(_families())
    shown = "".join(character if _drawable(character, families) else "\N{REPLACEMENT CHARACTER}" for character in shown)
    # matplotlib leaves out of legends what begins with an underscore.
    return f" {shown}" if shown.startswith("_") else shown.replace("$", r"\$")


def drawable(character: str) -> bool:
    """Whether a font that is set now can draw a character."""
    return _drawable(character, tuple(_families()))


def _families() -> Iterable[str]:
    settings: Mapping[str, Any] = dict(mpl.rcParams.items())
    for family in settings["font.family"]:
        yield from settings.get(f"font.{family}", [family])


@functools.lru_cache(maxsize=4096)
def _drawable(character: str, families: tuple[str, ...]) -> bool:
    if character.isascii():
        return True
    return any(font.get_char_index(ord(character)) for font in _fonts(families))


@functools.lru_cache(maxsize=8)
def _fonts(families: tuple[str, ...]) -> tuple[Any, ...]:
    known = {entry.name for entry in font_manager.fontManager.ttflist}
    paths = [font_manager.findfont(name, fallback_to_default=False) for name in families if name in known]
    return tuple(font_manager.get_font(path) for path in dict.fromkeys(paths))


def width(text: str, size: float) -> float:
    """How wide a text is, in points."""
    return float(TextPath((0, 0), text, size=size).get_extents().width) if text.strip() else 0.0


def points(ax: Axes) -> tuple[float, float]:
    """Width and height of axes, in points."""
    box = ax.get_window_extent()
    dpi = _figure(ax).dpi
    return box.width * 72 / dpi, box.height * 72 / dpi


# -- axes ------------------------------------------------------------------------------------------------------------


def axes(
    ax: Axes | None, figsize: tuple[float, float] | None, *, size: tuple[float, float], content: object = True
) -> Axes:
    """The axes given, or those of a new figure that makes room for labels and legends.

    Parameters
    ----------
    ax : Axes or None
        What the caller gave.
    figsize : tuple of float or None
        What the caller gave: inches.
    size : tuple of float
        What fits the content: inches.
    content : object
        What is to be shown; where it is empty, the figure is as low as the line of `empty` needs.

    Raises
    ------
    InputError
        Both were given, or ``ax`` is no axes.
    """
    if ax is not None:
        if figsize is not None:
            raise InputError("figsize is the size of a new figure, and ax is in one already: give one of them")
        if not hasattr(ax, "transAxes"):
            raise InputError(f"ax must be matplotlib Axes, and not {type(ax).__name__}; leave it out for a new figure")
        return ax
    import matplotlib.pyplot as plt

    _, made = plt.subplots(figsize=figsize or (size if content else (size[0], _LOW)), layout="constrained")
    return made


def _figure(ax: Axes) -> Figure:
    figure: Any = ax.figure
    while figure.figure is not figure:
        figure = figure.figure
    found: Figure = figure
    return found


def check_most(most: int) -> None:
    """Refuse what is no number of things to show.

    Raises
    ------
    InputError
        It is no whole number, or below 1.
    """
    if not isinstance(most, Integral) or most < 1:
        raise InputError(f"most must be a whole number, at least 1, and not {most!r}")


def frameless(ax: Axes, *sides: str) -> None:
    """Take away the frame of axes but for some sides."""
    for name, spine in ax.spines.items():
        spine.set_visible(name in sides)


def finish(ax: Axes, text: str, handles: Sequence[Artist], *, heading: str | None = None) -> None:
    """Put the legend beside the axes, let the figure lay itself out, set a title to the left on the lines it needs."""
    legend(ax, handles, heading=heading)
    settle(ax)
    size = 12.0
    room = points(ax)[0] / (size * 0.58)
    ax.set_title("\n".join(textwrap.wrap(text, max(12, int(room)))), loc="left", fontsize=size)
    settle(ax)


def legend(ax: Axes, handles: Sequence[Artist], *, heading: str | None = None) -> Legend | None:
    """Put a legend beside the axes, never over what they show; none where there is nothing to explain.

    The figures of this package make room by themselves, as does every figure with a layout engine. In any other the
    axes give way, within the place they had.
    """
    if not handles:
        return None
    made = ax.legend(
        handles=list(handles),
        title=heading,
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.6,
        frameon=False,
        fontsize=SMALL + 0.5,
        title_fontsize=SMALL + 0.5,
        alignment="left",
    )
    figure = _figure(ax)
    if figure.get_layout_engine() is None:
        figure.draw_without_rendering()
        box = ax.get_position()
        taken = made.get_window_extent().width / figure.bbox.width + 0.01
        if taken < box.width * 0.7:
            ax.set_position((box.x0, box.y0, box.width - taken, box.height))
    return made


def settle(ax: Axes) -> None:
    """Let the figure lay itself out, so that what is measured from here on is what will be drawn."""
    _figure(ax).draw_without_rendering()


def empty(ax: Axes, text: str) -> Axes:
    """Say in the axes that there is nothing to show, and why."""
    ax.set_xticks([])
    ax.set_yticks([])
    frameless(ax)
    ax.text(0.5, 0.5, textwrap.fill(text, 48), ha="center", va="center", transform=ax.transAxes, color=GREY)
    return ax


# -- time ------------------------------------------------------------------------------------------------------------


def time_axis(ax: Axes, start: float, end: float) -> None:
    """Make the horizontal axis one of time in UTC, with a little room at both ends; days as matplotlib counts them."""
    room = max((end - start) * 0.02, 0.05)
    ax.set_xlim(start - room, end + room)
    locator = mdates.AutoDateLocator(tz="UTC", minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, tz="UTC"))  # type: ignore[no-untyped-call]
    ax.set_xlabel("time (UTC)")


DAYS = (1 / 24, 1.0, 7.0, 30.0, 91.0, 365.0, 1096.0, 3653.0)
_DAY_NAMES = ("1 h", "1 d", "1 w", "1 mo", "3 mo", "1 y", "3 y", "10 y")


def span_ticks(longest: float) -> tuple[list[float], list[str]]:
    """Places and names of ticks for spans of time up to so many days, on an axis from `span_scale`."""
    ticks = [(0.0, "0")] + [(at, name) for at, name in zip(DAYS, _DAY_NAMES, strict=True) if at <= longest]
    return [at for at, _ in ticks], [name for _, name in ticks]


def span_axis(ax: Axes, which: Literal["x", "y"], longest: float) -> None:
    """Make an axis one of spans of time: an hour, a week and a year can all be told from another; nought is on it."""
    ticks, names = span_ticks(longest)
    set_scale, axis = (ax.set_xscale, ax.xaxis) if which == "x" else (ax.set_yscale, ax.yaxis)
    set_scale("symlog", linthresh=1 / 24, linscale=0.4)
    axis.set_ticks(ticks, labels=names)
    axis.set_minor_locator(NullLocator())


__all__ = [
    "BLUE",
    "CYCLE",
    "GREEN",
    "GREY",
    "HATCHES",
    "ORANGE",
    "PURPLE",
    "RED",
    "SILVER",
    "SKY",
    "SMALL",
    "VERDICT_COLOURS",
    "VERDICT_SIGNS",
    "YELLOW",
    "axes",
    "drawable",
    "empty",
    "finish",
    "frameless",
    "label",
    "legend",
    "points",
    "settle",
    "span_axis",
    "span_ticks",
    "time_axis",
    "width",
]
