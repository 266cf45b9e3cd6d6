"""The command line: one file a command, imported when it is called. `bench --help` imports none of them.

A command is a click command called `command`; it gives an exit code or nothing, which is 0. What goes wrong for the user is one
line each on standard error and a stable exit code, never a traceback; BENCH_DEBUG=1 shows the traceback too.
"""

import io
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from types import FrameType

import click

from bench import __version__
from bench.domain.errors import BenchError, ExitCode

_ENDINGS = (signal.SIGTERM, signal.SIGHUP)
"""Signals that end a command as Ctrl-C does: what was begun is ended, and what was measured is kept."""

COMMANDS: Mapping[str, str] = {
    "run": "Measure the cases of suites and keep a record of every trial.",
    "plan": "List the cases of suites, those that will not run and why, and how long it may take.",
    "check": "Find everything that is wrong with suites, by file and line.",
    "report": "Render records as a table, Markdown, CSV, Parquet or JSON.",
    "compare": "Set two saved runs beside each other: a verdict for every case and metric.",
    "ab": "Measure two environments, or two settings of one, in turn: the verdict to trust.",
    "bisect": "Find the commit since which something is slower, by ab against the good one.",
    "baseline": "Keep runs to be compared with, by machine, and measure how far unchanged runs lie apart.",
    "history": "Show the course of metrics over many runs, and where they changed and stayed.",
    "import": "Read the results of another tool as records.",
    "model": "Write a preset as a real checkpoint with its processor.",
    "models": "List the presets.",
    "describe": "Describe a model without its weights: classes, tasks, parameters and bytes by component, abilities.",
    "env": "Describe this machine, its libraries and how quiet it is.",
    "schema": "Print the JSON Schema of a suite, for editors.",
}


class _Table(click.Group):
    """The commands by name; each is imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order in which they are used."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command called CMD_NAME; None where there is none."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"bench.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that ARGS begin with, or say which was probably meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1, cutoff=0.4)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            raise click.UsageError(f"there is no command {args[0]!r} (knows: {', '.join(COMMANDS)}).{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Table,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="\b\nExamples:\n  bench run suites/quickstart.yaml\n  bench report reports/records/RUN --format markdown\n\n"
    "Exit codes: 0 fine, 1 regression, 2 bad suite or usage, 3 some trials failed, 130 interrupted.",
)
@click.version_option(__version__, prog_name="bench")
def bench() -> None:
    """Measure how Hugging Face Transformers models behave on this hardware."""


def main() -> None:
    """Run the command line and leave with its exit code."""
    for ending in _ENDINGS:
        if signal.getsignal(ending) is not signal.SIG_IGN:  # nohup ignores one of them
            signal.signal(ending, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # reports have characters that not every terminal's encoding has
    code = _run()
    if code == ExitCode.INTERRUPTED:
        for ending in (signal.SIGINT, *_ENDINGS):  # once more, on the way out, changes nothing: not the exit code either
            signal.signal(ending, signal.SIG_IGN)
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run() -> int:
    """Run the command; every failure becomes a line and a code."""
    try:
        return int(bench.main(prog_name="bench", standalone_mode=False) or 0)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FINE
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 -- the outermost frame: no traceback for users
        if os.environ.get("BENCH_DEBUG"):
            traceback.print_exc()
        return _explain(error)


def _explain(error: BaseException) -> int:
    """Put ERROR into a line on standard error and give its exit code."""
    match error:
        case click.ClickException():
            error.show()
            return error.exit_code
        case KeyboardInterrupt() | click.Abort():
            said = error.__cause__ or error  # click makes an Abort of what was raised
            click.echo("; ".join(("interrupted", *map(str, said.args))), err=True)
            return ExitCode.INTERRUPTED
        case BenchError():
            click.echo(str(error), err=True)
            return error.exit_code
        case _:
            click.echo(f"bench failed unexpectedly: {type(error).__name__}: {error}. BENCH_DEBUG=1 shows where", err=True)
            return ExitCode.TRIALS_FAILED
