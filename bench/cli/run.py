"""`bench run`: measure, record, report."""

import sys
from pathlib import Path

import click

from bench import workflow
from bench.cli import options


@click.command(
    "run",
    epilog=options.examples(
        "bench run suites/quickstart.yaml",
        "bench run suites/quickstart.yaml --where model=tiny-gpt2 --out /tmp/runs --resume",
    ),
)
@options.suites
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=workflow.RECORDS,
    show_default=True,
    help="Folder in which the run's directory is made.",
)
@click.option("--resume", is_flag=True, help="Complete the newest run of the same plan: run what has no record or failed.")
@options.where
@options.shard
@options.floating
@click.option("--executor", default="local", show_default=True, help="Where workers run: local, or replay:FILE for canned events.")
@click.option("--strict", is_flag=True, help="Exit 3 also where a case is unsupported or skipped.")
@click.option("--quiet", is_flag=True, help="No report on standard output, only the run's directory.")
def command(
    *,
    suites: tuple[Path, ...],
    out: Path,
    resume: bool,
    where: tuple[str, ...],
    shard: str | None,
    allow_floating: bool,
    executor: str,
    strict: bool,
    quiet: bool,
) -> int:
    """Measure the cases of SUITEs, each trial in a process of its own, and keep a record of every one.

    Prints a report, and on the last line the path of the run's directory. An interrupted run loses the trial in flight at most:
    the same command with --resume goes on from there.
    """
    from bench.cli.progress import listen
    from bench.planning.plans import read_filter

    plan = workflow.draw_up(workflow.read_suites(suites, allow_floating=allow_floating), read_filter(where, shard))
    with listen(plan) as listener:
        ran = workflow.run(plan, out=out, resume=resume, executor=executor, listener=listener, command=["bench", *sys.argv[1:]])
    if not quiet and ran.records:
        click.echo(workflow.render(ran.records, (), "terminal", seen_on=sys.stdout))
    click.echo(ran.directory.path)
    return ran.exit_code(strict=strict)
