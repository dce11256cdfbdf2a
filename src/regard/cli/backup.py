"""Commands that keep a workspace and bring it back: backup, restore."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from regard.cli.voice import Voice, verb


@click.command("backup", epilog="Example: regard backup /mnt/backups/shop")
@click.argument("to", type=click.Path(path_type=Path, file_okay=False))
@verb
def backup_command(voice: Voice, to: Path) -> None:
    """Keep the workspace as it is now in the folder TO, beside earlier backups; a server may run meanwhile.

    Only what is new is copied. Whoever can read TO can read every customer and every secret: keep it so.
    """
    from regard.engine import connect
    from regard.pipeline.backup import back_up

    engine = connect("duckdb")
    try:
        with voice.steps() as say:
            done = back_up(voice.find(), to, engine, now=dt.datetime.now(dt.UTC), say=say)
    finally:
        engine.close()
    said = f"{len(done.files):,} files, {done.n_new:,} of them new ({done.bytes_new:,} bytes)"
    voice.done(done.as_data(), [f"Backup {done.name}: {said}; {done.n_state:,} rows of live state."])


@click.command("restore", epilog="Example: regard restore /mnt/backups/shop shop-again")
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("to", type=click.Path(path_type=Path))
@click.option("--name", help="The backup; else the newest.")
@click.option(
    "--forgotten", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A newer workspace, or what is left of it: who asked to be forgotten since is forgotten here, too.",
)  # fmt: skip
@verb
def restore_command(voice: Voice, source: Path, to: Path, name: str | None, forgotten: Path | None) -> None:
    """Make a workspace in the new folder TO of a backup in FROM; each file is checked first.

    Tables are worked out again by `regard run`, or by the server. A person who was forgotten after the backup is in it:
    name the newer workspace with --forgotten, or forget them again.
    """
    from regard.engine import connect
    from regard.pipeline.backup import restore
    from regard.workspace import Workspace

    engine = connect("duckdb")
    newer = Workspace(forgotten.resolve()) if forgotten else None
    try:
        with voice.steps() as say:
            done = restore(source, to, engine, name=name, now=dt.datetime.now(dt.UTC), forgotten=newer, say=say)
    finally:
        engine.close()
    lines = [f"Restored {done.name} into {to}: {len(done.files):,} files, {done.n_state:,} rows of live state."]
    voice.done(done.as_data(), [*lines, f"Next: regard -w {to} run"])
