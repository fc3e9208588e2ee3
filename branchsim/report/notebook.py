"""The audit notebook: where it is kept, and how it is executed on a repository."""

from __future__ import annotations

import importlib.resources
import os
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from branchsim import errors
from branchsim.errors import BranchsimError, GitError, InputError, InternalError
from branchsim.formatting import plain
from branchsim.report.kernel import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

_SOURCE = "1-audit-past-releases.ipynb"
_NEEDED = ("ipykernel", "nbclient", "nbconvert", "nbformat", "openpyxl", "papermill")


class ReportError(BranchsimError):
    """A report cannot be made: something it needs is not installed, or the notebook failed."""


def need(*modules: str) -> None:
    """Check that what a report needs is installed.

    Raises
    ------
    ReportError
        It is not; the message says what to install.
    """
    missing = []
    for name in modules or _NEEDED:
        try:
            import_module(name)
        except ImportError:
            missing.append(name)
    if missing:
        raise ReportError(
            f"a report needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed; "
            "install the extra with: pip install 'branchsim[report]'"
        )


def audit_notebook() -> str:
    """The audit notebook as JSON text, as it comes with branchsim.

    Raises
    ------
    InternalError
        It is not installed.
    """
    for place in _places():
        if place.is_file():
            return place.read_text(encoding="utf-8")
    raise InternalError("the audit notebook of branchsim is not installed; install branchsim again")


def _places() -> list[Traversable]:
    package = importlib.resources.files("branchsim")
    return [package / "_notebooks" / "audit.ipynb", Path(__file__).parents[2] / "notebooks" / _SOURCE]


def execute(source: str, parameters: Mapping[str, Any]) -> Any:
    """Execute a notebook with parameters.

    Parameters
    ----------
    source : str
        The notebook as JSON text; the cell with the tag ``parameters`` holds what can be set.
    parameters : mapping
        Names and values.

    Returns
    -------
    nbformat.NotebookNode
        The notebook with its outputs.

    Raises
    ------
    ReportError
        Something is not installed, a parameter is unknown, or a cell failed.
    InputError, GitError
        What an audit raises in the notebook is raised here.
    """
    need("ipykernel", "nbclient", "papermill")
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from papermill.iorw import load_notebook_node  # type: ignore[import-untyped]
    from papermill.parameterize import parameterize_notebook  # type: ignore[import-untyped]

    # The kernel works in a directory of its own, in which nothing of the caller's is imported by accident.
    with tempfile.TemporaryDirectory(prefix="branchsim-report-", ignore_cleanup_errors=True) as place:
        file = Path(place) / "audit.ipynb"
        file.write_text(source, encoding="utf-8")
        notebook = load_notebook_node(str(file))
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        filled = parameterize_notebook(notebook, dict(parameters), report_mode=True)
        try:
            run(filled, Path(place))
        except CellExecutionError as error:
            raise _translated(str(error.ename), str(error.evalue)) from None
        except DeadKernelError:
            raise ReportError(
                "the process in which the notebook runs has died, most likely of want of memory; audit a shorter time "
                "with --since"
            ) from None
    return filled


def _translated(name: str, message: str) -> BranchsimError:
    """The error of a cell, as the error it was."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, BranchsimError):
        return kind(message)
    if name.endswith("Error") and name in {InputError.__name__, GitError.__name__}:
        return InputError(message)
    return ReportError(plain(f"the audit notebook failed: {name}: {message}"))


def absolute(path: str | os.PathLike[str]) -> str:
    """A path that means the same in another working directory; links stay what they are."""
    return os.path.abspath(os.fspath(path))  # noqa: PTH100  resolve() would follow the user's links


__all__ = ["ReportError", "absolute", "audit_notebook", "execute", "need"]
