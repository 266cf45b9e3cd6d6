"""`bench compare`: two saved runs beside each other."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench import workflow
from bench.cli import options
from bench.domain.comparison import Rules
from bench.domain.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from bench.domain.comparison import Gate

_SHARE = click.FloatRange(0, 1, max_open=True)
_DEFAULTS = Rules()
_MOST = 2


@click.command(
    "compare",
    epilog=options.examples(
        "bench compare reports/records/BEFORE reports/records/AFTER",
        "bench compare reports/records/AFTER --gate --format markdown --out summary.md",
    ),
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="[BASE] HEAD")
@click.option("--gate", is_flag=True, help="Exit 1 where head has a regression, and list what failed and why.")
@click.option(
    "--margin",
    type=_SHARE,
    default=_DEFAULTS.margin,
    show_default=True,
    help="Relative slowdown that is tolerated: slower means proved to be worse than this.",
)
@click.option(
    "--equivalence",
    type=_SHARE,
    default=_DEFAULTS.equivalence,
    show_default=True,
    help="Equivalent where the 95 % interval lies within this; at least the margin.",
)
@click.option(
    "--across-machines", is_flag=True, help="Show ratios where machines, threads or tokens are not alike, without verdict."
)
@click.option("--strict", is_flag=True, help="The gate also fails on what is inconclusive, incomparable or lacks its hardware.")
@click.option(
    "--accepted",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of accepted changes.  [default: reports/accepted.yaml where there is one]",
)
@options.baselines
@options.as_json()
@click.option("--format", "form", default="terminal", show_default=True, help="terminal, markdown, csv or json.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write instead of standard output.")
def command(
    *,
    runs: tuple[Path, ...],
    gate: bool,
    margin: float,
    equivalence: float,
    across_machines: bool,
    strict: bool,
    accepted: Path | None,
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
    rules = Rules(margin=margin, equivalence=equivalence, across_machines=across_machines)
    comparison = workflow.compare(None if len(runs) == 1 else runs[0], runs[-1], rules, baselines)
    judged = workflow.judge(comparison, accepted, strict=strict) if gate else None
    content = workflow.render_comparison(
        "json" if as_json else form, comparison, rules, judged, seen_on=None if out else sys.stdout
    )
    if out is not None:
        workflow.write(out, content)
    else:
        click.echo(content, nl=False)
    return _code(judged)


def _code(gate: "Gate | None") -> int:
    """Give the exit code; what failed is told on standard error too, where a log of CI shows it last."""
    if gate is None or gate.passed:
        return ExitCode.FINE
    click.echo(f"gate failed: {len(gate.failures)} {'objection' if len(gate.failures) == 1 else 'objections'}", err=True)
    for one in gate.failures:
        click.echo(f"  {one.case.label}{f', {one.metric}' if one.metric else ''}: {one.what}", err=True)
    return ExitCode.REGRESSION
