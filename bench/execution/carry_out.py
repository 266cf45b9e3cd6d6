"""A plan is carried out: block after block of trials, each a request to the executor, each ending as a record."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bench.domain.model import Kind, ModelFacts
from bench.domain.plan import PlannedCase, Trial
from bench.domain.procedure import StartMethod
from bench.domain.record import Record
from bench.domain.values import Json
from bench.execution import trial as one_trial
from bench.execution.executors import Executor
from bench.execution.materialise import materialise
from bench.protocol.messages import Event


class Listener(Protocol):
    """Who wants to hear how it goes."""

    def said(self, text: str) -> None:
        """Take a remark."""

    def begins(self, trial: Trial) -> None:
        """Hear that a trial begins."""

    def heard(self, event: Event) -> None:
        """Hear an event of the trial that runs."""

    def ended(self, record: Record) -> None:
        """Hear that a trial has ended, or a case was skipped, and that its record is safe."""


Arrange = Callable[[Sequence[PlannedCase], int], Sequence[Trial]]
Cores = Callable[[Trial, Sequence[int]], tuple[int, ...]]


@dataclass(slots=True, kw_only=True)
class Job:
    """One run's work on the cases of one start method.

    `start` is what records say of how their processes came to be. `todo` says of a trial whether it still has to run, `attempt`
    which attempt that is, `grows` whether a case wants more trials than its least number: asked after each block from there on.
    """

    run: str
    executor: Executor
    start: Mapping[str, Json]
    listener: Listener
    arrange: Arrange
    cores: Cores
    todo: Callable[[Trial], bool]
    attempt: Callable[[Trial], int]
    grows: Callable[[PlannedCase], bool]
    _models: dict[tuple[str, str, int], ModelFacts] = field(default_factory=dict)

    def carry_out(self, cases: Sequence[PlannedCase]) -> Iterator[Record]:
        """Measure CASES and give a record for each trial as it ends."""
        number, going = 0, list(cases)
        while going:
            for trial in self.arrange(going, number):
                if self.todo(trial):
                    yield self._record_of(trial)
            number += 1
            going = [planned for planned in going if self._goes_on(planned, number)]

    def _goes_on(self, planned: PlannedCase, number: int) -> bool:
        procedure = planned.suite.procedure
        return number < procedure.trials or (number < procedure.max_trials and self.grows(planned))

    def _record_of(self, trial: Trial) -> Record:
        planned = trial.planned
        model = self._on_disk(planned)
        if model.refusals:
            return one_trial.refused(trial, model.refusals[0], self.run, self.attempt(trial))
        self.listener.begins(trial)
        ready = replace(trial, planned=replace(planned, model=model))
        cores = self.cores(trial, available_cores())
        record = one_trial.carry_out(ready, self.executor, self.run, self.attempt(trial), cores, self.listener.heard)
        return replace(record, environment={**record.environment, **self.start})

    def _on_disk(self, planned: PlannedCase) -> ModelFacts:
        """Have the model of PLANNED on disk where the executor loads it; a preset is written, or refused, once a run."""
        if not self.executor.loads or planned.model.ref.kind is not Kind.PRESET:
            return planned.model
        seed = planned.suite.procedure.seed
        key = (planned.model.content, planned.model.task, seed)
        if key not in self._models:
            self._models[key] = materialise(planned.model, seed, self.executor, self.listener.said)
        made = self._models[key]
        return replace(planned.model, folder=made.folder, refusals=made.refusals)


def available_cores() -> tuple[int, ...]:
    """Give the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def by_start_method(cases: Iterable[PlannedCase]) -> Mapping[StartMethod, Sequence[PlannedCase]]:
    """Part CASES by how their trials' processes start, since an executor is opened for one way."""
    parts: dict[StartMethod, list[PlannedCase]] = {}
    for planned in cases:
        parts.setdefault(planned.suite.procedure.start_method, []).append(planned)
    return parts
