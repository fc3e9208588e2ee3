"""The docs as pages: ``sphinx-build -W --keep-going docs docs/_build/html`` with the extra ``docs``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import branchsim

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_HERE = Path(__file__).parent

project = "branchsim"
author = "the branchsim authors"
version = release = branchsim.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
html_theme = "furo"
html_title = f"branchsim {release}"
# What is shown is the same on every run.
html_last_updated_fmt = None

# The notebooks are committed with what they found; here they are only shown.
nb_execution_mode = "off"
# Where a picture is called `<Figure size ...>` too, the picture is what is shown.
nb_mime_priority_overrides = [("html", "text/html", 0), ("html", "image/png", 1)]

myst_heading_anchors = 4
suppress_warnings = ["ref.python"]
html_show_copyright = False

# `name` in a docstring is code, as it is on the other pages.
default_role = "code"
napoleon_google_docstring = False
napoleon_use_rtype = False
# Types in docstrings are words for people ("path-like"); looked up as names, they would lead to anything so called.
napoleon_use_param = False
napoleon_use_ivar = True
add_module_names = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"


def _copy_notebooks() -> None:
    """Sphinx reads what is below its directory; the notebooks lie beside it, where people look for them."""
    target = _HERE / "notebooks"
    target.mkdir(exist_ok=True)
    for path in (_HERE.parent / "notebooks").glob("*.ipynb"):
        shutil.copyfile(path, target / path.name)


def _lead_inside(_app: Sphinx, _page: str, source: list[str]) -> None:
    """The same for links: ``../notebooks/`` in the files is ``notebooks/`` on the pages; the README is no page."""
    source[0] = source[0].replace("](../notebooks/", "](notebooks/").replace("[README](../README.md)", "README")


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", _lead_inside)


_copy_notebooks()
