"""Commands that read: show, person, check."""

from __future__ import annotations

import csv
import datetime as dt
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from regard.cli.voice import Voice, verb

SHOWN = 30
WIDTH = 40


@click.command("show", epilog="Example: regard show scores --where 'score < 0' --sort score --limit 10")
@click.argument("table", required=False)
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, all rows.")
@click.option("--where", "conditions", multiple=True, metavar="CONDITION", help="Only these rows; may be repeated.")
@click.option("--columns", metavar="A,B", help="Only these columns, in this order.")
@click.option("--sort", metavar="COLUMN", help="Order by this column; -COLUMN for descending.")
@click.option("--limit", type=click.IntRange(min=0), help=f"At most so many rows; {SHOWN} on a screen, else all.")
@verb
def show_command(
    voice: Voice,
    table: str | None,
    as_csv: bool,
    conditions: tuple[str, ...],
    columns: str | None,
    sort: str | None,
    limit: int | None,
) -> None:
    """Print TABLE; without a name, list all tables."""
    if table is None:
        _list_tables(voice)
        return
    from regard import pipeline
    from regard.engine import connect

    workspace = voice.find()
    engine = connect("duckdb")
    try:
        expression, total = pipeline.select(
            workspace,
            engine,
            table,
            conditions=conditions,
            columns=tuple(columns.split(",")) if columns else (),
            sort=sort,
            limit=limit if limit is not None or as_csv or voice.json else SHOWN,
        )
        batches = engine.stream(expression)
        names = expression.columns
        if as_csv:
            _write_csv(names, (row for batch in batches for row in batch.to_pylist()))
        elif voice.json:
            _write_json(row for batch in batches for row in batch.to_pylist())
        else:
            rows = [row for batch in batches for row in batch.to_pylist()]
            _write_text(names, rows)
            if len(rows) < total:
                voice.say(f"{len(rows):,} of {total:,} rows; more with --limit N, all with --csv or --json.")
    finally:
        engine.close()


def _list_tables(voice: Voice) -> None:
    from regard.tables import TABLES

    data = [{"table": spec.name, "room": spec.room, "says": spec.says} for spec in TABLES.values()]
    voice.result(data, [f"{row['table']:<14} {row['room']:<11} {row['says']}" for row in data])


def plain(value: object) -> object:
    """A value as JSON and CSV can hold it: times in ISO 8601 UTC, nested values as they are."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):
            return {key: plain(item) for key, item in value}
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def _cell(value: object) -> str:
    said = plain(value)
    if said is None:
        return ""
    if isinstance(said, float):
        return f"{said:.6g}" if abs(said) < 1e6 else f"{said:.0f}"
    return json.dumps(said, ensure_ascii=False) if isinstance(said, list | dict) else str(said)


def _write_csv(names: Sequence[str], rows: Iterator[dict[str, object]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        said = (plain(row[name]) for name in names)
        writer.writerow(json.dumps(v, ensure_ascii=False) if isinstance(v, list | dict) else v for v in said)


def _write_json(rows: Iterator[dict[str, object]]) -> None:
    sys.stdout.write("[")
    for number, row in enumerate(rows):
        sys.stdout.write((",\n " if number else "\n ") + json.dumps(plain(row), ensure_ascii=False))
    sys.stdout.write("\n]\n")


def _write_text(names: Sequence[str], rows: Sequence[dict[str, object]]) -> None:
    cells = [[_cell(row[name]) for name in names] for row in rows]
    short = [[c if len(c) <= WIDTH else c[: WIDTH - 1] + "…" for c in line] for line in cells]
    widths = [max([len(name), *(len(line[i]) for line in short)]) for i, name in enumerate(names)]
    numeric = [all(isinstance(row[name], int | float | None) for row in rows) and bool(rows) for name in names]

    def line(values: Sequence[str]) -> str:
        return "  ".join(
            v.rjust(w) if right else v.ljust(w) for v, w, right in zip(values, widths, numeric, strict=True)
        ).rstrip()

    click.echo(line(names))
    for values in short:
        click.echo(line(values))
    if not rows:
        click.echo("(no rows)", err=True)


@click.command("person", epilog="Example: regard person ada@example.com, or regard person customer:C-1027")
@click.argument("handle")
@click.option("--level", type=click.Choice(["relationship", "transaction"]), default="relationship", show_default=True)
@verb
def person_command(voice: Voice, handle: str, level: str) -> None:
    """One customer's story: every interaction, what it did to their score, what is promised.

    HANDLE is a person_id, a handle such as ada@example.com, or kind:value.
    """
    from regard import pipeline
    from regard.blueprint import read as read_blueprint
    from regard.cli.story import lines

    workspace = voice.find()
    story = pipeline.story(workspace, handle, level=level)
    voice.result(story.as_data(), lines(story, read_blueprint(workspace.blueprint)))


@click.command("check", epilog="Example: regard check, or in a script: regard --json check")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the files that mappings name; else where each source was last imported from.",
)
@verb
def check_command(voice: Voice, data: Path | None) -> None:
    """Blueprint, mappings beside their data, sources, freshness: what is wrong and how to mend it.

    Exits 1 if there is an error, 0 if there are only warnings and notes.
    """
    from regard import pipeline

    now = dt.datetime.now(dt.UTC)
    findings = pipeline.check(voice.find(), now=now, data=data)
    rows = [
        {"severity": f.severity, "where": f.where, "problem": f.problem, "hint": f.hint}
        for f in sorted(findings, key=lambda f: ("error", "warning", "note").index(f.severity))
    ]
    lines = []
    for row in rows:
        lines.append(f"{row['severity']:<8} {row['where']}: {row['problem']}")
        if row["hint"]:
            lines.append(f"{'':<9}{row['hint']}")
    errors = sum(f.severity == "error" for f in findings)
    warnings = sum(f.severity == "warning" for f in findings)
    counted = (("error", errors), ("warning", warnings), ("note", len(findings) - errors - warnings))
    lines.append(", ".join(f"{n} {name}{'' if n == 1 else 's'}" for name, n in counted) + ".")
    voice.result(rows, lines)
    if errors:
        raise click.exceptions.Exit(1)
