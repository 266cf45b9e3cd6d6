import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.analysis.statistics import center, interval, of_trial, percentiles
from bench.domain.metric import Reduce
from tests.support.builders import a_metric

TIMES = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=40)


@pytest.mark.parametrize(("reduce", "value"), [(Reduce.MEDIAN, 2.0), (Reduce.MAX, 9.0), (Reduce.LAST, 1.0)])
def test_a_trial_s_value_is_what_its_metric_says(reduce: Reduce, value: float) -> None:
    assert of_trial(a_metric(reduce=reduce), (2.0, 9.0, 1.0)) == value


def test_below_ten_trials_the_value_is_the_geometric_mean() -> None:
    assert center([1.0, 10.0, 100.0]) == pytest.approx(10.0)


def test_from_ten_trials_on_a_tenth_is_trimmed_on_each_side() -> None:
    ordinary = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]
    assert center([*ordinary, 0.0001, 5000.0]) == pytest.approx(statistics.geometric_mean(ordinary))


@pytest.mark.parametrize("count", [10, 19, 20, 29, 30, 49, 98])
def test_as_many_are_trimmed_as_ten_per_cent_hold_whole(count: int) -> None:
    values = [float(value) for value in range(1, count + 1)]
    cut = count // 10
    assert center(values) == pytest.approx(statistics.geometric_mean(values[cut : count - cut]))


def test_values_that_have_no_logarithm_are_averaged_as_they_are() -> None:
    assert center([0.0, 2.0, 4.0]) == pytest.approx(2.0)
    assert center([-1.0, 1.0, 3.0]) == pytest.approx(1.0)
    low, high = interval([-1.0, 0.0, 1.0, 2.0, -2.0]) or (math.nan, math.nan)
    assert low == pytest.approx(-high)


def test_there_is_no_interval_below_five_trials() -> None:
    assert interval([1.0, 1.1, 1.2, 1.3]) is None
    assert interval([1.0, 1.1, 1.2, 1.3, 1.4]) is not None


def test_equal_trials_have_an_interval_without_width() -> None:
    assert interval([0.1] * 5) == (0.1, 0.1)
    assert center([0.1] * 12) == 0.1


def test_the_interval_is_student_s_of_the_logs() -> None:
    values = [0.9, 1.0, 1.1, 1.25, 1.3]
    logs = np.log(values)
    expected = stats.t.interval(0.95, len(values) - 1, logs.mean(), stats.sem(logs))
    assert interval(values) == pytest.approx(tuple(np.exp(expected)))


def test_the_interval_of_trimmed_trials_uses_the_winsorised_variance() -> None:
    values = [*np.exp(np.random.default_rng(3).normal(0, 0.1, 18)), 40.0]  # nineteen: one is trimmed a side
    logs = np.sort(np.log(values))
    winsorised = np.clip(logs, logs[1], logs[-2])
    error = winsorised.std(ddof=1) * len(values) / (17 * math.sqrt(len(values)))
    half = stats.t.ppf(0.975, 16) * error
    assert interval(values) == pytest.approx((math.exp(logs[1:-1].mean() - half), math.exp(logs[1:-1].mean() + half)))


@given(TIMES)
def test_a_value_lies_between_the_extremes_and_within_its_interval(values: list[float]) -> None:
    value, bounds = center(values), interval(values)
    assert min(values) <= value <= max(values)
    assert bounds is None or bounds[0] * (1 - 1e-9) <= value <= bounds[1] * (1 + 1e-9)


@given(TIMES, st.randoms())
def test_the_order_of_trials_changes_nothing(values: list[float], chance: object) -> None:
    shuffled = list(values)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert center(shuffled) == pytest.approx(center(values))
    assert (interval(shuffled) or ()) == pytest.approx(interval(values) or ())


@given(TIMES, st.floats(1e-3, 1e3))
def test_another_unit_of_time_changes_values_and_bounds_by_its_factor(values: list[float], factor: float) -> None:
    scaled = [factor * value for value in values]
    assert center(scaled) == pytest.approx(factor * center(values), rel=1e-9)
    assert (interval(scaled) or ()) == pytest.approx(tuple(factor * bound for bound in interval(values) or ()), rel=1e-6)


def series(chance: np.random.Generator, trials: int, nurseries: int, of_exec: float) -> list[float]:
    """Medians of trials as method.md describes them: heavy tails between processes, an offset a nursery, AR(1) inside."""
    process = 0.04 * chance.standard_t(5, trials) + of_exec * chance.normal(size=nurseries)[np.arange(trials) % nurseries]
    noise = np.zeros((trials, 30))
    for at in range(1, 30):
        noise[:, at] = 0.75 * noise[:, at - 1] + 0.03 * chance.normal(size=trials)
    return [float(value) for value in np.exp(np.median(process[:, None] + noise, axis=1))]


@pytest.mark.parametrize(
    ("trials", "nurseries", "of_exec"),
    [
        *((trials, trials, 0.02) for trials in (5, 8, 10, 12, 20)),  # offsets half as wide as those of processes, one each
        *((trials, 3, 0.004) for trials in (5, 12)),  # offsets a tenth as wide, as measured, shared by a third of the trials
    ],
)
def test_the_interval_covers_the_truth_about_as_often_as_it_says(trials: int, nurseries: int, of_exec: float) -> None:
    chance, covered, runs = np.random.default_rng(20261125), 0, 600
    for _ in range(runs):
        low, high = interval(series(chance, trials, nurseries, of_exec)) or (math.nan, math.nan)
        covered += low <= 1.0 <= high
    assert 0.93 <= covered / runs <= 0.98  # nominally 0.95; 600 runs know it to within 0.018


def test_percentiles_appear_only_where_their_number_of_samples_supports_them() -> None:
    def shares(count: int) -> list[float]:
        return [found.share for found in percentiles([[1.0] * count])]

    assert [shares(count) for count in (28, 29, 58, 59, 298, 299)] == [
        [], [0.9], [0.9], [0.9, 0.95], [0.9, 0.95], [0.9, 0.95, 0.99],
    ]  # fmt: skip


def test_a_percentile_is_a_value_that_occurred_in_the_pooled_samples() -> None:
    [p90] = percentiles([[float(value) for value in range(1, 21)], [float(value) for value in range(21, 31)]])
    assert p90.value == 27.0 == np.quantile(np.arange(1, 31), 0.9, method="inverted_cdf")


def test_the_interval_of_a_percentile_is_a_bootstrap_over_trials() -> None:
    trials = [[float(trial)] * 20 for trial in range(5)]
    [p90, _p95] = percentiles(trials)
    assert p90.value == 4.0
    assert p90.high == 4.0  # a trial that no resample can lie above
    assert p90.low is not None
    assert p90.low < 4.0  # and resamples without it do lie below


def test_the_interval_of_a_percentile_is_the_same_each_time() -> None:
    chance = np.random.default_rng(1)
    trials = [list(chance.exponential(size=60)) for _ in range(6)]
    assert percentiles(trials) == percentiles(trials)
    assert all(
        found.low is not None and found.high is not None and found.low <= found.value <= found.high for found in percentiles(trials)
    )


def test_a_percentile_of_few_trials_has_no_interval() -> None:
    [p90] = percentiles([[1.0, 2.0] * 5] * 4)
    assert (p90.low, p90.high) == (None, None)
