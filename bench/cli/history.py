"""`bench history`: many runs as series."""

import json
import sys
from pathlib import Path

import click

from bench import workflow
from bench.cli import options


@click.command(
    "history",
    epilog=options.examples(
        "bench history reports/records",
        "bench history 'reports/records/2026*' --metric forward --metric e2e --json",
    ),
)
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="DIR...")
@click.option("--metric", "metrics", multiple=True, help="Metric to show; several times for several. The main times by default.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "json"]),
    default="terminal",
    show_default=True,
    help="Form of the answer.",
)
@options.as_json()
def command(*, folders: tuple[Path, ...], metrics: tuple[str, ...], form: str, as_json: bool) -> None:
    """Show every metric of every case over the runs in DIR: its course, and where it changed and stayed, with what else changed.

    Machines that are not alike are series of their own. Runs' own values resolve what exceeds the spread between runs.
    """
    from bench.report import history
    from bench.report.formats import markdown, terminal
    from bench.report.screen import screen

    series = workflow.history(folders, metrics)
    if as_json or form == "json":
        click.echo(json.dumps({"series": history.answer(series)}, indent=1))
    elif form == "markdown":
        click.echo(markdown.draw(history.build(series)), nl=False)
    else:
        more = "Every point: --format json."
        click.echo(terminal.draw(history.build(series), screen(sys.stdout), more), nl=False)
