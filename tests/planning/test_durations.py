"""How long a plan may take: a guess, but one that grows with what there is to do and that no trial carries past its limit."""

from dataclasses import replace

import pytest

from bench.domain.axes import AXES
from bench.domain.model import ModelFacts
from bench.domain.plan import Case, PlannedCase
from bench.domain.procedure import Procedure, Warmup
from bench.domain.scenario import Scenario
from bench.domain.values import Json
from bench.planning.duration import expected_s, trial_s
from tests.support.cases import a_suite
from tests.support.suites import IMAGE, facts


def planned(model: ModelFacts | None = None, procedure: Procedure | None = None, **axes: Json) -> PlannedCase:
    chosen = model or facts(parameters=100_000_000, weight_bytes=400_000_000)
    applying = {axis.name: axis.default for axis in AXES if axis.applies(chosen.traits, Scenario.INFERENCE)}
    suite = a_suite(procedure=procedure or Procedure())
    return PlannedCase(case=Case(id="x", label="x", requested={**applying, **axes}), model=chosen, suite=suite)


def seconds(one: PlannedCase) -> float:
    found = trial_s(one)
    assert found is not None
    return found


def test_a_trial_takes_longer_with_more_to_do() -> None:
    least = seconds(planned())
    assert 0 < least < 60
    assert seconds(planned(new_tokens=64)) > least
    assert seconds(planned(prompt_tokens=1024, batch_size=8)) > least
    assert seconds(planned(facts(parameters=10**9, weight_bytes=4 * 10**9))) > least
    assert seconds(planned(procedure=Procedure(min_seconds=5))) > least
    assert seconds(planned(procedure=Procedure(warmup=Warmup(seconds=4.0)))) > seconds(
        planned(procedure=Procedure(warmup=Warmup(iterations=1)))
    )


def test_no_trial_takes_longer_than_its_limit() -> None:
    assert seconds(planned(facts(parameters=10**12), procedure=Procedure(time_limit_s=30))) == 30


def test_images_count_as_tokens() -> None:
    small = facts("seer", IMAGE, parameters=10**9, weight_bytes=1)
    assert seconds(planned(small, batch_size=4)) > seconds(planned(small, batch_size=1))


def test_bytes_that_are_not_known_are_guessed_from_parameters() -> None:
    known, unknown = (planned(facts(parameters=10**8, weight_bytes=size)) for size in (4 * 10**8, None))
    assert trial_s(known) == trial_s(unknown)


def test_where_a_size_is_not_known_no_guess_is_made() -> None:
    assert trial_s(planned(facts(parameters=None))) is None
    assert expected_s([planned(), planned(facts(parameters=None))]) is None


def test_a_plan_takes_all_trials_of_all_cases_and_its_nurseries() -> None:
    one = planned()
    assert expected_s([one]) == pytest.approx(10 + 5 * seconds(one))
    assert expected_s([one] * 10) == pytest.approx(10 + 50 * seconds(one))


def test_a_long_plan_is_guessed_from_a_part_of_it() -> None:
    one = planned()
    assert expected_s([one] * 5000) == pytest.approx(10 + 25_000 * seconds(one))


def test_nothing_to_do_takes_no_time() -> None:
    assert expected_s([]) == 0.0


def test_what_is_not_a_number_counts_as_one() -> None:
    one = planned()
    assert trial_s(replace(one, case=replace(one.case, requested={**one.case.requested, "prompt_tokens": "auto"}))) is not None
