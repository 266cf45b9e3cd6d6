# ruff: noqa: N999 -- the file has the name that users write
"""`bench import`: another tool's results."""

from pathlib import Path

import click

from bench import workflow
from bench.cli import options


@click.command(
    "import",
    epilog=options.examples(
        "bench import pytest-benchmark .benchmarks/0001.json --out reports/records",
        "bench import pytest-benchmark results.json",
    ),
)
@click.argument("tool")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=workflow.RECORDS,
    show_default=True,
    help="Folder in which the run's directory is made.",
)
def command(tool: str, file: Path, out: Path) -> None:
    """Read FILE, the results of TOOL (pytest-benchmark), as the records of a run, and print its directory.

    One process of another tool is one trial: two such files compare as inconclusive, however many rounds they have.
    """
    click.echo(workflow.import_results(tool, file, out))
