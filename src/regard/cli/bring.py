"""Commands that bring facts in: map, import."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from regard.cli.voice import Voice, verb

if TYPE_CHECKING:
    from regard.pipeline import Brought

SAMPLE = 5


@click.command("import", epilog="Example: regard import 'exports/orders-*.csv' --map maps/orders.map.yaml")
@click.argument("files", nargs=-1)
@click.option(
    "--map", "mapping", type=click.Path(dir_okay=False, path_type=Path), help="How columns become interactions."
)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Folder of the files that the map names."
)
@click.option("--strict", is_flag=True, help="One row that does not fit, and nothing is loaded (exit 1).")
@verb
def import_command(voice: Voice, files: tuple[str, ...], mapping: Path | None, data: Path | None, strict: bool) -> None:
    """Bring FILES into the ledger: .csv .tsv .xlsx .sav .parquet .jsonl .json (also .gz), globs, - for stdin.

    Event logs (.xes, .xes.gz, OCEL 2.0 .json) need no map. Loading a file again, renamed or in pieces, changes nothing.
    Rows that do not fit stand in `regard show rejects` with line and reason; the others are loaded.
    """
    from regard import pipeline

    with voice.progress("Reading") as progress:
        brought = pipeline.bring_in(
            voice.find(),
            files,
            mapping=mapping,
            data=data,
            strict=strict,
            now=dt.datetime.now(dt.UTC),
            progress=progress,
        )
    report(voice, brought)
    if any(one.refused for one in brought):
        raise click.exceptions.Exit(1)


def report(voice: Voice, brought: list[Brought]) -> None:
    """What came of each file: as JSON, or a line each and the first rejects; --quiet leaves only files with rejects."""
    lines: list[str] = []
    for one in brought:
        if voice.quiet and not one.n_rejects:
            continue
        lines.append(one.line())
        lines += [f"  line {line}: {reason}" for line, reason in one.sample[:SAMPLE]]
        if one.n_rejects > SAMPLE and not one.already and not one.refused:
            lines.append("  all of them: regard show rejects")
    voice.result([one.as_data() for one in brought], lines)


@click.command("map", epilog="Example: regard map orders.csv > maps/orders.map.yaml")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--preview", type=click.IntRange(1, 1000), help="Also try it on so many rows, and show what they give.")
@verb
def map_command(voice: Voice, file: Path, preview: int | None) -> None:
    """Draft a mapping for FILE from its columns' names and values. `regard serve` has a page to finish it on."""
    from regard import pipeline

    draft, rows, rejects = pipeline.draft(file, preview=preview or 0)
    if voice.json:
        voice.result({"mapping": draft, "interactions": rows, "rejects": rejects}, [])
        return
    click.echo(draft, nl=not draft.endswith("\n"))
    if preview:
        voice.say(f"{len(rows)} interactions and {len(rejects)} rejects from the first {preview} rows.")
        for reject in rejects[:SAMPLE]:
            voice.say(f"  line {reject['line']}: {reject['reason']}")
