"""`bench report`: records as something to read."""

import sys
from pathlib import Path

import click

from bench import workflow
from bench.cli import options


@click.command(
    "report",
    epilog=options.examples(
        "bench report reports/records/RUN",
        "bench report 'reports/records/*' --format csv --out samples.csv",
    ),
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--format", "form", default="terminal", show_default=True, help="terminal, markdown, csv, parquet, json or pytest-benchmark."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write instead of standard output.")
def command(runs: tuple[Path, ...], form: str, out: Path | None) -> None:
    """Render the records of RUNs: run directories, folders of them, record files or globs.

    csv and parquet hold every raw sample; the other forms one row a case.
    """
    from bench.domain.errors import UsageError

    records, remarks = workflow.read_records(runs)
    content = workflow.render(records, remarks, form, seen_on=None if out else sys.stdout)
    if out is not None:
        workflow.write(out, content)
    elif isinstance(content, str):
        click.echo(content, nl=not content.endswith("\n"))
    elif sys.stdout.isatty():
        raise UsageError(f"{form} is not text: name a file with --out")
    else:
        sys.stdout.buffer.write(content)
