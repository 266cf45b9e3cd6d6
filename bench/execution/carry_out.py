"""A plan is carried out: block after block of trials, each a request to the executor, each ending as a record."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bench.domain import abroad
from bench.domain.outcome import Refusal
from bench.domain.plan import PlannedCase, Trial
from bench.domain.procedure import StartMethod
from bench.domain.record import Record
from bench.domain.values import Json
from bench.execution import capacity
from bench.execution import trial as one_trial
from bench.execution.executors import Executor
from bench.execution.handed import Inputs
from bench.execution.materialise import Checkpoints
from bench.execution.references import References
from bench.models import check_limits
from bench.protocol.messages import Event, Handed, Parity


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where trials run: an executor that is open, and what records say of how its processes came to be."""

    executor: Executor
    start: Mapping[str, Json]


Elsewhere = Callable[[PlannedCase], Place | Refusal | None]
"""Gives the place of a case that runs in another environment, or why it cannot; None for those that run in this one."""


def _deaf(_event: Event) -> None:
    """Hear nothing of a run that is no trial."""


def _here(_planned: PlannedCase) -> None:
    """Have every case in the job's own environment."""


@dataclass(slots=True, kw_only=True)
class Job:
    """One run's work on the cases of one start method.

    `start` is what records say of how their processes came to be. `todo` says of a trial whether it still has to run, `attempt`
    which attempt that is, `grows` whether a case wants more trials than its least number: asked after each block from there on.
    Cases of other environments run `elsewhere`, their presets written by `executor` all the same: one checkpoint for all of them.
    Outputs are compared with those of `references`; None compares nothing. `inputs` keeps those of cases whose engine lives abroad,
    `probes` those of searches.
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
    elsewhere: Elsewhere = _here
    references: References | None = None
    inputs: Inputs | None = None
    probes: capacity.Kept = capacity.FORGOTTEN
    _checkpoints: Checkpoints = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no checkpoint."""
        self._checkpoints = Checkpoints(self.executor, self.listener.said)

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
        model = self._checkpoints.on_disk(planned)
        if model.refusals:
            return one_trial.refused(trial, model.refusals[0], self.run, self.attempt(trial))
        place = self.elsewhere(planned) or Place(executor=self.executor, start=self.start)
        if isinstance(place, Refusal):
            return one_trial.refused(trial, place, self.run, self.attempt(trial))
        self.listener.begins(trial)
        ready = replace(trial, planned=replace(planned, model=model))
        cores = self.cores(trial, available_cores())

        def measure(one: Trial) -> Record:
            beyond = check_limits(model, one.planned.case.requested)  # of a search's probes: plans have asked of every case
            if beyond is not None:
                return one_trial.refused(one, beyond, self.run, self.attempt(trial))
            handed = self._handed(one, place, cores)
            if isinstance(handed, Record):
                return replace(handed, attempt=self.attempt(trial))
            return one_trial.carry_out(
                one, place.executor, self.run, self.attempt(trial), cores, self.listener.heard,
                parity=self._parity(one), handed=handed,
            )  # fmt: skip

        sought = capacity.KEY in planned.case.requested and place.executor.loads
        record = capacity.search(ready, measure, self.listener.said, self.probes) if sought else measure(ready)
        return replace(record, environment={**record.environment, **place.start})

    def _parity(self, trial: Trial) -> Parity | None:
        """Say what the outputs of TRIAL are compared with, and have these ready."""
        if self.references is None or not self.executor.loads:
            return None
        return self.references.parity(trial, self._outputs_of)

    def _outputs_of(self, trial: Trial, parity: Parity) -> Record:
        """Run TRIAL for its outputs only."""
        place = self.elsewhere(trial.planned) or Place(executor=self.executor, start=self.start)
        if isinstance(place, Refusal):
            return one_trial.refused(trial, place, self.run, 1)
        cores = self.cores(trial, available_cores())
        handed = self._handed(trial, place, cores)
        if isinstance(handed, Record):
            return handed
        return one_trial.carry_out(
            trial, place.executor, self.run, 1, cores, _deaf, parity=parity, outputs_only=True, handed=handed
        )

    def _handed(self, trial: Trial, place: Place, cores: tuple[int, ...]) -> Handed | Record | None:
        """Say where the inputs of TRIAL are where its engine lives at another PLACE; give the record where they cannot be had."""
        if self.inputs is None or place.executor is self.executor or not abroad.is_abroad(trial.planned.case.requested):
            return None
        return self.inputs.of(
            trial, lambda one, handed: one_trial.carry_out(one, self.executor, self.run, 1, cores, _deaf, handed=handed)
        )


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
