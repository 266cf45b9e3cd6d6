"""`bench ab`: two environments measured in turn, call by call."""

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click

from bench import workflow
from bench.cli import judging, options
from bench.cli.plan import duration
from bench.domain.errors import UsageError
from bench.domain.outcome import Outcome
from bench.domain.plan import Trial
from bench.domain.record import Record
from bench.protocol.messages import Event, PhaseBegan


@click.command(
    "ab",
    epilog=options.examples(
        "bench ab suites/quickstart.yaml --base ~/torch-2.12/bin/python --head .venv/bin/python --gate",
        "bench ab suites/quickstart.yaml --where model=tiny-bert --base-set attention=eager --head-set attention=sdpa",
        "bench ab suites/quickstart.yaml --self --budget 10",
    ),
)
@options.suites
@click.option("--base", metavar="PYTHON", help="Interpreter of base.  [default: the one that runs bench]")
@click.option("--head", metavar="PYTHON", help="Interpreter of head.  [default: the one that runs bench]")
@click.option("--base-env", multiple=True, metavar="NAME=VALUE", help="Environment variable of base's workers.")
@click.option("--head-env", multiple=True, metavar="NAME=VALUE", help="Environment variable of head's workers.")
@click.option("--base-set", multiple=True, metavar="AXIS=VALUE", help="Axis of base's cases, in the place of the suite's values.")
@click.option("--head-set", multiple=True, metavar="AXIS=VALUE", help="Axis of head's cases, in the place of the suite's values.")
@click.option("--self", "itself", is_flag=True, help="One environment as both: shows what this machine resolves.")
@click.option("--budget", type=click.FloatRange(0, min_open=True), metavar="MINUTES", help="Begin no further pair after this time.")
@options.where
@options.floating
@judging.judging
@options.as_json()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=workflow.RECORDS,
    show_default=True,
    help="Folder in which the directories of both sides' runs are made.",
)
@click.option("--format", "form", default="terminal", show_default=True, help="terminal, markdown, csv or json.")
def command(
    *,
    suites: tuple[Path, ...],
    base: str | None,
    head: str | None,
    base_env: tuple[str, ...],
    head_env: tuple[str, ...],
    base_set: tuple[str, ...],
    head_set: tuple[str, ...],
    itself: bool,
    budget: float | None,
    where: tuple[str, ...],
    allow_floating: bool,
    gate: bool,
    margin: float | None,
    equivalence: float | None,
    strict: bool,
    accepted: Path | None,
    as_json: bool,
    out: Path,
    form: str,
) -> int:
    """Measure the cases of SUITEs on two sides in turn, call by call, and say which is slower.

    The unit is a pair of processes on the same cores: 8 to 24 of them a case, and fewer only where a verdict is clear. What a bad
    minute does, it does to both sides. Sides differ by interpreter (another torch or transformers), by environment variables, or
    by the value of an axis. Both sides' records are kept like those of any run: compare and report read them.
    """
    from bench.planning.plans import read_filter
    from bench.planning.settings import read_settings

    sides = (
        workflow.Setting(
            python=_python(python), env=dict(_variables(option, env)), axes=read_settings(option.replace("env", "set"), axes)
        )
        for python, option, env, axes in ((base, "--base-env", base_env, base_set), (head, "--head-env", head_env, head_set))
    )
    before, after = sides
    _check(before, after, itself=itself)
    sources = workflow.read_suites(suites, allow_floating=allow_floating)
    wanted = read_filter(where, None)
    contested = workflow.contest(
        workflow.contender(sources, before, wanted),
        workflow.contender(sources, after, wanted),
        out=out,
        budget_s=None if budget is None else budget * 60,
        rules=judging.rules(margin, equivalence),
        watcher=Lines(live=sys.stderr.isatty()),
        command=["bench", *sys.argv[1:]],
    )
    comparison = contested.compare(judging.rules(margin, equivalence))
    judged = workflow.judge(comparison, accepted, strict=strict) if gate else None
    form = "json" if as_json else form
    click.echo(workflow.render_comparison(form, comparison, comparison.rules, judged, seen_on=sys.stdout), nl=False)
    for side, directory in (("base", contested.base), ("head", contested.head)):
        click.echo(f"{side}: {directory.path}", err=True)
    return judging.exit_code(judged) or contested.exit_code()


def _python(given: str | None) -> str:
    """Give the interpreter that was asked for, as it was written; that of this process by its own name, so that both are one."""
    if given is None:
        return sys.executable
    path = Path(given).expanduser()
    same = not path.is_absolute() and path.absolute() == Path(sys.executable)
    return sys.executable if same else str(path)


def _variables(option: str, given: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"{option} {text!r}: write NAME=VALUE, such as OMP_PROC_BIND=true")
        yield name, value


def _check(before: workflow.Setting, after: workflow.Setting, *, itself: bool) -> None:
    """Refuse sides that are one by mistake, and two where one was asked for."""
    alike = before == after
    if itself and not alike:
        raise UsageError("--self measures one environment as both sides: it goes with no --base, --head, -env or -set that differ")
    if alike and not itself:
        raise UsageError(
            "base and head are the same: name another interpreter, variable or axis value on one side (--head, --head-env, "
            "--head-set), or --self to see what this machine resolves"
        )


@dataclass(slots=True)
class Lines:
    """How an A/B run goes, on standard error: a line a pair with the interval closing in; on a terminal the phase that runs too."""

    live: bool
    began: float = field(default_factory=time.monotonic)
    label: str = ""

    def said(self, text: str) -> None:
        """Print a remark."""
        self._line(text)

    def begins(self, trial: Trial) -> None:
        """Remember what runs."""
        self.label = f"{trial.planned.case.label} · pair {trial.number + 1}"

    def heard(self, event: Event) -> None:
        """Show the phase on a terminal."""
        if self.live and isinstance(event, PhaseBegan):
            click.echo(f"\r\x1b[K{self.label} · {event.name}", err=True, nl=False)

    def ended(self, record: Record) -> None:
        """Say why a trial failed, where one did."""
        if record.outcome is not Outcome.FINISHED and record.paired is not None:
            side = record.paired.side.value
            self._line(f"{record.case.label} pair {record.paired.number + 1}, {side}: {record.outcome.value}: {record.reason}")

    def closes_in(
        self, label: str, pairs: int, interval: tuple[str, float, float, float] | None, look: tuple[int | None, float] | None
    ) -> None:
        """Print where the main metric of a case stands, and how long it is to the next look at all of them."""
        where = ""
        if interval is not None:
            name, ratio, low, high = interval
            where = f": {name} {ratio - 1:+.2%} [{low - 1:+.2%}, {high - 1:+.2%}]"
        then = ""
        if look is not None and look[1] > 0:
            what = "budget ends" if look[0] is None else f"look at {look[0]} pairs"
            then = f" ({what} in {duration(look[1])})"
        self._line(f"[{time.monotonic() - self.began:5.0f} s] {label}: {pairs} {'pair' if pairs == 1 else 'pairs'}{where}{then}")

    def _line(self, text: str) -> None:
        click.echo(f"\r\x1b[K{text}" if self.live else text, err=True)
