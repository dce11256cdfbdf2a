"""Commands by which a workspace begins: demo, example, init."""

from __future__ import annotations

import datetime as dt
import shlex
import time
from pathlib import Path

import click

from regard.cli.voice import Voice, unless_pressed, verb


@click.command("init", epilog="Example: regard init shop && cd shop && regard check")
@click.argument("folder", type=click.Path(path_type=Path))
@verb
def init_command(voice: Voice, folder: Path) -> None:
    """Make a workspace in FOLDER with a commented blueprint.yaml."""
    from regard import pipeline

    workspace = pipeline.init(folder)
    voice.done(
        {"workspace": str(workspace.root)},
        [
            f"Made {workspace.root}.",
            f"Next: cd {shlex.quote(str(folder))}, read blueprint.yaml, then `regard map FILE > maps/NAME.map.yaml`.",
        ],
    )


@click.command("example", epilog="Example: regard example olist --data ~/olist --into olist")
@click.argument("name", required=False)
@click.option(
    "--data", type=click.Path(file_okay=False, exists=True, path_type=Path), help="The folder with your files."
)
@click.option(
    "--into", type=click.Path(path_type=Path), help="The workspace to make; else a folder of the example's name."
)
@verb
def example_command(voice: Voice, name: str | None, data: Path | None, into: Path | None) -> None:
    """Run a bundled mapping and blueprint over files you have; without NAME, list the examples."""
    from regard import pipeline
    from regard.cli.bring import report
    from regard.engine import connect
    from regard.errors import SettingError

    if name is None:
        known = pipeline.examples()
        voice.result(
            [{"example": one.name, "says": one.says} for one in known.values()],
            [f"{one.name:<16} {one.says}" for one in known.values()],
        )
        return
    if data is None:
        raise SettingError("An example brings no rows.", hint=f"Name your folder: regard example {name} --data FOLDER")
    now = dt.datetime.now(dt.UTC)
    with voice.progress("Reading") as progress:
        workspace, brought = pipeline.load_example(name, data, into or Path(name), now=now, progress=progress)
    engine = connect("duckdb")
    try:
        with voice.steps() as say:
            published = pipeline.run(workspace, engine, pipeline.Order(now=now), say=say)
    finally:
        engine.close()
    if voice.json:
        voice.done({"workspace": str(workspace.root), "rows": dict(published.counts)}, [])
        return
    report(voice, brought)
    voice.done({}, [f"As of {published.as_of:%Y-%m-%d}. Next: regard -w {shlex.quote(str(workspace.root))} serve"])


@click.command("demo", epilog="Example: regard demo, or without the page: regard demo shop --no-serve")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("regard-demo"))
@click.option("--no-serve", is_flag=True, help="Stop when the tables are made.")
@click.option("--port", type=click.IntRange(0, 65535), help="Else the first free one from 8123.")
@click.option("--people", type=click.IntRange(1_000), help="How many people; else about 20,000.")
@click.option("--seed", type=int, default=20250101, show_default=True, help="The same seed makes the same company.")
@verb
def demo_command(voice: Voice, folder: Path, no_serve: bool, port: int | None, people: int | None, seed: int) -> None:
    """A year of a fictional company, through the whole river, then the web page.

    Made in FOLDER (regard-demo) from the seed, nothing is downloaded. A demo made before is shown as it is.
    """
    from regard import pipeline, web
    from regard.engine import connect
    from regard.workspace import Workspace

    began = time.monotonic()
    workspace = Workspace(folder.resolve())
    if not pipeline.is_made(workspace):
        engine = connect("duckdb")
        try:
            with voice.steps() as say:
                published = pipeline.make_demo(
                    workspace, engine, seed=seed, people=people, now=dt.datetime.now(dt.UTC), say=say
                )
        finally:
            engine.close()
        counts = f"{published.counts['touches']:,} interactions of {published.counts['value']:,} people"
        voice.say(f"A year of a fictional company, worked out in {time.monotonic() - began:.0f} s: {counts}.")
    if no_serve:
        voice.done({"workspace": str(workspace.root)}, [f"Made {workspace.root}. Look at it: regard -w {folder} serve"])
        return
    web.serve(workspace, host="127.0.0.1", port=port, say=voice.say, before=unless_pressed)
