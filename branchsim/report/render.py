"""An executed notebook as one page of HTML that loads nothing, or as Markdown with its pictures beside it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from branchsim.formatting import escape
from branchsim.report.notebook import need

if TYPE_CHECKING:
    from collections.abc import Mapping

LEFT_OUT = "notebook-only"
"""The tag of cells that are for the reader of the notebook, not of a report."""

# Nothing may be loaded and nothing may run: the browser sees to it, whatever the repository holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE = """
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:14px;line-height:1.5;
max-width:76rem;margin:0 auto;padding:1rem 1.5rem 4rem;background:Canvas;color:CanvasText;overflow-wrap:break-word}
h1{font-size:1.7rem;margin:.6rem 0}
h2{font-size:1.25rem;margin:2.2rem 0 .6rem;padding-top:.8rem;border-top:1px solid rgba(128,128,128,.35)}
h1+h2{border-top:0;margin-top:.4rem;padding-top:0}
p{max-width:60rem}
code{font-family:ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
img{max-width:100%;height:auto;background:#fff;border-radius:4px;padding:4px}
nav{margin:.6rem 0 1rem}
nav a{margin-right:1.2em;white-space:nowrap;display:inline-block}
a{color:inherit}
pre{white-space:pre-wrap;overflow-wrap:anywhere}
main .branchsim{max-width:none}
footer{margin-top:3rem;opacity:.75;font-size:12px}
@media print{body{max-width:none;padding:0}h2{break-after:avoid}img,tr,details{break-inside:avoid}nav{display:none}}
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A rendered report.

    Attributes
    ----------
    text : str
        HTML or Markdown.
    files : mapping of str to bytes
        What lies beside it, by name: the pictures of Markdown.
    """

    text: str
    files: Mapping[str, bytes]


def _shown(notebook: Any) -> Any:
    """A copy of a notebook without what is for its reader only."""
    import copy

    kept = copy.deepcopy(notebook)
    kept.cells = [
        cell
        for cell in kept.cells
        if not {LEFT_OUT, "parameters", "injected-parameters"} & set(cell.metadata.get("tags", ()))
    ]
    return kept


def to_html(notebook: Any, *, title: str) -> Page:
    """One page of HTML with everything in it.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook. Its code is left out, and its cells with the tag `LEFT_OUT`.
    title : str
        The heading of the page.

    Returns
    -------
    Page
        Without script and without anything to load; a policy in the page forbids both.

    Raises
    ------
    ReportError
        nbconvert is not installed.
    """
    need("nbconvert")
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        embed_images=True,
    )
    kept = _shown(notebook)
    above: list[str] = []
    for number, cell in enumerate(kept.cells):
        # The ids that a notebook gives its cells are made up anew for every injected one.
        cell["id"] = f"cell-{number}"
        if cell.cell_type == "markdown":
            above.append(cell.source)
        cell.metadata["alt"] = _alt(above)
    body, _ = exporter.from_notebook_node(kept)
    links = "".join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in _headings(kept))
    text = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n<nav>{links}</nav>\n<main>\n{body}\n</main>\n"
        f"<footer>{escape(_colophon())}</footer>\n</body>\n</html>\n"
    )
    return Page(text, {})


def _headings(notebook: Any) -> list[str]:
    lines = [line for cell in notebook.cells if cell.cell_type == "markdown" for line in cell.source.splitlines()]
    return [line.removeprefix("## ").strip() for line in lines if line.startswith("## ")]


def _anchor(heading: str) -> str:
    """The id that nbconvert gives a heading."""
    from urllib.parse import quote

    return quote(heading.replace(" ", "-"), safe="-")


def _colophon() -> str:
    from branchsim import __version__

    return f"Made by branchsim {__version__}. Every finding names the git command that shows it."


def to_markdown(notebook: Any, *, title: str, folder: str) -> Page:
    """Markdown for a wiki, and its pictures.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook. Its code is left out, and its cells with the tag `LEFT_OUT`.
    title : str
        The heading.
    folder : str
        The directory, beside the Markdown, that the pictures go into.

    Returns
    -------
    Page
        The text, and the pictures by name.
    """
    parts = [f"# {title}"]
    files: dict[str, bytes] = {}
    for cell in _shown(notebook).cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        for output in cell.get("outputs", ()):
            part, picture = _markdown_of(output)
            if picture is not None:
                name = f"picture-{len(files) + 1}.png"
                files[name] = picture
                part = f"![{_alt(parts)}]({folder}/{name})"
            if part:
                parts.append(part)
    parts.append(_colophon())
    return Page("\n\n".join(part.strip("\n") for part in parts) + "\n", files)


def _markdown_of(output: Any) -> tuple[str, bytes | None]:
    data = output.get("data", {})
    if "text/markdown" in data:
        return str(data["text/markdown"]), None
    if "image/png" in data:
        try:
            return "", base64.b64decode(data["image/png"])
        except (binascii.Error, ValueError):
            return "", None
    return "", None


def _alt(parts: list[str]) -> str:
    """The last heading, as what a picture is called."""
    for part in reversed(parts):
        for line in reversed(part.splitlines()):
            if line.startswith("#"):
                return line.lstrip("#").strip().replace("[", "").replace("]", "")
    return "picture"


__all__ = ["LEFT_OUT", "Page", "to_html", "to_markdown"]
