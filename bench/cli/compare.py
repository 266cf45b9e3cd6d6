"""`bench compare`: two saved runs beside each other."""

import sys
from pathlib import Path

import click

from bench import workflow
from bench.cli import judging, options
from bench.domain.errors import UsageError

_MOST = 2


@click.command(
    "compare",
    epilog=options.examples(
        "bench compare reports/records/BEFORE reports/records/AFTER",
        "bench compare reports/records/AFTER --gate --format markdown --out summary.md",
    ),
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="[BASE] HEAD")
@judging.judging
@click.option(
    "--across-machines", is_flag=True, help="Show ratios where machines, threads or tokens are not alike, without verdict."
)
@click.option(
    "--suite",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Suite whose gate section counts, in the place of the one that head was run with.",
)
@options.baselines
@options.as_json()
@click.option("--format", "form", default="terminal", show_default=True, help="terminal, markdown, csv or json.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write instead of standard output.")
def command(
    *,
    runs: tuple[Path, ...],
    gate: bool,
    margin: float | None,
    equivalence: float | None,
    across_machines: bool,
    strict: bool,
    accepted: Path | None,
    suite: Path | None,
    baselines: Path,
    as_json: bool,
    form: str,
    out: Path | None,
) -> int:
    """Compare HEAD with BASE: run directories, folders of them, record files or globs; of each case the newest run counts.

    Without BASE the baseline of head's machine is taken. Two runs at different times lie apart by more than their trials show:
    how far, bench baseline noise measures; until then 5 % is assumed. What lies within it is inconclusive.
    """
    if len(runs) > _MOST:
        raise UsageError(
            f"compare takes BASE and HEAD, and these are {len(runs)} paths: quote a glob so that the shell leaves it whole"
        )
    rules = judging.rules(margin, equivalence, across_machines=across_machines)
    comparison = workflow.compare(None if len(runs) == 1 else runs[0], runs[-1], rules, baselines, suite)
    judged = workflow.judge(comparison, accepted, strict=strict) if gate else None
    content = workflow.render_comparison(
        "json" if as_json else form, comparison, comparison.rules, judged, seen_on=None if out else sys.stdout
    )
    if out is not None:
        workflow.write(out, content)
    else:
        click.echo(content, nl=False)
    return judging.exit_code(judged)
