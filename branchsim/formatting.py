"""Shared pieces of the forms that people see: one-line text for terminals and pictures, HTML for notebooks.

Names, subjects and paths come from repositories of strangers. `plain` makes them harmless for a terminal, `escape` for
HTML. The HTML has no script and takes its colours from the page around it, so it is right in a light and in a dark
theme; details are folded with ``<details>``; without its style sheet it is still tables and lists.
"""

from __future__ import annotations

import html as _html
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Literal

ELLIPSIS = "…"
TAB = 4
"""How many columns apart tabs stand in the lines of a file that people are shown."""
_SHA = 12


def plain(text: object) -> str:
    r"""Text on one line that is safe to print: what cannot be printed is shown as an escape such as ``\x1b``."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in str(text)
    )


def escape(text: object) -> str:
    """Text for HTML, in an element or a quoted attribute; what cannot be printed is shown as an escape."""
    return _html.escape(plain(text))


def escape_markdown(text: object) -> str:
    """Text that stands in Markdown as itself, on one line."""
    line = " ".join(str(text).split())
    for mark in "\\`*_{}[]<>#|~&!":
        line = line.replace(mark, "\\" + mark)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)


def shorten(text: str, most: int, *, cut: Literal["start", "middle", "end"] = "end") -> str:
    """A text of at most so many characters, with an ellipsis where something was cut out.

    Parameters
    ----------
    text : str
        The text.
    most : int
        At least 1.
    cut : {"start", "middle", "end"}
        What may go: the start of a path, the middle of a branch name, the end of a sentence.
    """
    if len(text) <= most:
        return text
    keep = most - len(ELLIPSIS)
    if cut == "start":
        return ELLIPSIS + text[len(text) - keep :]
    if cut == "middle":
        head = (keep + 1) // 2
        return text[:head] + ELLIPSIS + text[len(text) - (keep - head) :]
    return text[:keep].rstrip() + ELLIPSIS


def directory_name(path: str) -> str:
    """What a repository is called: the last part of its path, without ``.git``."""
    parts = [part for part in PurePath(path).parts if part not in {"/", ".git"}]
    return (parts[-1].removesuffix(".git") if parts else "") or path


def place_named(text: str, path: str) -> str:
    """A text in which a repository is named and its place on this machine is not told."""
    return text.replace(path, directory_name(path))


def short_id(sha: str | None) -> str:
    """The first digits of an object id; empty for none."""
    return "" if sha is None else plain(sha)[:_SHA]


def day(seconds: int | None) -> str:
    """A day as ``2025-01-31``, UTC; empty for none, or for a time that no calendar has."""
    if seconds is None:
        return ""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
    except (OverflowError, OSError, ValueError):
        return ""


def minute(seconds: int | None) -> str:
    """A time as ``2025-01-31 14:05 UTC``; empty for none, or for a time that no calendar has."""
    if seconds is None:
        return ""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, OSError, ValueError):
        return ""


def duration(hours: float) -> str:
    """A span of time in the unit that fits: ``40 minutes``, ``5 hours``, ``12 days``."""
    if hours < 1:
        return many(round(hours * 60), "minute")
    if hours < 48:  # noqa: PLR2004  up to two days, in hours
        return many(round(hours), "hour")
    return many(round(hours / 24), "day")


def many(count: int, one: str, more: str | None = None) -> str:
    """A number with its noun: ``1 landing``, ``1,204 landings``."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


# -- HTML ------------------------------------------------------------------------------------------------------------

TONES: dict[str, str] = {
    "good": "#009e73",
    "late": "#e69f00",
    "bad": "#d55e00",
    "lost": "#cc79a7",
    "info": "#56b4e9",
    "calm": "#0072b2",
    "muted": "#999999",
}
"""Colours of the dots before words: the palette of Okabe and Ito, fit for every kind of colour vision."""

