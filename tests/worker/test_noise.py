import time
from dataclasses import replace

import pytest

from bench.worker.host import noise
from bench.worker.host.noise import Reading

QUIET = Reading(
    at_s=10.0,
    own_cpu_s=5.0,
    busy_s=100.0,
    steal_s=1.0,
    run_delay_s=0.5,
    pressure_s=2.0,
    voluntary_switches=10,
    involuntary_switches=20,
    major_faults=3,
    collections=4,
    throttles=5,
)


def after(**changes: float | None) -> Reading:
    """Give the reading ten seconds later, in which this process alone used one core."""
    return replace(QUIET, at_s=20.0, own_cpu_s=15.0, busy_s=110.0, **changes)  # type: ignore[arg-type]


def test_a_quiet_trial_has_no_marks() -> None:
    facts = noise.between(QUIET, after())
    assert facts["marks"] == []
    assert (facts["wall_s"], facts["own_cpu_s"], facts["foreign_cpu_share"], facts["run_delay_share"]) == (10.0, 10.0, 0.0, 0.0)
    assert (facts["voluntary_switches"], facts["throttles"], facts["major_faults"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({"busy_s": 111.0}, "other processes used 10% of a core"),
        ({"run_delay_s": 0.8}, "runnable but not running for 3.0% of the time"),
        ({"major_faults": 5}, "2 major page faults"),
        ({"throttles": 6}, "1 thermal throttle events"),
    ],
)
def test_what_is_beyond_its_limit_is_marked(changes: dict[str, float], mark: str) -> None:
    assert noise.between(QUIET, replace(after(), **changes), cores=2)["marks"] == [mark]  # type: ignore[arg-type]


def test_threads_that_wait_for_each_other_on_a_core_of_their_own_are_no_mark() -> None:
    facts = noise.between(QUIET, after(run_delay_s=4.5), cores=1)
    assert (facts["run_delay_share"], facts["marks"]) == (0.4, [])


def test_what_is_within_its_limit_is_not_marked() -> None:
    within = replace(after(), busy_s=110.4, run_delay_s=0.69)
    assert noise.between(QUIET, within)["marks"] == []


def test_what_the_kernel_does_not_say_is_unknown_and_not_zero() -> None:
    silent = replace(QUIET, busy_s=None, steal_s=None, run_delay_s=None, pressure_s=None, throttles=None)
    facts = noise.between(silent, after())
    assert facts["marks"] == []
    assert {facts[name] for name in ("foreign_cpu_share", "steal_share", "run_delay_share", "cpu_pressure_share", "throttles")} == {
        None
    }


def test_the_counters_of_this_machine_go_forward_while_it_works() -> None:
    before = noise.read()
    end = time.perf_counter() + 0.1
    while time.perf_counter() < end:
        pass
    facts = noise.between(before, noise.read())
    assert isinstance(facts["wall_s"], float)
    assert isinstance(facts["own_cpu_s"], float)
    assert facts["wall_s"] >= 0.1
    assert 0.03 <= facts["own_cpu_s"] <= 0.2
