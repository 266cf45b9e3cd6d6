"""The order of trials: every case once a block, spread over nurseries and cores."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.domain.plan import Case, PlannedCase
from bench.domain.procedure import Procedure
from bench.domain.values import Json
from bench.planning import arrange
from tests.support.cases import a_planned_case, a_suite, a_trial
from tests.support.suites import facts


def some(count: int, **changes: object) -> list[PlannedCase]:
    """Give COUNT cases of one suite with CHANGES to its procedure."""
    procedure = replace(Procedure(), **changes)  # type: ignore[arg-type]
    suite = a_suite(procedure=procedure)
    return [
        PlannedCase(case=Case(id=str(number), label=str(number), requested={}), model=facts(), suite=suite)
        for number in range(count)
    ]


@pytest.mark.parametrize(("trials", "count"), [(1, 1), (2, 2), (5, 2), (6, 3), (50, 3)])
def test_trials_are_spread_over_nurseries_by_their_number(trials: int, count: int) -> None:
    assert arrange.nurseries(Procedure(trials=1, max_trials=trials)) == count


@given(st.integers(0, 30), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_a_block_has_each_case_once(cases: int, trials: int, seed: int) -> None:
    planned = some(cases, trials=trials, max_trials=trials, seed=seed)
    for number in range(trials):
        block = arrange.block(planned, number)
        assert Counter(trial.planned.case.id for trial in block) == Counter(one.case.id for one in planned)
        assert {trial.number for trial in block} <= {number}
        assert {trial.nursery for trial in block} <= {number % arrange.nurseries(Procedure(max_trials=trials))}
    assert arrange.block(planned, trials) == ()


def test_a_block_is_shuffled_alike_each_time_and_otherwise_with_another_seed_or_number() -> None:
    one, other = some(20), some(20, seed=1)
    order = [trial.planned.case.id for trial in arrange.block(one, 0)]
    assert order == [trial.planned.case.id for trial in arrange.block(one, 0)]
    assert order != sorted(order, key=int)
    assert order != [trial.planned.case.id for trial in arrange.block(one, 1)]
    assert order != [trial.planned.case.id for trial in arrange.block(other, 0)]


def test_a_suite_may_want_its_cases_as_written() -> None:
    assert [trial.planned.case.id for trial in arrange.block(some(9, order="as-written"), 0)] == [
        str(number) for number in range(9)
    ]


def test_a_case_with_fewer_trials_is_left_out_of_later_blocks() -> None:
    few, many = some(1, trials=1, max_trials=1), some(1, trials=3, max_trials=3)
    assert len(arrange.block([*few, *many], 0)) == 2
    assert len(arrange.block([*few, *many], 2)) == 1


def test_every_case_has_its_least_number_of_trials_in_any_event() -> None:
    trials = list(arrange.least(some(3, trials=2, max_trials=9)))
    assert Counter(trial.planned.case.id for trial in trials) == {"0": 2, "1": 2, "2": 2}


@pytest.mark.parametrize(
    ("threads", "number", "expected"),
    [
        ("auto", 0, ()),
        (4, 0, ()),
        (5, 0, ()),
        (1, 0, (0,)),
        (1, 5, (2,)),
        (2, 0, (0, 1)),
        (2, 1, (2, 3)),
        (2, 2, (0, 1)),
        (3, 1, (0, 1, 2)),
    ],
)
def test_trials_with_fewer_threads_than_cores_move_over_sets_of_them(threads: Json, number: int, expected: tuple[int, ...]) -> None:
    available = (0, 1, 2, 3) if threads != 1 else (0, 1, 2)
    assert arrange.cores(a_trial(number, case=a_planned_case(threads=threads)), available) == expected
