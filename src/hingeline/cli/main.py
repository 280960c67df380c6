"""The command group: loads a verb when it is typed, turns every error into words and an exit code.

`hingeline --help` imports click and nothing else, so it answers in about a quarter of a second.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence

import click

from hingeline.cli.exits import Exit, RunStopped, exit_code
from hingeline.core.errors import HingelineError
from hingeline.core.version import __version__

# Verb -> module with a click object `command`, and its line in the help. Only verbs that exist are listed.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("hingeline.cli.demo", "Watch a digit classifier being rebuilt from its answers. Offline."),
    "doctor": ("hingeline.cli.doctor", "What does this door reveal? About 40 queries."),
    "audit": ("hingeline.cli.audit", "All that one door gives away, within one budget, in one report."),
    "extract": ("hingeline.cli.extract", "How much of the network can be rebuilt, at what price?"),
    "span": ("hingeline.cli.span", "What does it look at, and what can be changed unnoticed?"),
    "fragility": ("hingeline.cli.fragility", "How small a change flips it, in which direction, and why?"),
    "stability": ("hingeline.cli.stability", "How do small differences grow or die through the layers?"),
    "defend": ("hingeline.cli.defend", "What does each defence buy, against who knows it?"),
    "diff": ("hingeline.cli.diff", "Are two networks the same up to neuron order and scale?"),
    "serve": ("hingeline.cli.serve", "Turn a model file into a practice endpoint."),
    "resume": ("hingeline.cli.resume", "Go on with an interrupted run; no answer is asked twice."),
    "report": ("hingeline.cli.report", "Make the report of a run again; nothing is asked."),
    "cite": ("hingeline.cli.cite", "BibTeX of this tool, and of the methods that a run used."),
    "journal": ("hingeline.cli.journal", "Look into, check, export or merge recorded answers."),
}


class VerbGroup(click.Group):
    """A group that knows its verbs by name and imports one only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one verb."""
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(COMMANDS[cmd_name][0]).command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that was typed, or say which one may have been meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], COMMANDS)
            hint = f"Did you mean '{close[0]}'?" if close else f"Verbs: {', '.join(COMMANDS)}."
            raise click.UsageError(f"There is no verb '{args[0]}'. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=VerbGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: hingeline demo",
)
@click.version_option(__version__, prog_name="hingeline", message="%(prog)s %(version)s")
def group() -> None:
    """Ask a neural network through whatever door it has; learn how much of it leaks."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; never shows a traceback unless HINGELINE_DEBUG=1."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        returned = group.main(words, prog_name="hingeline", standalone_mode=False)
        return returned if isinstance(returned, int) else Exit.DONE
    except Exception as error:
        if os.environ.get("HINGELINE_DEBUG") == "1":
            raise
        return _told(error, as_json="--json" in words)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        return Exit.INTERRUPTED


def _told(error: Exception, *, as_json: bool) -> int:
    """Say what went wrong on standard error (and as JSON where that was asked); the exit code that fits."""
    code = exit_code(error)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return code
    message = _words(error)
    click.echo(message, err=True)
    if as_json:
        # json is loaded here only: the help must not pay for it.
        from hingeline.report.machine import error_line

        click.echo(error_line(message, type(error).__name__, code))
    return code


def _words(error: Exception) -> str:
    """One message for people."""
    if isinstance(error, click.UsageError):
        usage = f"\n{error.ctx.get_usage()}" if error.ctx is not None else ""
        return f"Error: {error.format_message()}{usage}"
    if isinstance(error, RunStopped):
        return error.format_message()
    if isinstance(error, click.Abort):
        return "Stopped."
    if isinstance(error, click.ClickException):
        return f"Error: {error.format_message()}"
    if isinstance(error, HingelineError | OSError):
        return f"Error: {error}"
    return (
        f"Internal error ({type(error).__name__}: {error}). This is a bug in hingeline, not your mistake.\n"
        "Run again with HINGELINE_DEBUG=1 for the details to report."
    )
