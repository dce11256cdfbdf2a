"""Write the reference pages that are made from the code; `tests/docs` checks that they are fresh."""

from __future__ import annotations

from pathlib import Path

import click

from regard.cli import COMMANDS, main
from regard.tables import LEDGER_TABLES, TABLES, Table

PAGES = Path(__file__).resolve().parents[1] / "docs" / "reference"


def tables_page() -> str:
    lines = [
        "# Tables",
        "",
        "Every table in river order. Read any of them with `regard show NAME` (`--csv`, `--json`, `--where`),",
        "in a notebook as Parquet, or over `/api/v1`. Ledger tables are Delta and for ever; the others are worked out",
        "anew by `regard run`. Every timestamp is UTC. Made by `scripts/reference.py` from `src/regard/tables.py`.",
    ]
    for spec in TABLES.values():
        lines += ["", f"## {spec.name}", "", *_about(spec), "", "| column | type | what it says |", "|---|---|---|"]
        lines += [f"| {c.name} | {_type(c.type)} | {c.says} |" for c in spec.columns]
    return "\n".join(lines) + "\n"


def _about(spec: Table) -> list[str]:
    kind = "ledger" if spec in LEDGER_TABLES else f"derived by *{spec.room}*"
    return [f"{spec.says[0].upper()}{spec.says[1:]}. Key: {', '.join(spec.key)}; {kind}."]


def _type(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def commands_page() -> str:
    lines = [
        "# Commands",
        "",
        "Data goes to stdout, talk to stderr. Exit code 0: done; 1: it did not work, or `check` found an error;",
        "2: wrong usage. `-w DIR`, `-q` and `--json` may stand before or after a command's name. Made by",
        "`scripts/reference.py`.",
    ]
    group = main
    for name in COMMANDS:
        command = group.get_command(click.Context(group, info_name="regard"), name)
        assert command is not None
        lines += _command(command, name, "##")
    return "\n".join(lines) + "\n"


def _command(command: click.Command, name: str, heading: str) -> list[str]:
    context = click.Context(command, info_name=f"regard {name}")
    lines = ["", f"{heading} {name}", "", "```text", command.get_help(context), "```"]
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            lines += _command(found, f"{name} {inner}", heading + "#")
    return lines


def pages() -> dict[Path, str]:
    """Each page's path and its text."""
    return {PAGES / "tables.md": tables_page(), PAGES / "commands.md": commands_page()}


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
