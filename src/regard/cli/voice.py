"""How commands talk: results on stdout (a table for people, JSON on request), everything else on stderr."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from regard.errors import RegardError
from regard.workspace import Workspace

if TYPE_CHECKING:
    from rich.progress import Progress

P = ParamSpec("P")
R = TypeVar("R")


PRESSED = threading.Event()
"""Whether Ctrl C was pressed: a library may swallow the KeyboardInterrupt of it, or make another error of it."""


def heed_ctrl_c() -> None:
    """Have Ctrl C end the command at the latest with its next step, whatever runs when it is pressed.

    A shell that wants it ignored, and commands that stop by themselves (`stopped`), have it their way.
    """
    PRESSED.clear()
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) in (
        signal.default_int_handler,
        _pressed,
    ):
        signal.signal(signal.SIGINT, _pressed)


def _pressed(*_: object) -> None:
    PRESSED.set()
    raise KeyboardInterrupt


def unless_pressed() -> None:
    """Raises KeyboardInterrupt if Ctrl C was pressed and something swallowed it."""
    if PRESSED.is_set():
        raise KeyboardInterrupt


@dataclass(frozen=True)
class Voice:
    """Where the workspace is and how to speak; the options that every command shares."""

    workspace: str | None = None
    quiet: bool = False
    json: bool = False

    def find(self) -> Workspace:
        """The workspace that the command is about."""
        return Workspace.find(self.workspace)

    def say(self, line: str) -> None:
        """A line of talk, unless --quiet."""
        if not self.quiet:
            click.echo(line, err=True)

    def talk(self, process: str) -> Callable[[str], None]:
        """How a command that runs for long says something: a line for people, or one of JSON for machines."""
        from regard.cli.logs import talk

        return talk(process, quiet=self.quiet)

    def result(self, data: object, lines: Sequence[str]) -> None:
        """The command's result: `data` as JSON, or `lines` for people."""
        if self.json:
            click.echo(json.dumps(data, default=str, ensure_ascii=False, indent=1))
        else:
            for line in lines:
                click.echo(line)

    def done(self, data: object, lines: Sequence[str]) -> None:
        """What a command did rather than what it was asked for: as `result`, but --quiet leaves out the `lines`."""
        if self.json or not self.quiet:
            self.result(data, lines)

    @contextlib.contextmanager
    def progress(self, title: str) -> Iterator[Callable[[int, int | None], None]]:
        """A progress bar on a terminal, nothing elsewhere; call what it gives with (done, total or None)."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda done, total: unless_pressed()
            return
        with _bar() as bar:
            task = bar.add_task(title, total=None, rows="")

            def told(done: int, total: int | None) -> None:
                unless_pressed()
                bar.update(task, completed=done, total=total, rows=_rows(done, total))

            yield told

    @contextlib.contextmanager
    def steps(self) -> Iterator[Callable[[str], None]]:
        """Names the step that runs: a spinner on a terminal, plain lines elsewhere."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda line: self._step(lambda: self.say(f"  {line}"))
            return
        from rich.console import Console

        console = Console(stderr=True)
        with console.status("") as status:
            yield lambda line: self._step(lambda: status.update(line))

    def _step(self, say: Callable[[], None]) -> None:
        unless_pressed()
        say()


def _rows(done: int, total: int | None) -> str:
    """How far it is, in rows; how many there will be is not always known before the end.

    >>> _rows(262200, None), _rows(1000, 14405)
    ('262,200 rows', '1,000 of 14,405 rows')
    """
    return f"{done:,} rows" if total is None else f"{done:,} of {total:,} rows"


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def verb(command: Callable[P, R]) -> Callable[P, R | None]:
    """Give a command the shared options and turn Regard's errors into a sentence and an exit code.

    The decorated function takes `voice` first. The shared options may stand before or after the command's name.
    """

    @click.option("-w", "--workspace", metavar="DIR", help="The workspace; else $REGARD_WORKSPACE, else this folder.")
    @click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
    @click.option("--json", "as_json", is_flag=True, help="Results as JSON on stdout.")
    @click.pass_context
    @functools.wraps(command)
    def wrapped(ctx: click.Context, /, *args: P.args, **kwargs: P.kwargs) -> R | None:
        outer = ctx.obj if isinstance(ctx.obj, Voice) else Voice()
        voice = replace(
            outer,
            workspace=kwargs.pop("workspace", None) or outer.workspace,  # type: ignore[arg-type]
            quiet=bool(kwargs.pop("quiet", False)) or outer.quiet,
            json=bool(kwargs.pop("as_json", False)) or outer.json,
        )
        try:
            return command(voice, *args, **kwargs)  # type: ignore[arg-type]
        except RegardError as error:
            unless_pressed()  # then it is what a library made of Ctrl C
            _complain(voice, error)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        return None

    return wrapped


def _complain(voice: Voice, error: RegardError) -> None:
    if voice.json:
        said: Mapping[str, str | None] = {
            "error": type(error).__name__,
            "problem": error.problem,
            "found": error.found,
            "allowed": error.allowed,
            "hint": error.hint,
        }
        click.echo(json.dumps(said, ensure_ascii=False), err=True)
    else:
        click.echo(f"{click.style('Error', bold=True)}: {error.message()}", err=True)


def stopped(until_closed: bool, say: Callable[[str], None]) -> threading.Event:
    """Set on Ctrl C or a request to end; else when standard input is closed, which is how a child learns of it."""
    stop = threading.Event()

    def leave(*_: object) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, leave)
    if until_closed:  # the one who started us hears Ctrl C too, and closes our input when it goes
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=lambda: leave(sys.stdin.buffer.read()), daemon=True).start()
    else:
        signal.signal(signal.SIGINT, leave)
        say("Following; Ctrl C ends it.")
    return stop
