import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.analysis.welch import Difference, at_least, difference, locate, satterthwaite
from bench.domain.comparison import Spread

TIMES = st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=30)


def logs(count: int, seed: int, middle: float = 0.0) -> list[float]:
    chance = random.Random(seed)  # noqa: S311 -- seeded, so that a test is the same every time
    return [math.exp(chance.gauss(middle, 0.1)) for _ in range(count)]


@pytest.mark.parametrize(("few", "many"), [(5, 8), (9, 9), (10, 12), (25, 40)])
def test_without_a_spread_between_runs_the_p_is_yuen_s_as_scipy_has_it(few: int, many: int) -> None:
    base, head = logs(few, 1), logs(many, 2, 0.08)
    trim = 0.1 if few >= 10 else 0.0
    expected = stats.ttest_ind(np.log(head), np.log(base), equal_var=False, trim=trim, alternative="greater").pvalue
    assert difference(base, head, None).chance(0.0) == pytest.approx(expected)


def test_the_trimmed_mean_drops_a_tenth_a_side_from_ten_values_on() -> None:
    assert locate([1.0, 2.0, 9.0]).mean == 4.0
    assert locate([*range(1, 10), 1000]).mean == pytest.approx(sum(range(2, 10)) / 8)
    assert locate([*range(1, 10), 1000]).degrees == 7


def test_the_spread_between_runs_widens_every_interval() -> None:
    base, head = logs(5, 1), logs(5, 2)
    alone, assumed = difference(base, head, None), difference(base, head, Spread(sigma=0.05, degrees=0))
    assert assumed.error == pytest.approx(math.hypot(alone.error, 0.05 * math.sqrt(2)))
    assert assumed.chance(0.0) > alone.chance(0.0) or alone.size < 0
    known = difference(base, head, Spread(sigma=0.05, degrees=7))
    assert known.error == assumed.error
    assert known.degrees < assumed.degrees


def test_trials_that_scatter_raise_what_separates_runs() -> None:
    known = Spread(sigma=0.05, degrees=7)
    assert at_least(known, [1.0, 1.01], [1.0, 1.02]) == known
    wild = [1.0, math.e**2]
    raised = at_least(known, wild, wild)
    assert raised.sigma == pytest.approx(0.5 * math.sqrt(2))
    assert raised.degrees == 2
    assert at_least(known, [-1.0, 1.0], wild) == known


def test_degrees_of_freedom_are_satterthwaite_s_and_endless_where_nothing_was_estimated() -> None:
    assert satterthwaite([(1.0, 4), (1.0, 4)]) == pytest.approx(8)
    assert satterthwaite([(1.0, math.inf)]) == math.inf
    assert satterthwaite([(0.0, 4)]) == math.inf


def test_values_without_logarithm_are_compared_on_the_larger_of_both_positions() -> None:
    found = difference([-1.0, 1.0, 3.0], [2.0, 2.0, 2.0], None)
    assert not found.logged
    assert found.size == pytest.approx(0.5)
    assert found.scaled(0.1) == 0.1
    assert difference([0.0, 0.0], [0.0, 0.0], Spread(sigma=0.05, degrees=0)).error == 0


def test_a_difference_without_any_error_is_above_the_margin_or_not() -> None:
    exact = Difference(size=0.1, error=0.0, degrees=math.inf)
    assert (exact.chance(0.05), exact.chance(0.2), exact.mirrored.chance(0.05)) == (0.0, 1.0, 1.0)
    assert exact.bounds() == (0.1, 0.1)
    assert exact.detectable(0.005, 0.005) == 0.005


@pytest.mark.parametrize("degrees", [5.0, 8.0, 20.0, 1e9])
@pytest.mark.parametrize("level", [0.005, 0.0005])
def test_the_smallest_detectable_effect_is_found_95_times_in_100(degrees: float, level: float) -> None:
    one = Difference(size=0.0, error=0.03, degrees=degrees)
    effect = one.detectable(0.005, level)
    beyond = (math.log1p(effect) - math.log1p(0.005)) / 0.03
    power = stats.nct.sf(stats.t.isf(level, degrees), degrees, beyond)
    assert power == pytest.approx(0.95, abs=0.012)


def test_an_effect_that_nothing_would_find_is_not_infinite() -> None:
    assert math.isfinite(Difference(size=0.0, error=1e6, degrees=2.0).detectable(0.005, 0.005))
    assert Difference(size=0.0, error=0.1, degrees=8.0, logged=False).detectable(0.1, 0.005) > 0.4


@given(TIMES, TIMES, st.floats(1e-3, 1e3))
def test_the_unit_of_the_values_does_not_matter(base: list[float], head: list[float], factor: float) -> None:
    plain = difference(base, head, None)
    scaled = difference([value * factor for value in base], [value * factor for value in head], None)
    assert scaled.size == pytest.approx(plain.size, abs=1e-9)
    assert scaled.error == pytest.approx(plain.error, abs=1e-9)


@given(TIMES, TIMES)
def test_changing_the_sides_mirrors_the_difference(base: list[float], head: list[float]) -> None:
    spread = Spread(sigma=0.03, degrees=9)
    forth, back = difference(base, head, spread), difference(head, base, spread)
    assert back.size == pytest.approx(-forth.size)
    assert back.chance(0.005) == pytest.approx(forth.mirrored.chance(0.005))
