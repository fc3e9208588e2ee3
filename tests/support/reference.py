"""The pages of the reference that are made from the code: ``python tests/support/reference.py`` writes them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


def tables_page() -> str:
    """The columns and dtypes of every table, from the schemas in the code."""
    from branchsim.audit import tables
    from branchsim.audit.audit import OBLIGATIONS_SCHEMA
    from branchsim.history import CHANGES_SCHEMA, LANDINGS_SCHEMA, PROMOTIONS_SCHEMA

    schemas: dict[str, dict[str, str]] = {
        "obligations": OBLIGATIONS_SCHEMA,
        "findings": OBLIGATIONS_SCHEMA,
        "overwrites": tables.OVERWRITES_SCHEMA,
        "leaks": tables.LEAKS_SCHEMA,
        "windows": tables.WINDOWS_SCHEMA,
        "violations": tables.VIOLATIONS_SCHEMA,
        "conformance": tables.CONFORMANCE_SCHEMA,
        "promotions": PROMOTIONS_SCHEMA,
        "landings": LANDINGS_SCHEMA,
        "changes": CHANGES_SCHEMA,
    }
    lines = [
        "# Tables",
        "",
        "Made from the code. Every table of an `Audit` has these columns and dtypes, also when it is empty. Times are",
        "UTC and ascending (`findings`: most urgent first). Each access makes a new table: change it as you like.",
        "",
    ]
    for name, schema in schemas.items():
        lines += [f"## Audit.{name}", "", "| column | dtype |", "| --- | --- |"]
        lines += [f"| `{column}` | {dtype} |" for column, dtype in schema.items()]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    (_ROOT / "docs" / "cli.md").write_text(cli_page(), encoding="utf-8")
    (_ROOT / "docs" / "tables.md").write_text(tables_page(), encoding="utf-8")
