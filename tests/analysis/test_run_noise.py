import datetime as dt
import math
import statistics
from dataclasses import replace
from typing import Any

import pytest

from bench.analysis.run_noise import run_noise
from bench.domain.errors import UsageError
from bench.domain.metric import Samples
from bench.domain.record import Record
from tests.support.builders import ENVIRONMENT, a_case, a_metric, a_record, an_amount, samples

START = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
TIMES = (1.0, 1.03, 0.98, 1.01, 1.05, 0.97, 1.0, 1.02)


def runs(*times: float, minutes: float = 10, **changes: Any) -> list[Record]:
    return [
        a_record(
            a_case(batch_size=size),
            run=f"run-{number}",
            started_at=(START + dt.timedelta(minutes=minutes * number)).isoformat(),
            samples=(
                samples("forward", size * value),
                samples("load.unattributed", -value),
                samples(an_amount("params.bytes"), 8),
                samples(a_metric("parity.kl"), 0.1),
            ),
            **changes,
        )
        for number, value in enumerate(times)
        for size in (1, 2)
    ]


def test_the_spread_is_that_of_the_logs_of_runs_with_k_minus_1_degrees_of_freedom() -> None:
    noise, left_out = run_noise(runs(*TIMES))
    assert noise.spreads.keys() == {"forward"}
    assert noise.spreads["forward"].sigma == pytest.approx(statistics.stdev(map(math.log, TIMES)))
    assert noise.spreads["forward"].degrees == 7
    assert (noise.fingerprint, len(noise.runs), left_out) == ("f00d", 8, ())
    assert noise.first_at < noise.last_at


def test_rates_have_no_spread_of_their_own() -> None:
    assert "sample_rate" not in run_noise(runs(*TIMES, observed={"batch_size": 1}))[0].spreads


def test_runs_that_are_too_close_are_left_out_and_named() -> None:
    records = [*runs(*TIMES), *(record for record in runs(*TIMES, 1.0, 1.0, minutes=10.5) if record.run == "run-9")]
    crowded = [*records, *(a_record(run="close", started_at=(START + dt.timedelta(minutes=1)).isoformat()) for _ in range(1))]
    noise, left_out = run_noise(crowded)
    assert "close" not in noise.runs
    assert left_out == ("close is left out: it began 60 s after run-0.",)


def test_too_few_runs_are_refused_with_what_is_missing() -> None:
    with pytest.raises(
        UsageError, match=r"^7 runs at least 10 minutes apart: the spread between runs needs 8\. Run the same suite"
    ):
        run_noise(runs(*TIMES[:7]))
    with pytest.raises(UsageError, match="run-1 is left out: it began 60 s after run-0"):
        run_noise(runs(*TIMES, minutes=1))


def test_runs_of_other_code_are_refused_by_name() -> None:
    records = runs(*TIMES)
    changed = {**ENVIRONMENT, "libraries": {"torch": "2.14.0"}}
    records[-1] = a_record(run="run-7", started_at=records[-1].started_at, environment=changed)
    with pytest.raises(UsageError, match=r"run-7 is not of the same code and machine as run-0: libraries\.torch"):
        run_noise(records)


def test_a_case_that_is_not_in_every_run_does_not_count() -> None:
    records = [record for record in runs(*TIMES) if record.case.requested["batch_size"] == 1 or record.run == "run-0"]
    assert run_noise(records)[0].spreads["forward"].sigma == pytest.approx(statistics.stdev(map(math.log, TIMES)))


def test_values_by_two_definitions_are_not_pooled() -> None:
    found = runs(*TIMES, *TIMES[:4])
    later = [replace(record, samples=tuple(_redefined(one) for one in record.samples)) for record in found[-8:]]
    noise, _ = run_noise([*found[:-8], *later])
    assert noise.spreads["forward"].sigma == pytest.approx(statistics.stdev(map(math.log, TIMES)))
    assert "forward" not in run_noise([*found[:8], *later])[0].spreads, "four runs by each definition"


def test_a_spread_is_that_of_its_definition_and_of_the_first_where_it_does_not_say() -> None:
    found = runs(*TIMES)
    metric = found[0].samples[0].metric
    (noise, _), (redefined, _) = (run_noise(records) for records in (found, [
        replace(record, samples=tuple(_redefined(one) for one in record.samples)) for record in found
    ]))  # fmt: skip
    other = replace(metric, definition="forward.v2")
    assert noise.spread(metric) == noise.spreads["forward"] != noise.spread(other)
    assert redefined.spread(metric) is None
    assert redefined.spread(other) == redefined.spreads["forward"]
    unsaid = replace(noise, spreads={"forward": replace(noise.spreads["forward"], definition=None)})
    assert unsaid.spread(metric) is not None
    assert unsaid.spread(other) is None


def _redefined(one: Samples) -> Samples:
    return replace(
        one, metric=replace(one.metric, definition=f"{one.metric.name}.v2"), values=tuple(3 * value for value in one.values)
    )
