"""Options that several commands share, and how answers for programs are printed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bench.workflow import BASELINES

Function = TypeVar("Function", bound=Callable[..., Any])

suites = click.argument("suites", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="SUITE...")
where = click.option(
    "--where", multiple=True, metavar="EXPR", help="Only cases with axis=value[,axis=value], such as model=gpt2,dtype=float32."
)
shard = click.option("--shard", metavar="I/N", help="Only every N-th case, beginning with the I-th: for arrays of jobs.")
baselines = click.option(
    "--baselines",
    type=click.Path(path_type=Path, file_okay=False),
    default=BASELINES,
    show_default=True,
    help="Folder of the baselines.",
)
floating = click.option("--allow-floating", is_flag=True, help="Accept models of the Hub without a revision.")


def as_json(help_text: str = "Print the answer as JSON on standard output.") -> Callable[[Function], Function]:
    """Give the option for a command whose answer a program may want."""
    return click.option("--json", "as_json", is_flag=True, help=help_text)


def examples(*lines: str) -> str:
    """Put example command lines into the form that a command's help ends with."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
