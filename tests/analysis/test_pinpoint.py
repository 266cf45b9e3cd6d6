from typing import Any

import pytest

from bench.analysis.pinpoint import Answer, answer, effects
from bench.domain.comparison import Comparison, Contrast, Verdict
from tests.support.builders import a_case, a_metric, an_amount


def a_row(ratio: float | None = 1.5, low: float | None = 1.4, high: float | None = 1.6, **more: Any) -> Contrast:
    given = {"case": a_case(), "metric": a_metric(), "verdict": Verdict.SLOWER, **more}
    return Contrast(base=1.0, head=ratio, ratio=ratio, low=low, high=high, **given)


def of(*rows: Contrast) -> Comparison:
    return Comparison(base=("a",), head=("b",), rows=rows)


def test_the_largest_proved_change_of_what_is_gated_comes_first() -> None:
    rows = (
        a_row(),
        a_row(2.0, 1.9, 2.1, metric=a_metric("e2e")),
        a_row(9.0, 8.0, 10.0, metric=a_metric("first_call")),
        a_row(9.0, 8.0, 10.0, metric=a_metric("tpot"), verdict=Verdict.INCONCLUSIVE),
        a_row(0.5, 0.4, 0.6, metric=a_metric("ttft_model"), verdict=Verdict.FASTER),
    )
    assert [one.row.metric.name for one in effects(of(*rows))] == ["e2e", "forward"]
    assert [one.row.metric.name for one in effects(of(*rows), ["first_call"])] == ["first_call"]
    assert effects(of(rows[-1])) == ()


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.3, 1.7, Answer.BAD),
        (1.23, 1.3, Answer.BAD),
        (0.98, 1.02, Answer.GOOD),
        (0.5, 0.9, Answer.GOOD),
        (1.0, 1.21, Answer.GOOD),
        (1.1, 1.4, Answer.SKIP),
        (0.7, 2.0, Answer.SKIP),
        (None, None, Answer.SKIP),
    ],
)
def test_half_of_the_change_decides_and_an_interval_around_it_tells_nothing(low: float, high: float, said: Answer) -> None:
    (effect,) = effects(of(a_row()))
    assert answer(of(a_row(1.2, low, high, verdict=Verdict.INCONCLUSIVE)), effect) is said


def test_a_case_that_is_not_measured_tells_nothing() -> None:
    (effect,) = effects(of(a_row()))
    assert answer(of(), effect) is Answer.SKIP
    assert answer(of(a_row(case=a_case(batch_size=2))), effect) is Answer.SKIP


def test_an_exact_metric_is_bad_where_it_is_worse_and_good_where_it_is_not() -> None:
    exact = a_row(1.01, None, None, metric=an_amount("params.bytes"), verdict=Verdict.LARGER)
    (effect,) = effects(of(exact))
    said = {
        verdict: answer(of(a_row(1.0, None, None, metric=an_amount("params.bytes"), verdict=verdict)), effect)
        for verdict in (Verdict.LARGER, Verdict.EQUAL, Verdict.SMALLER, Verdict.MISSING)
    }
    assert list(said.values()) == [Answer.BAD, Answer.GOOD, Answer.GOOD, Answer.SKIP]
