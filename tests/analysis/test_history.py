import random
from dataclasses import replace
from typing import Any

import pytest

from bench.analysis.change_points import change_points
from bench.analysis.history import history
from bench.domain.record import Paired, Record, Side
from tests.support.builders import ENVIRONMENT, a_case, a_metric, a_record, an_amount, samples


def noisy(*middles: float, seed: int = 0, scatter: float = 0.006) -> list[float]:
    chance = random.Random(seed)  # noqa: S311 -- seeded, so that a test is the same every time
    return [middle * chance.lognormvariate(0, scatter) for middle in middles]


def runs(values: list[float], **changes: Any) -> list[Record]:
    return [
        a_record(
            run=f"run-{number:02}",
            started_at=f"2026-11-25T{number:02}:00:00+00:00",
            samples=(samples("forward", value),),
            **changes,
        )
        for number, value in enumerate(values)
    ]


def test_a_step_of_two_percent_is_found_where_it_is_with_its_size() -> None:
    [change] = change_points(noisy(*[1.0] * 20, *[1.02] * 4))
    assert abs(change.at - 20) <= 2
    assert change.low < 1.02 < change.high
    assert change.ratio == pytest.approx(1.02, abs=0.01)


def test_a_steady_series_seldom_changes() -> None:
    assert sum(bool(change_points(noisy(*[1.0] * 60, seed=seed))) for seed in range(40)) <= 4


def test_steps_up_and_down_again_are_two_changes() -> None:
    assert [round(one.ratio, 1) for one in change_points(noisy(*[1.0] * 10, *[1.5] * 10, *[1.0] * 10))] == [1.5, 0.7]


@pytest.mark.parametrize("values", [[], [1.0] * 5, [0.0] * 10, [1.0, -1.0] * 5, [1.0] * 30])
def test_series_that_are_short_or_without_logarithm_or_constant_have_no_change(values: list[float]) -> None:
    assert change_points(values) == ()


def test_exact_values_change_where_another_value_stays() -> None:
    [change] = change_points([8.0] * 10 + [9.0] * 5)
    assert change.at == 10
    assert [change.ratio, change.low] == pytest.approx([9 / 8, 9 / 8])
    assert change_points([8.0] * 10 + [9.0]) == ()
    assert change_points([8.0] * 5 + [9.0] + [8.0] * 5) == ()
    assert change_points([1.0] + [2.0] * 9) == ()


def test_a_series_is_one_case_metric_and_machine_in_the_order_of_time() -> None:
    other = {**ENVIRONMENT, "fingerprint": "beef"}
    records = [
        *runs([1.0, 2.0], environment=other),
        *(record for record in reversed(runs([3.0, 4.0, 5.0]))),
        *runs([6.0], case=a_case("a")),
    ]
    for index, record in enumerate(records[2:5]):
        assert record.run == f"run-{2 - index:02}"
    named = [(one.case.label, one.fingerprint) for one in history([*records[2:5], *records[5:]])]
    assert named == [("a", "f00d"), ("tiny-gpt2", "f00d")]
    [series] = history(records[2:5])
    assert [point.value for point in series.points] == [3.0, 4.0, 5.0]
    assert [one.fingerprint for one in history(records[:2])] == ["beef"]


def test_metrics_are_those_named_and_rates_only_where_named() -> None:
    records = [
        a_record(
            observed={"batch_size": 1},
            samples=(samples("forward", 1.0), samples("h2d", 1.0), samples(an_amount("params.bytes"), 8)),
        )
    ]
    assert [one.metric.name for one in history(records)] == ["forward", "params.bytes"]
    assert [one.metric.name for one in history(records, ["h2d", "sample_rate"])] == ["h2d", "sample_rate"]


def test_a_change_comes_with_what_else_changed_there() -> None:
    before, after = noisy(*[1.0] * 12), noisy(*[1.3] * 6)
    newer = {**ENVIRONMENT, "libraries": {"torch": "2.14.0", "transformers": "5.23.0", "numpy": "2.4.6"}}
    records = runs([*before, *after])
    records = [*records[:12], *(a_record(**{**_about(record), "environment": newer}) for record in records[12:])]
    [series] = history(records)
    [change] = series.changes
    assert change.found.at == 12
    assert [(one.what, one.base, one.head) for one in change.unlike] == [("libraries.torch", "2.13.0", "2.14.0")]


def _about(record: Record) -> dict[str, Any]:
    return {"run": record.run, "started_at": record.started_at, "samples": record.samples}


def ab_run(day: int, ratio: float, pairs: int = 8) -> list[Record]:
    found = []
    for number in range(pairs):
        for side, seconds in ((Side.BASE, 1.0), (Side.HEAD, ratio)):
            place = Paired(ab=f"ab-{day:02}", side=side, number=number, base_case=a_case().id)
            minute = samples("forward", (1 + number + day) * seconds)
            began = f"2026-11-25T{day:02}:00:00+00:00"
            found.append(a_record(trial=number, run=f"{day:02}-{side}", started_at=began, paired=place, samples=(minute,)))
    return found


def test_ab_runs_make_a_series_of_ratios_in_which_the_minute_cancels() -> None:
    records = [record for day in range(20) for record in ab_run(day, 1.0 if day < 14 else 1.1)]
    [series] = history(records, ["forward"])
    assert series.ratio
    assert [point.value for point in series.points] == pytest.approx([1.0] * 14 + [1.1] * 6)
    assert [(change.found.at, round(change.found.ratio, 3)) for change in series.changes] == [(14, 1.1)]


@pytest.mark.parametrize("pairs", [1, 2, 4])
def test_an_ab_run_that_was_cut_short_is_a_point_too(pairs: int) -> None:
    [series] = history([*ab_run(1, 1.0), *ab_run(2, 1.1, pairs)], ["forward"])
    assert [point.value for point in series.points] == pytest.approx([1.0, 1.1])


def test_ratios_and_own_values_are_never_one_series() -> None:
    found = history([*ab_run(1, 1.0), *runs([1.0, 2.0])], ["forward"])
    assert [(series.ratio, len(series.points)) for series in found] == [(False, 2), (True, 1)]


def test_a_metric_that_is_defined_anew_begins_another_series_of_ratios() -> None:
    again = a_metric("forward", definition="forward.v2")
    later = [replace(record, samples=(samples(again, record.samples[0].values, "measure.forward"),)) for record in ab_run(2, 1.0)]
    assert [len(series.points) for series in history([*ab_run(1, 1.0), *later], ["forward"])] == [1, 1]
