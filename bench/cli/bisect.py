"""`bench bisect`: the commit since which something is slower."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from bench import workflow
from bench.cli import judging, options
from bench.cli.ab import Lines
from bench.domain.errors import ExitCode, UsageError
from bench.domain.values import Json


@click.command(
    "bisect",
    epilog=options.examples(
        "bench bisect suites/quickstart.yaml --good v1.0 --bad HEAD --build 'tools/build-env && echo .venv/bin/python'",
        "bench bisect suites/quickstart.yaml --where model=tiny-bert --metric forward --good HEAD~20 --bad HEAD --build ./build.sh",
    ),
)
@options.suites
@click.option("--good", required=True, metavar="REV", help="Revision that is as fast as it should be.")
@click.option("--bad", required=True, metavar="REV", help="Revision that is not.")
@click.option(
    "--build",
    required=True,
    metavar="CMD",
    help="Shell command that builds a commit's environment in its checkout, and prints the path of its Python as its last line.",
)
@click.option(
    "--repo",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    show_default="the folder you are in",
    help="Git repository. Its own checkout is not touched.",
)
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Metric to look at.  [default: those that are gated]")
@click.option(
    "--budget",
    type=click.FloatRange(0, min_open=True),
    metavar="MINUTES",
    help="Begin no further pair of a commit after this time.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=workflow.RECORDS,
    show_default=True,
    help="Folder in which the directories of all runs are made.",
)
@options.where
@options.floating
@options.as_json()
@click.option("--margin", type=click.FloatRange(0, 1, max_open=True), help="As in bench ab.")
def command(
    *,
    suites: tuple[Path, ...],
    good: str,
    bad: str,
    build: str,
    repo: Path,
    metrics: tuple[str, ...],
    budget: float | None,
    out: Path,
    where: tuple[str, ...],
    allow_floating: bool,
    as_json: bool,
    margin: float | None,
) -> int:
    """Find the first commit after the good revision that has what makes the bad one slower or larger.

    git bisect says which commit comes next; each is checked out in a folder of its own, built, and measured in turn with the good
    one, call by call. The largest change between both ends is looked for: a commit is bad where it is proved to have more than half
    of it, good where less, and skipped where neither is proved or it cannot be built. Exit 0 where it is found, 1 where not.
    """
    from bench.execution.commits import NotBuiltError
    from bench.planning.plans import read_filter

    lines = Lines(live=sys.stderr.isatty())
    against = workflow.pairs_against(
        workflow.read_suites(suites, allow_floating=allow_floating),
        read_filter(where, None),
        out=out,
        budget_s=None if budget is None else budget * 60,
        rules=judging.rules(margin, None),
        watcher=lines,
        command=["bench", *sys.argv[1:]],
    )
    try:
        walked = workflow.walk(workflow.Range(repo=repo, good=good, bad=bad, build=build), metrics, against, lines.said)
    except NotBuiltError as error:
        raise UsageError(f"--good and --bad have to build: {error}") from error
    if as_json:
        click.echo(json.dumps(answer(walked), indent=1, allow_nan=False))
    else:
        _say(walked, f"{good} and {bad}")
    return ExitCode.REGRESSION if walked.found is None else ExitCode.FINE


def _say(walked: workflow.Walked, ends: str) -> None:
    if walked.effect is None:
        click.echo(f"nothing is proved to be worse between {ends}: there is no commit to find")
    elif walked.found is not None:
        click.echo(walked.found.line)
    else:
        click.echo("only commits are left that had to be skipped; it is one of these:")
        for one in walked.left:
            click.echo(one.line)


def answer(walked: workflow.Walked) -> Mapping[str, Json]:
    """Give WALKED as programs read it; `effect` and each `row` as the rows of a comparison with the good commit."""
    from bench.report.comparison_forms import row_of

    def commit(one: workflow.Commit | None) -> Json:
        return None if one is None else {"id": one.id, "line": one.line}

    return {
        "good": commit(walked.good),
        "bad": commit(walked.bad),
        "effect": None if walked.effect is None else row_of(walked.effect.row),
        "found": commit(walked.found),
        "left": [commit(one) for one in walked.left],
        "tried": [
            {
                "commit": commit(one.commit),
                "answer": one.answer.value,
                "why": one.why,
                "row": None if one.row is None else row_of(one.row),
            }
            for one in walked.tried
        ],
    }
