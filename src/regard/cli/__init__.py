"""The same verbs from a shell. Data on stdout, talk on stderr.

Exit 0: done. 1: it did not work. 2: wrong usage. 130: Ctrl C ended it.

Commands are imported when they are called, so that `regard --help` answers at once.
"""

from __future__ import annotations

import importlib

import click

from regard.cli.voice import PRESSED, Voice, heed_ctrl_c

STOPPED = 130
"""The exit code of what Ctrl C ended, as shells have it: 128 and the number of the signal."""

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("regard.cli.start", "A year of a fictional company, through the whole river, then the web page."),
    "example": ("regard.cli.start", "A bundled mapping and blueprint over files you have; no name: the list."),
    "init": ("regard.cli.start", "Make a workspace with a commented blueprint.yaml."),
    "map": ("regard.cli.bring", "Draft a mapping for a file."),
    "import": ("regard.cli.bring", "Bring files into the ledger."),
    "pull": ("regard.cli.pull", "Fetch what has come since from databases, REST APIs, folders and buckets."),
    "run": ("regard.cli.work", "Work every table out from nothing: resolve, split, fit, score, estimate."),
    "refresh": ("regard.cli.work", "Bring what is new into every table, on what the last run fitted."),
    "show": ("regard.cli.read", "Print a table."),
    "person": ("regard.cli.read", "One customer's story."),
    "check": ("regard.cli.read", "What is wrong with blueprint, mappings, sources or freshness, and how to mend it."),
    "serve": ("regard.cli.work", "The web pages and API on one port."),
    "follow": ("regard.cli.work", "Bring what servers accepted into the ledger, until Ctrl C; `serve` starts one."),
    "key": ("regard.cli.keys", "Write keys: what lets other systems send interactions."),
    "account": ("regard.cli.accounts", "Who can sign in, as what, and which part they see."),
    "token": ("regard.cli.accounts", "Tokens: the API for programs that work for an account."),
    "audit": ("regard.cli.accounts", "Who did or read what, when, of whom, from where."),
    "merge": ("regard.cli.work", "Say that two handles are one person."),
    "split": ("regard.cli.work", "Say that two handles are not one person; --undo takes a decision back."),
    "forget": ("regard.cli.work", "Remove a person from everything, and keep them out."),
    "backup": ("regard.cli.backup", "Keep the workspace beside earlier backups, while a server runs."),
    "restore": ("regard.cli.backup", "Make a workspace of a backup, each file checked."),
    "compact": ("regard.cli.work", "Rewrite the ledger into few files, clustered by day."),
}


class River(click.Group):
    """The command group: lists commands in river order and imports one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(COMMANDS[cmd_name][0])
        command = getattr(module, f"{cmd_name}_command")
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """The command; Ctrl C ends it in a word, at any moment from the import of its rooms on."""
        heed_ctrl_c()
        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise
        except (KeyboardInterrupt, Exception) as error:
            if not isinstance(error, KeyboardInterrupt) and not PRESSED.is_set():
                raise  # else it is what a library made of Ctrl C
            click.echo("Stopped. Nothing was left half done; run it again to go on.", err=True)
            ctx.exit(STOPPED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from regard.errors import nearest

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = nearest(args[0], COMMANDS)
            ctx.fail(f"There is no command {args[0]!r}." + (f" Did you mean {close!r}?" if close else ""))
        return super().resolve_command(ctx, args)


@click.group(
    cls=River,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: regard demo, or regard init shop && cd shop && regard import orders.csv --map orders.map.yaml",
)
@click.option("-w", "--workspace", metavar="DIR", help="The workspace; else $REGARD_WORKSPACE, else this folder.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Results as JSON on stdout.")
@click.version_option(package_name="regard")
@click.pass_context
def main(ctx: click.Context, workspace: str | None, quiet: bool, as_json: bool) -> None:
    """Regard: how do your customers regard you?

    Gathers every interaction, works out how customers perceive their sum, and shows what that is worth and why.
    """
    ctx.obj = Voice(workspace=workspace, quiet=quiet, json=as_json)