# Colours are the page's own or half transparent greys: no theme has to be guessed.
STYLE = """<style>
.branchsim{color:inherit;font-size:13px;line-height:1.45;max-width:72em;overflow-wrap:break-word}
.branchsim table{border-collapse:collapse;margin:.3em 0;color:inherit;background:transparent}
.branchsim tr{background:transparent!important}
.branchsim th,.branchsim td{text-align:left!important;vertical-align:top;padding:.15em .8em .15em 0;border:0;
border-bottom:1px solid rgba(128,128,128,.25);color:inherit;white-space:normal}
.branchsim td.branchsim-n{text-align:right!important;font-variant-numeric:tabular-nums}
.branchsim th{font-weight:600;white-space:nowrap}
.branchsim td:last-child,.branchsim pre{overflow-wrap:anywhere}
.branchsim code.branchsim-id{white-space:nowrap}
.branchsim summary{cursor:pointer}
.branchsim details{margin:.15em 0}
.branchsim details>div{margin:.2em 0 .6em .35em;padding-left:.9em;border-left:2px solid rgba(128,128,128,.35)}
.branchsim code,.branchsim pre{font-family:monospace;font-size:12px;color:inherit;background:rgba(128,128,128,.14);
border-radius:3px;padding:.05em .3em}
.branchsim pre{white-space:pre-wrap;padding:.4em .6em;margin:.2em 0}
.branchsim-whole{white-space:nowrap}
.branchsim-title{font-weight:600}
.branchsim-quiet{opacity:.75}
.branchsim-dot{display:inline-block;width:.7em;height:.7em;border-radius:50%;margin-right:.4em;
border:1px solid rgba(128,128,128,.6)}
</style>"""


class Html(str):
    """Text that is HTML already; everything else is escaped where it is put into HTML."""

    __slots__ = ()


def markup(value: object) -> str:
    """HTML as it is, anything else escaped; None is empty."""
    if value is None:
        return ""
    return str(value) if isinstance(value, Html) else escape(value)


def join(parts: Iterable[object], separator: object = "") -> Html:
    """Parts one after the other."""
    return Html(markup(separator).join(markup(part) for part in parts))


def tag(name: str, content: object = "", *, kind: str = "") -> Html:
    """An element; ``kind`` is the last part of its class name."""
    attribute = f' class="branchsim-{escape(kind)}"' if kind else ""
    return Html(f"<{name}{attribute}>{markup(content)}</{name}>")


def code(text: object) -> Html:
    """A command, a path or an id."""
    return tag("code", text)


def ident(sha: str | None) -> Html:
    """The first digits of an object id, never broken over two lines; empty for none."""
    return Html("") if sha is None else tag("code", short_id(sha), kind="id")


def block(text: str) -> Html:
    """Several lines as they are, tabs as spaces."""
    return tag("pre", Html("\n".join(escape(line.expandtabs(TAB)) for line in text.splitlines())))


def dot(word: object, tone: str = "muted") -> Html:
    """A word behind a dot of a tone, from `TONES`; the word says all, the colour only helps."""
    colour = TONES.get(tone, TONES["muted"])
    return Html(f'<span class="branchsim-dot" style="background:{colour}"></span>{markup(word)}')


def table(heads: Sequence[object], rows: Iterable[Sequence[object]]) -> Html:
    """A table; numbers stand to the right. Empty without a row."""
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    if not body:
        return Html("")
    head = "".join(f"<th>{markup(each)}</th>" for each in heads)
    return Html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _cell(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
        return f'<td class="branchsim-n">{shown}</td>'
    return f"<td>{markup(value)}</td>"


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """A table of names and values; pairs without a value are left out."""
    rows = "".join(
        f"<tr><th>{markup(name)}</th><td>{markup(value)}</td></tr>"
        for name, value in pairs
        if value not in (None, "", ())
    )
    return Html(f"<table><tbody>{rows}</tbody></table>") if rows else Html("")


def listing(items: Iterable[object]) -> Html:
    """A list; empty without an item."""
    body = "".join(f"<li>{markup(item)}</li>" for item in items)
    return Html(f"<ul>{body}</ul>") if body else Html("")


def folded(summary: object, content: object, *, unfolded: bool = False) -> Html:
    """Details that a click unfolds; empty without content."""
    inner = markup(content)
    if not inner:
        return Html("")
    return Html(
        f"<details{' open' if unfolded else ''}><summary>{markup(summary)}</summary><div>{inner}</div></details>"
    )


def page(title: object, *parts: object) -> str:
    """The whole form of an object: the style, a title and its parts."""
    head = tag("div", title, kind="title")
    return f'{STYLE}<div class="branchsim">{head}{join(parts)}</div>'


__all__ = [
    "ELLIPSIS",
    "STYLE",
    "TONES",
    "Html",
    "block",
    "code",
    "day",
    "directory_name",
    "dot",
    "duration",
    "escape",
    "escape_markdown",
    "facts",
    "folded",
    "ident",
    "join",
    "listing",
    "many",
    "markup",
    "minute",
    "page",
    "place_named",
    "plain",
    "short_id",
    "shorten",
    "table",
    "tag",
]
