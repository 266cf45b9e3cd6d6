"""The search of a capacity: against a machine of known memory, and one whose memory scatters."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.domain.metric import Better, Metric, Samples, Unit
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.plan import Trial
from bench.domain.procedure import Limits
from bench.domain.record import Record
from bench.execution import capacity
from tests.support.builders import a_record
from tests.support.cases import a_planned_case, a_suite, a_trial

PEAK = Metric(name="memory.host_anonymous_peak", unit=Unit.BYTE, better=Better.LOWER, definition="memory.host_anonymous_peak.v1")
LIMIT = 1000


def a_search(over: str = "batch_size", most: int = 64) -> Trial:
    case = a_planned_case()
    requested = {name: value for name, value in case.requested.items() if name != over}
    asked = replace(case, requested={**requested, "scenario": "capacity", "capacity": {"over": over, "max": most}})
    return a_trial(case=asked, suite=a_suite(limits=Limits(host_memory_bytes=LIMIT)))


def a_machine(peak_of: Callable[[int], float]) -> Callable[[Trial], Record]:
    """Give what runs a trial that needs PEAK_OF its batch size, and ends it above the limit half of the times only."""
    seen = itertools.count()

    def run(trial: Trial) -> Record:
        value = trial.planned.case.requested["batch_size"]
        assert isinstance(value, int)
        assert "capacity" not in trial.planned.case.requested
        peak = peak_of(value)
        record = a_record(trial.planned.case, samples=(Samples(metric=PEAK, phase="first_call", values=(peak,)),))
        if peak > LIMIT and next(seen) % 2:
            return replace(record, outcome=Outcome.OUT_OF_MEMORY, reason="too large", reason_code=ReasonCode.MEMORY_LIMIT)
        return record

    return run


def unheard(_text: str) -> None:
    return None


@given(fits=st.integers(0, 300), most=st.integers(1, 256))
def test_doubling_and_bisecting_find_the_largest_value_that_fits(fits: int, most: int) -> None:
    tried: list[int] = []

    def judge(value: int) -> bool:
        tried.append(value)
        return value <= fits

    assert capacity.largest(judge, most) == min(fits, most)
    assert capacity.largest(lambda value: 3 <= value <= fits, max(most, 4), 4) == (min(fits, max(most, 4)) if fits >= 3 else 0)
    assert len(tried) <= 2 * most.bit_length() + 1
    assert max(tried) <= most


def test_a_search_ends_where_the_next_value_needs_more_than_there_is() -> None:
    said: list[str] = []
    record = capacity.search(a_search(), a_machine(lambda value: 40 * value), said.append)
    found = {some.metric.name: some for some in record.samples if some.part is None}
    assert record.outcome is Outcome.FINISHED
    assert found["capacity.batch_size"].values == (25.0,)
    assert found["capacity.host_memory"].values == (1000.0, 1000.0)  # tried twice
    assert {some.part for some in record.samples if some.metric.name == "capacity.host_memory"} >= {"batch_size=1", "batch_size=16"}
    assert record.observed["capacity_bounded_by"] == "memory"
    assert "batch_size" not in record.case.requested
    assert any("batch_size 26 does not fit" in line for line in said)


def test_a_search_is_bounded_by_its_own_maximum() -> None:
    record = capacity.search(a_search(most=12), a_machine(lambda value: value), unheard)
    assert record.samples[0].values == (12.0,)
    assert record.observed["capacity_bounded_by"] == "max"


def test_where_not_even_one_fits_the_capacity_is_none() -> None:
    record = capacity.search(a_search(), a_machine(lambda _value: LIMIT + 1), unheard)
    assert record.outcome is Outcome.FINISHED
    assert record.samples[0].values == (0.0,)


def test_a_value_that_fitted_once_and_once_did_not_does_not_fit() -> None:
    tries: dict[int, int] = {}

    def scattering(value: int) -> float:
        tries[value] = tries.get(value, 0) + 1
        return LIMIT + 1 if value > 10 or (value == 10 and tries[value] > 1) else 10 * value

    record = capacity.search(a_search(), a_machine(scattering), unheard)
    assert record.samples[0].values == (9.0,)
    assert any("fitted once and once did not" in note for note in record.notes)


def test_the_model_s_own_limit_is_an_answer_too() -> None:
    def run(trial: Trial) -> Record:
        value = trial.planned.case.requested["batch_size"]
        record = a_record(trial.planned.case)
        if isinstance(value, int) and value > 20:
            return replace(record, outcome=Outcome.UNSUPPORTED, reason="too long", reason_code=ReasonCode.INPUT_MISMATCH)
        return record

    record = capacity.search(a_search(), run, unheard)
    assert record.samples[0].values == (20.0,)
    assert record.observed["capacity_bounded_by"] == "model"


def test_a_search_begins_where_there_is_room_for_what_a_tokenizer_adds() -> None:
    def run(trial: Trial) -> Record:
        value = trial.planned.case.requested["batch_size"]
        assert isinstance(value, int)
        peak = a_machine(lambda items: 40 * items)(trial)
        return replace(peak, outcome=Outcome.UNSUPPORTED, reason_code=ReasonCode.INPUT_MISMATCH) if value < 3 else peak

    said: list[str] = []
    record = capacity.search(a_search(), run, said.append)
    assert record.samples[0].values == (25.0,)
    assert record.observed["capacity_bounded_by"] == "memory"
    assert [line.rpartition("batch_size ")[2] for line in said[:2]] == ["1 is refused", "2 is refused"]


def test_what_nothing_is_large_enough_for_is_refused_as_the_smallest_is() -> None:
    def run(trial: Trial) -> Record:
        record = a_record(trial.planned.case)
        return replace(record, outcome=Outcome.UNSUPPORTED, reason="too small", reason_code=ReasonCode.INPUT_MISMATCH)

    record = capacity.search(a_search(), run, unheard)
    assert (record.outcome, record.reason) == (Outcome.UNSUPPORTED, "too small")


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.ERROR, Outcome.KILLED])
def test_a_probe_that_ends_otherwise_ends_the_search_with_its_reason(outcome: Outcome) -> None:
    def run(trial: Trial) -> Record:
        record = a_record(trial.planned.case)
        ended = trial.planned.case.requested["batch_size"] == 4
        return replace(record, outcome=outcome, reason="it broke", reason_code=ReasonCode.EXCEPTION) if ended else record

    record = capacity.search(a_search(), run, unheard)
    assert (record.outcome, record.reason, record.samples) == (outcome, "batch_size 4: it broke", ())
    assert "capacity" in record.case.requested


def test_a_model_that_refuses_the_smallest_value_is_unsupported() -> None:
    def run(trial: Trial) -> Record:
        record = a_record(trial.planned.case)
        return replace(record, outcome=Outcome.UNSUPPORTED, reason="not here", reason_code=ReasonCode.NO_DEVICE)

    record = capacity.search(a_search(), run, unheard)
    assert (record.outcome, record.reason) == (Outcome.UNSUPPORTED, "not here")


def test_without_a_limit_most_of_the_available_memory_is_one() -> None:
    trial = a_search(most=2)
    free = replace(trial, planned=replace(trial.planned, suite=a_suite()))
    record = capacity.search(free, a_machine(lambda value: value), unheard)
    assert any("limits.host_memory is not set" in note for note in record.notes)
    assert isinstance(limit := record.observed["capacity_limit_bytes"], int)
    assert limit > LIMIT


class Shelf:
    """Keeps probes in memory, for whichever trial asks."""

    def __init__(self) -> None:
        self.held: list[Record] = []

    def of(self, _trial: Trial) -> list[Record]:
        return list(self.held)

    def keep(self, record: Record) -> None:
        self.held.append(record)


@given(fits=st.integers(0, 40), after=st.integers(0, 12))
def test_a_search_that_was_cut_off_goes_on_where_it_was(fits: int, after: int) -> None:
    shelf, tried = Shelf(), itertools.count()

    def run(trial: Trial, until: int) -> Record:
        if next(tried) == until:
            raise KeyboardInterrupt
        return a_machine(lambda value: LIMIT / max(fits, 1) * value if value <= fits else 2 * LIMIT)(trial)

    whole = capacity.search(a_search(), lambda trial: run(trial, -1), unheard)
    tried = itertools.count()
    try:
        capacity.search(a_search(), lambda trial: run(trial, after), unheard, shelf)
    except KeyboardInterrupt:
        kept = len(shelf.held)
        assert kept == after
        again = capacity.search(a_search(), lambda trial: run(trial, -1), unheard, shelf)
        assert again.samples[0].values == whole.samples[0].values
        listed = again.observed["capacity_probes"]
        assert isinstance(listed, list)
        assert len(listed) == len(shelf.held)


def test_probes_that_tell_nothing_of_memory_as_it_is_now_are_made_again() -> None:
    shelf = Shelf()
    said: list[str] = []
    for value, outcome, code in (
        (1, Outcome.FINISHED, None),
        (2, Outcome.OUT_OF_MEMORY, ReasonCode.SYSTEM_OUT_OF_MEMORY),
        (4, Outcome.TIMEOUT, ReasonCode.TIME_LIMIT),
    ):
        record = a_record(a_planned_case(batch_size=value), samples=())
        shelf.keep(replace(record, outcome=outcome, reason="why" if code else None, reason_code=code))
    record = capacity.search(a_search(most=4), a_machine(lambda value: value), said.append, shelf)
    assert record.samples[0].values == (4.0,)
    assert "the search goes on; 1 probes are done" in said[0]
    assert [line.split("batch_size ")[1] for line in said[1:]] == ["2 fits, peak 0 MiB", "4 fits, peak 0 MiB", "4 fits, peak 0 MiB"]


def test_without_a_limit_of_the_suite_probes_are_not_taken_over() -> None:
    trial = a_search(most=2)
    free = replace(trial, planned=replace(trial.planned, suite=a_suite()))
    shelf = Shelf()
    shelf.keep(a_record(a_planned_case(batch_size=1), samples=()))
    capacity.search(free, a_machine(lambda value: value), unheard, shelf)
    assert len(shelf.held) == 1 + 3  # 1, 2, and 2 once more
