"""`bench baseline`: runs that are kept to be compared with."""

import json
import sys
from pathlib import Path

import click

from bench import workflow
from bench.cli import options
from bench.domain.errors import UsageError


@click.group(
    "baseline",
    epilog=options.examples(
        "bench baseline set reports/records/RUN",
        "bench baseline noise 'reports/records/*'",
        "bench baseline list --json",
    ),
)
def command() -> None:
    """Keep runs to be compared with in reports/baselines, one a machine and set of suites, and how far runs there lie apart."""


@command.command("set", epilog=options.examples("bench baseline set reports/records/RUN", "bench baseline set RUN --baselines ci"))
@click.argument("runs", metavar="RUN...", type=click.Path(path_type=Path), nargs=-1, required=True)
@options.baselines
def keep(runs: tuple[Path, ...], baselines: Path) -> None:
    """Make RUN the baseline of its machine and suites, in the place of an earlier one. Prints where it is kept.

    Several are the shards of one run: no case may be in two of them.
    """
    click.echo(workflow.keep_baseline(runs, baselines))


@command.command("list", epilog=options.examples("bench baseline list", "bench baseline list --json"))
@options.baselines
@options.as_json()
def listed(baselines: Path, *, as_json: bool) -> None:
    """List the baselines by machine."""
    from bench.store import baselines as kept

    found = kept.listed(baselines)
    if as_json:
        body = [
            {
                "fingerprint": one.fingerprint,
                "suites": list(one.suites),
                "run": one.run,
                "started_at": one.started_at,
                "cases": one.cases,
                "path": str(one.path),
            }
            for one in found
        ]
        click.echo(json.dumps(body, indent=1))
        return
    for one in found:
        click.echo(f"{one.fingerprint}  {', '.join(one.suites)}  {one.cases} cases  {one.started_at}  {one.path}")
    if not found:
        click.echo(f"{baselines} holds no baseline; keep one with: bench baseline set RUN")


@command.command("show", epilog=options.examples("bench baseline show", "bench baseline show 403a2da02e99 --format markdown"))
@click.argument("fingerprint", required=False)
@click.option("--format", "form", default="terminal", show_default=True, help="As in bench report.")
@options.baselines
def show(fingerprint: str | None, form: str, baselines: Path) -> None:
    """Report the baselines of the machine with FINGERPRINT, of all machines where it is left out."""
    from bench.store import baselines as kept

    known = sorted({one.fingerprint for one in kept.listed(baselines)})
    if fingerprint and fingerprint not in known:
        there = f"there are of: {', '.join(known)}" if known else "there are none; keep one with: bench baseline set RUN"
        raise UsageError(f"{baselines} holds no baseline of a machine {fingerprint} ({there})")
    records, remarks = workflow.read_records([baselines / fingerprint if fingerprint else baselines])
    click.echo(workflow.render(records, remarks, form, seen_on=sys.stdout), nl=False)


@command.command(
    "noise", epilog=options.examples("bench baseline noise 'reports/records/*'", "bench baseline noise RUN1 RUN2 RUN3 --json")
)
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@options.baselines
@options.as_json()
def noise(runs: tuple[Path, ...], baselines: Path, *, as_json: bool) -> None:
    """Measure how far RUNs of unchanged code lie apart, at least 8 of them, each 10 minutes and more after the one before.

    bench compare takes what is kept for the machine; until then it assumes 5 %.
    """
    from bench.protocol.codec import dumps

    found, path, left_out = workflow.measure_noise(runs, baselines)
    for remark in left_out:
        click.echo(remark, err=True)
    if as_json:
        click.echo(dumps(found))
        return
    click.echo(f"{len(found.runs)} runs between {found.first_at} and {found.last_at}, kept in {path}")
    for name, spread in found.spreads.items():
        click.echo(f"  {name:32} {spread.sigma * 100:6.2f} %")
