"""The stopping rules on synthetic series."""

import random
from collections.abc import Callable, Iterator
from itertools import chain, count, cycle, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.domain.procedure import Procedure, Warmup
from bench.worker.stopping import enough, warm

AUTO = Warmup()
LIMIT_S = 300.0


def run(rule: Callable[[list[float]], str | None], series: Iterator[float]) -> tuple[str, int, float]:
    """Feed SERIES to RULE until it stops: why, after how many calls, and how long they took."""
    times: list[float] = []
    while (why := rule(times)) is None:
        times.append(next(series))
        assert len(times) < 1_000_000, "it never stops"
    return why, len(times), sum(times)


def warmed(series: Iterator[float], rule: Warmup = AUTO, time_limit_s: float = LIMIT_S) -> tuple[str, int, float]:
    return run(lambda times: warm(times, rule, time_limit_s), series)


def measured(series: Iterator[float], **changes: float) -> tuple[str, int, float]:
    procedure = Procedure(**changes)  # type: ignore[arg-type]
    return run(lambda times: enough(times, procedure), series)


def test_a_steady_series_is_warm_after_two_windows() -> None:
    assert warmed(repeat(0.01))[:2] == ("steady", 10)


def test_the_series_of_a_real_model_is_warm_once_its_first_calls_are_behind() -> None:
    series = (0.01 * factor for factor in chain([1.64, 1.07, 1.03, 1.02, 1.015, 1.01], repeat(1.0)))
    why, calls, _ = warmed(series)
    assert why == "steady"
    assert 10 <= calls <= 12


def test_a_series_that_gets_faster_is_not_warm_until_it_stops_doing_so() -> None:
    why, calls, _ = warmed(0.01 * max(0.95**number, 0.1) for number in count())
    assert why == "steady"
    assert calls > 45, "0.95**45 is a tenth"


def test_a_series_that_gets_slower_is_warm() -> None:
    assert warmed(0.01 * 1.05**number for number in count())[:2] == ("steady", 10)


def test_an_alternating_series_is_warm() -> None:
    assert warmed(cycle([0.01, 0.02]))[0] == "steady"


def test_spikes_do_not_keep_a_series_from_being_warm() -> None:
    source = random.Random(0)  # noqa: S311 -- spikes, not secrets
    spiky = (0.01 * (20 if source.random() < 0.1 else 1) for _ in count())
    why, calls, _ = warmed(spiky)
    assert why == "steady"
    assert calls <= 20


def test_a_slow_series_is_cut_off_after_five_seconds_and_two_calls_at_least() -> None:
    assert warmed(repeat(1.0)) == ("cap", 5, 5.0)
    assert warmed(repeat(60.0)) == ("cap", 2, 120.0)


def test_a_short_time_limit_shortens_the_warm_up() -> None:
    assert warmed(repeat(0.5), time_limit_s=10.0) == ("cap", 2, 1.0)


def test_a_series_that_gets_faster_for_ever_is_cut_off_too() -> None:
    why, calls, _ = warmed(0.001 * 0.99**number for number in count())
    assert why == "cap"
    assert calls == 10_000


@pytest.mark.parametrize(("rule", "expected"), [(Warmup(iterations=3), ("count", 3)), (Warmup(iterations=0), ("count", 0))])
def test_a_number_of_iterations_is_kept_to(rule: Warmup, expected: tuple[str, int]) -> None:
    assert warmed(repeat(0.01), rule)[:2] == expected


def test_seconds_of_warm_up_are_kept_to() -> None:
    assert warmed(repeat(0.5), Warmup(seconds=2.0)) == ("seconds", 4, 2.0)
    assert warmed(repeat(0.5), Warmup(seconds=0.0)) == ("seconds", 0, 0)


def test_fast_calls_are_measured_for_the_least_time_and_slow_ones_for_the_least_count() -> None:
    why, calls, spent_s = measured(repeat(0.001))
    assert why == "count"
    assert spent_s == pytest.approx(0.5, abs=0.002)
    assert calls == pytest.approx(500, abs=2)
    assert measured(repeat(1.0))[:2] == ("count", 10)


def test_very_fast_calls_are_capped() -> None:
    assert measured(repeat(1e-6))[:2] == ("cap", 1000)


def test_very_slow_calls_use_their_share_of_the_time_limit_and_no_fewer_than_three() -> None:
    assert measured(repeat(20.0))[:2] == ("budget", 3)
    assert measured(repeat(9.0))[:2] == ("budget", 5)
    assert measured(repeat(200.0), min_iterations=2)[:2] == ("count", 2)


@given(
    times=st.lists(st.floats(1e-6, 100), min_size=1, max_size=40),
    iterations=st.none() | st.integers(0, 50),
    seconds=st.none() | st.floats(0, 3),
    limit_s=st.floats(0.01, 1e6),
)
def test_warming_up_always_stops(times: list[float], iterations: int | None, seconds: float | None, limit_s: float) -> None:
    floor = chain(times, repeat(max(min(times), 1e-3)))
    why, calls, _ = warmed(floor, Warmup(iterations=iterations, seconds=seconds), limit_s)
    assert why in {"count", "seconds", "steady", "cap"}
    assert calls <= 10_000


@given(
    times=st.lists(st.floats(1e-7, 100), min_size=1, max_size=40),
    least=st.integers(1, 50),
    more=st.integers(0, 1000),
    min_seconds=st.floats(0, 10),
    limit_s=st.floats(0.01, 1e6),
)
def test_measuring_always_stops(times: list[float], least: int, more: int, min_seconds: float, limit_s: float) -> None:
    why, calls, spent_s = measured(
        cycle(times), min_iterations=least, max_iterations=least + more, min_seconds=min_seconds, time_limit_s=limit_s
    )
    assert calls <= least + more
    if why == "count":
        assert calls >= least
        assert spent_s >= min_seconds
