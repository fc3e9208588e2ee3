"""The pages of the reference that are made from the code: ``python tests/support/reference.py`` writes them."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

if TYPE_CHECKING:
    import pandas as pd

_ROOT = Path(__file__).parents[2]


def _options(command: Any) -> Iterator[tuple[str, str, str]]:
    """Name, help and default of every argument and option."""
    for parameter in command.params:
        if parameter.name in {"help", "install_completion", "show_completion"}:
            continue
        argument = parameter.param_type_name == "argument"
        names = parameter.metavar or parameter.name.upper() if argument else ", ".join(parameter.opts)
        if not argument:
            if parameter.secondary_opts:
                names += ", " + ", ".join(parameter.secondary_opts)
            if parameter.metavar:
                names += f" {parameter.metavar}"
        default = parameter.default
        shown = "" if default in {None, False, True} or argument or callable(default) else str(default)
        yield names, " ".join((parameter.help or "").split()), shown


def cli_page() -> str:
    """The command line, from the commands themselves."""
    import typer.main

    from branchsim.cli.app import app

    group: Any = typer.main.get_command(app)
    lines = [
        "# The command line",
        "",
        "Made from the code. `branchsim COMMAND --help` says the same. Completion by tab:",
        "`branchsim --install-completion`.",
        "",
    ]
    for name, command in group.commands.items():
        paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
        lines += [f"## branchsim {name}", ""]
        for paragraph in paragraphs:
            text = " ".join(paragraph.split())
            head, found, example = text.partition(": branchsim ")
            lines += [f"{head}:", "", f"    branchsim {example}", ""] if found else [text, ""]
        lines += ["| argument or option | meaning | default |", "| --- | --- | --- |"]
        lines += [
            f"| `{names}` | {text.replace('|', chr(92) + '|')} | {default} |"
            for names, text, default in _options(command)
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


_PACKAGES = {
    "branchsim": "What most people need: `import branchsim as bs`.",
    "branchsim.topology": "What the branches are for.",
    "branchsim.history": "What happened on each branch.",
    "branchsim.plan": "What is intended.",
    "branchsim.simulate": "What would happen, and making exactly that happen.",
    "branchsim.check": "Whether a strategy can lose a fix at all.",
    "branchsim.plot": "Pictures; see [how to read them](plots.md).",
    "branchsim.report": "An audit to hand on.",
    "branchsim.testing": "Property-based tests of a strategy of your own; see [testing](testing.md).",
    "branchsim.sample": "The [sample data](sample-data.md).",
    "branchsim.accessors": "Names that others add to an audit.",
}


def api_page() -> str:
    """Every public name: the directives by which Sphinx takes its documentation from the code."""
    lines = [
        "# The library, name by name",
        "",
        "Made from the code: what each package names in its `__all__`. A name that is in several packages stands with",
        "the first. The columns of all tables are in [tables](tables.md), the command line is in [cli](cli.md).",
        "",
    ]
    seen: set[int] = set()
    for package, about in _PACKAGES.items():
        module = import_module(package)
        lines += [f"## {package}", "", about, "", "```{eval-rst}"]
        for name in module.__all__:
            found = getattr(module, name)
            # A package that can be called stands for its function.
            found = getattr(found, "__wrapped__", found) if inspect.ismodule(found) else found
            if id(found) in seen:
                continue
            seen.add(id(found))
            lines += _directive(package, name, found)
        lines += ["```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _directive(package: str, name: str, found: Any) -> list[str]:
    if inspect.isclass(found) and issubclass(found, BaseException):
        return [f".. autoexception:: {found.__module__}.{found.__qualname__}", ""]
    if inspect.isclass(found):
        return [f".. autoclass:: {found.__module__}.{found.__qualname__}", "   :members:", ""]
    if callable(found) and not get_args(found):
        # What a decorator has made is known by the name under which it is public.
        local = "<locals>" in found.__qualname__
        place = f"{package}.{name}" if local else f"{found.__module__}.{found.__qualname__}"
        return [f".. autofunction:: {place}", ""]
    return [f".. py:data:: {package}.{name}", "", *(f"   {line}" for line in _held(found)), ""]


def _held(value: Any) -> list[str]:
    """What a constant or an alias of a type holds."""
    if isinstance(value, dict) and all(isinstance(each, str) for each in value.values()):
        return [f"- ``{key}``: {each}" for key, each in value.items()]
    if isinstance(value, str):
        return [f"``{value}``"]
    if get_origin(value) in {Literal, Union, UnionType}:
        return ["One of " + ", ".join(f"``{getattr(each, '__name__', each)}``" for each in get_args(value)) + "."]
    if get_args(value):
        return [f"``{value}``"]
    names = (
        sorted(map(str, value))
        if isinstance(value, frozenset)
        else [str(getattr(each, "name", each)) for each in value]
    )
    return [", ".join(f"``{each}``" for each in names)]


def _dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


def _seen() -> dict[str, dict[str, str]]:
    """Tables whose columns nobody but the table itself names, as they are on the small sample."""
    import branchsim as bs
    from branchsim.sample import load

    with tempfile.TemporaryDirectory() as place:
        repository = load("story", Path(place) / "shop")
        matched = bs.match(repository, "preprod", "integration")
        inspected = bs.inspect(repository, "integration")
        traced = bs.trace(repository, "preprod")
    return {
        "Match.matches": _dtypes(matched.matches),
        "Match.missing": _dtypes(matched.missing),
        "Inspection.findings": _dtypes(inspected.findings),
        "Trace.branches": _dtypes(traced.branches),
        "Trace.events": _dtypes(traced.events),
    }


def tables_page() -> str:
    """The columns and dtypes of every table, from the schemas in the code."""
    from branchsim.audit import tables
    from branchsim.audit.audit import OBLIGATIONS_SCHEMA
    from branchsim.audit.many import REPOSITORIES_SCHEMA
    from branchsim.check.table import Table
    from branchsim.history import CHANGES_SCHEMA, LANDINGS_SCHEMA, PROMOTIONS_SCHEMA
    from branchsim.report import RELEASES_SCHEMA
    from branchsim.simulate import simulation

    # Packages in which a function is called like its module.
    experiment: Any = import_module("branchsim.check.experiment")
    risk: Any = import_module("branchsim.check.risk")
    schemas: dict[str, dict[str, str]] = {
        "Audit.obligations": OBLIGATIONS_SCHEMA,
        "Audit.findings": OBLIGATIONS_SCHEMA,
        "Audit.overwrites": tables.OVERWRITES_SCHEMA,
        "Audit.leaks": tables.LEAKS_SCHEMA,
        "Audit.windows": tables.WINDOWS_SCHEMA,
        "Audit.violations": tables.VIOLATIONS_SCHEMA,
        "Audit.conformance": tables.CONFORMANCE_SCHEMA,
        "Audits.repositories": REPOSITORIES_SCHEMA,
        "Audit.promotions": PROMOTIONS_SCHEMA,
        "Audit.landings": LANDINGS_SCHEMA,
        "Audit.changes": CHANGES_SCHEMA,
        **_seen(),
        "report.releases(audit)": RELEASES_SCHEMA,
        "Simulation.steps": simulation.STEP_COLUMNS,
        "Simulation.conflicts": simulation.CONFLICT_COLUMNS,
        "Simulation.forecast": simulation.FORECAST_COLUMNS,
        "Simulation.obligations": simulation.OBLIGATION_COLUMNS,
        "strategy_table(...)": _dtypes(Table((), (), 0).frame()),
        "Experiment.releases": experiment.RELEASES_SCHEMA,
        "Experiment.runs": experiment.RUNS_SCHEMA,
        "Experiment.fixes": experiment.FIXES_SCHEMA,
        "Experiment.summary": experiment.SUMMARY_SCHEMA,
        "Experiment.by_release": experiment.BY_RELEASE_SCHEMA,
        "Experiment.risk_by_delay()": risk.RISK_SCHEMA,
    }
    lines = [
        "# Tables",
        "",
        "Made from the code. Every table has these columns and dtypes, also when it is empty; what they mean is said",
        "in [the library, name by name](api.md). Times are UTC and ascending (`findings`: most urgent first). Each",
        "access makes a new table: change it as you like.",
        "",
    ]
    for name, schema in schemas.items():
        lines += [f"## {name}", "", "| column | dtype |", "| --- | --- |"]
        lines += [f"| `{column}` | {dtype} |" for column, dtype in schema.items()]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    (_ROOT / "docs" / "api.md").write_text(api_page(), encoding="utf-8")
    (_ROOT / "docs" / "cli.md").write_text(cli_page(), encoding="utf-8")
    (_ROOT / "docs" / "tables.md").write_text(tables_page(), encoding="utf-8")
