"""Pairs of trials, one of each side, that take turns call by call on the same cores: the unit of an A/B run.

Blocks of pairs go over all cases, so that no minute falls on one case. A pair comes from one of several nurseries a side, so that a
lucky memory layout is one of several; which side begins changes from pair to pair, and records tell it. Reasons and error rates are
in docs/verdicts.md.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.domain.model import ModelFacts
from bench.domain.plan import PlannedCase, Suite, Trial
from bench.domain.procedure import Procedure
from bench.domain.record import Paired, Record, Side
from bench.domain.values import Json
from bench.execution import trial as one_trial
from bench.execution.carry_out import Cores, Listener, available_cores
from bench.execution.executors import Executor
from bench.execution.materialise import Checkpoints
from bench.protocol.messages import END_OF_TURNS, Event, Turns

NURSERIES = 4
"""Nurseries a side: false alarms come from the layout of single processes (docs/verdicts.md)."""

Both = tuple[Record, Record]


def base_begins(number: int) -> bool:
    """Tell whether base begins pair NUMBER: every other one, and of each nursery's pairs every other one too."""
    return (number + number // NURSERIES) % 2 == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flank:
    """One side of an A/B run: its executor, which is open, its run, and what records say of how its processes came to be."""

    side: Side
    executor: Executor
    run: str
    start: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Couple:
    """A case as base has it and as head has it."""

    base: PlannedCase
    head: PlannedCase


@dataclass(slots=True, kw_only=True)
class Contest:
    """The work of an A/B run. Of `flanks` the first is base.

    `goes_on` is asked before each pair of a case, with the number of pairs that it has; `procedure` gives the sampling plan of a
    pair by its number.
    """

    ab: str
    flanks: tuple[Flank, ...]
    listener: Listener
    arrange: Callable[[Sequence[PlannedCase], int], Sequence[Trial]]
    cores: Cores
    procedure: Callable[[Procedure, int], Procedure]
    goes_on: Callable[[Couple, int], bool]

    def carry_out(self, couples: Sequence[Couple]) -> Iterator[tuple[Couple, Both]]:
        """Measure COUPLES pair by pair and give each with the records of base and head as the pair ends."""
        if not couples:
            return
        checkpoints = Checkpoints(self.flanks[0].executor, self.listener.said)  # both sides load the same ones
        number, going = 0, {couple.base.case.id: couple for couple in couples}
        while going:
            block = self.arrange([couple.base for couple in going.values()], number)
            before, going = going, {}
            for case, couple in ((trial.planned.case.id, before[trial.planned.case.id]) for trial in block):
                if self.goes_on(couple, number):
                    going[case] = couple
                    yield couple, self._pair(couple, checkpoints.on_disk(couple.base), number)
            number += 1

    def _pair(self, couple: Couple, model: ModelFacts, number: int) -> Both:
        sides = [
            replace(planned, model=model, suite=self._sampled(planned.suite, number)) for planned in (couple.base, couple.head)
        ]
        trials = [Trial(planned=planned, number=number, nursery=number % NURSERIES) for planned in sides]
        begins = 0 if base_begins(number) else 1
        if model.refusals:
            records = [
                one_trial.refused(trial, model.refusals[0], flank.run, 1) for trial, flank in zip(trials, self.flanks, strict=True)
            ]
        else:
            records = self._side_by_side(trials, begins)
        base, head = (
            replace(
                record,
                paired=Paired(ab=self.ab, side=flank.side, number=number, base_case=couple.base.case.id, began=at == begins),
            )
            for at, (record, flank) in enumerate(zip(records, self.flanks, strict=True))
        )
        return base, head

    def _sampled(self, suite: Suite, number: int) -> Suite:
        return replace(suite, procedure=self.procedure(suite.procedure, number))

    def _side_by_side(self, trials: Sequence[Trial], begins: int) -> list[Record]:
        """Let the two TRIALS run at the same time, each in its turn, on the same cores. That at BEGINS is the first."""
        cores = self.cores(trials[0], available_cores())
        self.listener.begins(trials[0])
        with _pipes() as pipes, ThreadPoolExecutor(2) as threads, ExitStack() as failing:
            for flank in self.flanks:
                failing.callback(flank.executor.close)  # on an interrupt the threads end with what they listen to
            waiting = {
                at: threads.submit(self._one, trials[at], self.flanks[at], cores, pipes.turns(at, first=at == begins), pipes)
                for at in (begins, 1 - begins)  # who begins is forked first, too
            }
            records = [waiting[at].result() for at in (0, 1)]
            failing.pop_all()
        return records

    def _one(self, trial: Trial, flank: Flank, cores: tuple[int, ...], turns: Turns, pipes: "_Pipes") -> Record:
        listen = self.listener.heard if turns.first else _nobody  # alike for both sides, as all that is done beside them
        try:
            record = one_trial.carry_out(trial, flank.executor, flank.run, 1, cores, listen, turns=turns)
        finally:
            pipes.end(turns.give)
        return replace(record, environment={**record.environment, **flank.start})


def _nobody(_event: Event) -> None:
    """Hear an event of the side that no progress is shown of."""


class _Pipes:
    """Two named pipes in FOLDER, one to each side, held open so that an end mark can always be written."""

    def __init__(self, folder: Path, undo: ExitStack) -> None:
        self._paths = [str(folder / name) for name in ("to-base", "to-head")]
        self._open: dict[str, int] = {}
        for path in self._paths:
            os.mkfifo(path)
            self._open[path] = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            undo.callback(os.close, self._open[path])

    def turns(self, at: int, *, first: bool) -> Turns:
        """Give the pipes of side AT, 0 for base and 1 for head."""
        return Turns(take=self._paths[at], give=self._paths[1 - at], first=first)

    def end(self, path: str) -> None:
        """Tell the side that reads from PATH that the other is gone."""
        os.write(self._open[path], f"{END_OF_TURNS}\n".encode())


@contextmanager
def _pipes() -> Iterator[_Pipes]:
    """Make the pipes of one pair."""
    with tempfile.TemporaryDirectory(prefix="bench-turns-") as folder, ExitStack() as undo:
        yield _Pipes(Path(folder), undo)
