"""Inputs of engines that live abroad: made once, by a worker of this environment, and the reason where they cannot be had."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.plan import PlannedCase, Trial
from bench.domain.procedure import PageCache
from bench.domain.record import Record
from bench.execution.carry_out import Job, Place
from bench.execution.executors.replay import Replay
from bench.execution.handed import Inputs
from bench.protocol.messages import Event, Exited, Failed, Finished, Handed, Measure, Request
from tests.execution.test_pairs import Silence, in_order
from tests.support.builders import a_record
from tests.support.cases import a_planned_case, a_suite, a_trial

ABROAD = a_planned_case(engine="optimum-onnx", environment="./older/python")
REFUSAL = Failed(outcome=Outcome.UNSUPPORTED, reason="no room for text", reason_code=ReasonCode.INPUT_MISMATCH)


def a_trial_abroad(number: int = 0) -> Trial:
    return a_trial(number, suite=a_suite(page_cache=PageCache.COLD), case=ABROAD)


class Worker:
    """Leaves a file where it is asked for inputs, unless it ends otherwise."""

    def __init__(self, outcome: Outcome = Outcome.FINISHED) -> None:
        self.outcome, self.asked = outcome, list[tuple[Trial, Handed]]()

    def __call__(self, trial: Trial, handed: Handed) -> Record:
        self.asked.append((trial, handed))
        if self.outcome is Outcome.FINISHED:
            Path(handed.path).write_bytes(b"inputs")
        return a_record(outcome=self.outcome, reason="no room for text", observed={"dtype": "float32"})


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def inputs(tmp_path: Path, said: list[str]) -> Inputs:
    return Inputs(folder=tmp_path / "inputs", tell=said.append)


def test_inputs_are_made_once_for_all_trials_of_a_case(inputs: Inputs, said: list[str]) -> None:
    worker = Worker()
    first, second = (inputs.of(a_trial_abroad(number), worker) for number in (0, 1))
    assert isinstance(first, Handed)
    assert first == second
    assert (Path(first.path).name, first.leave) == ("tiny-gpt2-id-0.safetensors", False)
    ((trial, handed),) = worker.asked
    assert (trial.planned.suite.page_cache, handed.leave) == (PageCache.UNSET, True)
    assert said == ["preparing the inputs of tiny-gpt2 in this environment"]


def test_inputs_that_cannot_be_had_end_every_trial_with_the_reason_and_are_not_tried_again(inputs: Inputs) -> None:
    worker = Worker(Outcome.UNSUPPORTED)
    found = [inputs.of(a_trial_abroad(number), worker) for number in (0, 1)]
    assert len(worker.asked) == 1
    for number, record in enumerate(found):
        assert isinstance(record, Record)
        assert (record.trial, record.outcome, record.observed) == (number, Outcome.UNSUPPORTED, {})
        assert record.reason == "its inputs could not be prepared: no room for text"


class Home(Replay):
    """The running environment's worker: it leaves inputs, or says why not."""

    last: Failed | None = None

    def ask(self, request: Request, nursery: int, time_limit_s: float | None, memory_limit_bytes: int | None) -> Iterator[Event]:
        del nursery, time_limit_s, memory_limit_bytes
        self.asked.append(request)
        assert isinstance(request, Measure)
        assert request.handed is not None
        if self.last is None:
            Path(request.handed.path).write_bytes(b"inputs")
        yield self.last or Finished()
        yield Exited(status=0)


def carried_out(home: Home, abroad: Replay, inputs: Inputs, planned: PlannedCase) -> list[Record]:
    job = Job(
        run="run",
        executor=home,
        start={},
        listener=Silence(),
        arrange=in_order,
        cores=lambda _trial, _cores: (),
        todo=lambda _trial: True,
        attempt=lambda _trial: 3,
        grows=lambda _planned: False,
        elsewhere=lambda _planned: Place(executor=abroad, start={}),
        inputs=inputs,
    )
    return list(job.carry_out([planned]))


def planned_with(**axes: str) -> PlannedCase:
    planned = a_trial(suite=a_suite()).planned
    procedure = replace(planned.suite.procedure, trials=2)
    return replace(planned, case=a_planned_case(**axes), suite=replace(planned.suite, procedure=procedure))


def test_a_case_abroad_is_measured_there_with_what_was_left_here(inputs: Inputs) -> None:
    home, abroad = Home([]), Replay([[Finished(), Exited(status=0)]])
    records = carried_out(home, abroad, inputs, planned_with(engine="optimum-onnx"))
    assert [record.outcome for record in records] == [Outcome.FINISHED] * 2
    assert len(home.asked) == 1
    handed = [one.handed for one in abroad.asked if isinstance(one, Measure)]
    assert [(one is not None and not one.leave and Path(one.path).exists()) for one in handed] == [True, True]


def test_a_case_of_another_engine_prepares_its_own_inputs(inputs: Inputs) -> None:
    home, abroad = Home([]), Replay([[Finished(), Exited(status=0)]])
    carried_out(home, abroad, inputs, planned_with(engine="eager"))
    assert not home.asked
    assert [one.handed for one in abroad.asked if isinstance(one, Measure)] == [None, None]


def test_a_case_whose_inputs_cannot_be_had_here_is_not_asked_for_there(inputs: Inputs) -> None:
    home, abroad = Home([]), Replay([[Finished(), Exited(status=0)]])
    home.last = REFUSAL
    records = carried_out(home, abroad, inputs, planned_with(engine="optimum-onnx"))
    assert [(one.outcome, one.reason_code, one.attempt) for one in records] == [
        (Outcome.UNSUPPORTED, ReasonCode.INPUT_MISMATCH, 3)
    ] * 2
    assert not abroad.asked
