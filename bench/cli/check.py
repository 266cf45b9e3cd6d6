"""`bench check`: what is wrong with suites."""

from pathlib import Path

import click

from bench import workflow
from bench.cli import options


@click.command("check", epilog=options.examples("bench check suites/quickstart.yaml", "bench check suites/*.yaml"))
@options.suites
@options.floating
def command(*, suites: tuple[Path, ...], allow_floating: bool) -> None:
    """Find everything that is wrong with SUITEs, each as file:line: what, why, what was probably meant. Exits 2 if anything is."""
    plan = workflow.draw_up(workflow.read_suites(suites, allow_floating=allow_floating))
    for remark in plan.remarks:
        click.echo(f"Remark: {remark}")
    will_not = f", {len(plan.skipped)} will not run (bench plan says why)" if plan.skipped else ""
    click.echo(f"{', '.join(map(str, suites))}: fine, {len(plan.cases)} cases to run{will_not}")
