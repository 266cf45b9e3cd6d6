"""What follows from several rows, or from all requests of a trial: scaling efficiency and goodput."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis import goodput
from bench.analysis.estimate import SHARES
from bench.analysis.statistics import interval
from bench.analysis.summarize import summarize
from bench.domain.record import Record
from bench.domain.values import Json
from tests.support.builders import a_case, a_case_with, a_record, samples


def timed(seconds: float, **axes: Json) -> Record:
    return a_record(a_case_with(axes), samples=(samples("e2e", seconds, "measure.generate"),))


def test_efficiency_is_one_where_n_ranks_take_an_nth_of_the_time() -> None:
    rows = summarize([timed(1.0, ranks=1, parallel="tensor"), timed(0.5, ranks=2, parallel="tensor")]).rows
    assert "scaling_efficiency" not in rows[0].metrics
    assert rows[1].metrics["scaling_efficiency"].value == pytest.approx(1.0)


def test_the_row_of_one_rank_serves_every_way_to_share() -> None:
    records = [timed(0.8, ranks=2, parallel="pipeline"), timed(1.2, ranks=1, parallel="tensor")]
    assert summarize(records).rows[0].metrics["scaling_efficiency"].value == pytest.approx(0.75)


def test_there_is_no_efficiency_without_a_row_of_one_rank_that_differs_in_nothing_else() -> None:
    records = [timed(0.8, ranks=2, parallel="tensor"), timed(1.2, ranks=1, parallel="tensor", batch_size=8)]
    assert all("scaling_efficiency" not in row.metrics for row in summarize(records).rows)


def served(slo: dict[str, float]) -> Record:
    case = a_case()
    case = replace(case, requested={**case.requested, "requests": {"count": 4, "slo": slo}})
    return a_record(
        case,
        samples=(
            samples("request.ttft", [0.1, 0.2, 0.3, 0.4], "measure.requests"),
            samples("request.tpot", [0.03, 0.01, 0.01, 0.01], "measure.requests"),
        ),
    )


@pytest.mark.parametrize(("slo", "share"), [({"ttft": 0.3}, 0.75), ({"ttft": 0.3, "itl": 0.02}, 0.5), ({"itl": 1.0}, 1.0)])
def test_goodput_is_the_share_of_requests_within_all_targets(slo: dict[str, float], share: float) -> None:
    assert summarize([served(slo)]).rows[0].metrics["goodput"].value == share


def test_the_interval_of_a_share_ends_where_shares_end() -> None:
    first = served({"ttft": 0.4})
    late = replace(first, trial=4, samples=(samples("request.ttft", [0.1, 0.2, 0.5, 0.6], "measure.requests"),))
    found = summarize([*(replace(first, trial=number) for number in range(4)), late]).rows[0].metrics["goodput"]
    assert found.each == (1.0, 1.0, 1.0, 1.0, 0.5)
    low, high = interval(found.each) or (0.0, 0.0)
    assert high > 1.0
    assert (found.low, found.high) == (low, 1.0)


def test_shares_are_metrics_without_a_unit_in_the_reference() -> None:
    lines = Path("docs/metrics.md").read_text(encoding="utf-8").splitlines()
    assert {line.split("`")[1] for line in lines if line.startswith("| `") and "| 1 |" in line} >= SHARES


def test_there_is_no_goodput_without_targets_or_times() -> None:
    assert goodput.readings(served({})) == ()
    assert goodput.readings(replace(served({"ttft": 1.0}), samples=())) == ()
