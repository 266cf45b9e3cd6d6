"""How a run goes: a live bar with the time left on a terminal, plain lines elsewhere. All of it on standard error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from bench.cli.plan import duration
from bench.domain.outcome import Outcome
from bench.domain.plan import Plan, Trial
from bench.domain.record import Record
from bench.protocol.messages import Event, PhaseBegan

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from bench.execution.carry_out import Listener


@dataclass(slots=True)
class _Tally:
    """Trials done and to do, and the time left by what trials took so far."""

    total: int
    done: int = 0
    began: float = field(default_factory=time.monotonic)
    trial_began: float = 0.0
    spent: list[float] = field(default_factory=list)

    def begins(self) -> None:
        self.trial_began = time.monotonic()

    def ended(self) -> float | None:
        """Note the end of a trial; give what it took, None where it never began."""
        self.done += 1
        self.total = max(self.total, self.done)
        if not self.trial_began:
            return None
        took, self.trial_began = time.monotonic() - self.trial_began, 0.0
        self.spent.append(took)
        return took

    def left_s(self) -> float | None:
        return (self.total - self.done) * sum(self.spent) / len(self.spent) if self.spent else None


def _line(record: Record, took: float | None) -> str:
    """Say in one line how a trial ended."""
    number = "" if record.trial is None else f" trial {record.trial + 1}"
    seconds = "" if took is None else f" in {took:.1f} s"
    reason = "" if record.outcome is Outcome.FINISHED else f": {record.reason}"
    return f"{record.case.label}{number}: {record.outcome.value}{seconds}{reason}"


@dataclass(slots=True)
class Plain:
    """One line a trial, as it ends."""

    tally: _Tally

    def said(self, text: str) -> None:
        """Print a remark."""
        click.echo(text, err=True)

    def begins(self, trial: Trial) -> None:
        """Start the trial's clock."""
        del trial
        self.tally.begins()

    def heard(self, event: Event) -> None:
        """Let it pass."""

    def ended(self, record: Record) -> None:
        """Print how the trial ended, and the time left."""
        if record.trial is None:
            click.echo(_line(record, None), err=True)
            return
        took = self.tally.ended()
        left = self.tally.left_s()
        eta = f" ({duration(left)} left)" if left and self.tally.done < self.tally.total else ""
        width = len(str(self.tally.total))
        click.echo(f"[{self.tally.done:{width}}/{self.tally.total}] {_line(record, took)}{eta}", err=True)


@dataclass(slots=True)
class Live:
    """A bar that is redrawn, with the trial and phase that run; trials that did not finish leave a line above it."""

    tally: _Tally
    bar: "Progress"
    task: "TaskID"
    label: str = ""

    def said(self, text: str) -> None:
        """Print a remark above the bar."""
        self.bar.console.print(text, markup=False, highlight=False)

    def begins(self, trial: Trial) -> None:
        """Show what runs."""
        self.tally.begins()
        self.label = f"{trial.planned.case.label} · trial {trial.number + 1}"
        self._show("")

    def heard(self, event: Event) -> None:
        """Show the phase."""
        if isinstance(event, PhaseBegan):
            self._show(event.name)

    def ended(self, record: Record) -> None:
        """Move the bar on."""
        took = self.tally.ended() if record.trial is not None else None
        if record.outcome is not Outcome.FINISHED:
            self.said(_line(record, took))
        left = self.tally.left_s()
        self.bar.update(
            self.task,
            completed=self.tally.done,
            total=self.tally.total,
            left="" if left is None or self.tally.done >= self.tally.total else f"{duration(left)} left",
        )

    def _show(self, phase: str) -> None:
        self.bar.update(self.task, label=self.label, phase=phase)


@contextmanager
def listen(plan: Plan) -> "Iterator[Listener]":
    """Give the listener that suits standard error for a run of PLAN."""
    tally = _Tally(total=sum(planned.suite.procedure.trials for planned in plan.cases))
    if not sys.stderr.isatty():
        yield Plain(tally)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.fields[label]}", markup=False),
        TextColumn("{task.fields[phase]}", markup=False, style="dim"),
        console=console,
        transient=True,  # the report follows, and lines above the bar stay
    ) as bar:
        yield Live(tally, bar, bar.add_task("", total=tally.total, label="", phase="", left=""))
