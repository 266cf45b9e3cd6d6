"""Outputs of references: made once, before the first case that needs them, and a reason where there are none."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.domain.outcome import Outcome, ReasonCode, Refusal
from bench.domain.plan import Case, ReferenceCase, Trial
from bench.domain.procedure import PageCache
from bench.domain.record import Record
from bench.execution.references import References
from bench.protocol.messages import Parity
from tests.support.builders import a_record
from tests.support.cases import a_planned_case, a_suite, a_trial

REFERENCE = Case(id="theirs", label="the eager one", requested=a_planned_case(attention="eager").requested)


def compared(reference: ReferenceCase | None, number: int = 0) -> Trial:
    trial = a_trial(number, suite=a_suite(page_cache=PageCache.COLD))
    return replace(trial, planned=replace(trial.planned, reference=reference))


class Worker:
    """Leaves a file where it is asked for outputs, unless it ends otherwise."""

    def __init__(self, outcome: Outcome = Outcome.FINISHED, **observed: str) -> None:
        self.outcome, self.observed, self.asked = outcome, observed, list[tuple[Trial, Parity]]()

    def __call__(self, trial: Trial, parity: Parity) -> Record:
        self.asked.append((trial, parity))
        if self.outcome is Outcome.FINISHED and not self.observed:
            Path(parity.path).write_bytes(b"outputs")
        return a_record(outcome=self.outcome, reason="it took too long", observed=self.observed)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def references(tmp_path: Path, said: list[str]) -> References:
    return References(folder=tmp_path / "references", tell=said.append)


def test_outputs_are_made_once_for_all_trials(references: References, said: list[str]) -> None:
    worker = Worker()
    first, second = (references.parity(compared(ReferenceCase(case=REFERENCE), number), worker) for number in (0, 1))
    assert first == second
    assert first is not None
    assert (first.reference, first.own, first.missing) == ("the eager one", False, None)
    assert Path(first.path).name == "theirs-0.safetensors"
    ((trial, parity),) = worker.asked
    assert (trial.planned.case, trial.planned.suite.page_cache, parity.own) == (REFERENCE, PageCache.UNSET, True)
    assert said == ["running the reference (the eager one) for its outputs"]


def test_a_case_that_is_its_own_reference_needs_no_second_process(references: References) -> None:
    worker = Worker()
    own = a_trial().planned.case
    parity = references.parity(compared(ReferenceCase(case=own)), worker)
    assert parity is not None
    assert (parity.own, parity.missing, worker.asked) == (True, None, [])


@pytest.mark.parametrize(
    ("worker", "why"),
    [
        (Worker(Outcome.TIMEOUT), "the reference (the eager one) ended timeout: it took too long"),
        (Worker(parity_missing="it gives no scores"), "the reference (the eager one) has none: it gives no scores"),
    ],
)
def test_a_reference_that_failed_is_not_run_again_and_says_why(references: References, worker: Worker, why: str) -> None:
    for number in (0, 1):
        parity = references.parity(compared(ReferenceCase(case=REFERENCE), number), worker)
        assert parity is not None
        assert parity.missing == why
    assert len(worker.asked) == 1


def test_a_reference_that_was_refused_is_not_run(references: References) -> None:
    worker = Worker()
    refusal = Refusal(reason="it has other inputs", reason_code=ReasonCode.INPUT_MISMATCH)
    parity = references.parity(compared(ReferenceCase(case=REFERENCE, refusal=refusal)), worker)
    assert parity is not None
    assert (parity.missing, worker.asked) == ("it has other inputs", [])


def test_without_a_reference_there_is_nothing_to_compare(references: References) -> None:
    assert references.parity(compared(None), Worker()) is None
