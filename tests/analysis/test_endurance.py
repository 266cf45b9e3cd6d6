"""Growth, drift and savings from records, on series whose truth is known."""

import random

import pytest

from bench.analysis import endurance
from bench.analysis.summarize import summarize
from bench.domain.metric import Samples, Unit
from tests.support.builders import a_case, a_metric, a_record, an_amount, samples

MIB = 1 << 20
POINTS = 100


def a_run(memory: list[float], times: list[float] | None = None) -> tuple[Samples, ...]:
    steps = samples(a_metric("endurance.steps", Unit.ONE), [10 * (at + 1) for at in range(len(memory))], "measure.endurance")
    resting = samples(a_metric("memory.resting", Unit.BYTE), memory, "measure.endurance")
    timed = samples("forward", times or [0.01] * len(memory), "measure.endurance")
    return steps, resting, timed


def scattered(seed: int, growth: float = 0.0, width: float = 200_000) -> list[float]:
    source = random.Random(seed)  # noqa: S311 -- a series, not a secret
    return [300 * MIB + growth * 10 * at + source.uniform(-width, width) for at in range(POINTS)]


def test_a_leak_of_one_mebibyte_a_step_is_found_and_measured() -> None:
    run = a_run(scattered(0, growth=MIB))
    growth, drift = endurance.readings(run)
    assert endurance.grows(run)
    assert growth.metric.name == "memory.growth"
    assert growth.value == pytest.approx(100 * MIB, rel=0.01)
    assert (drift.metric.name, drift.value) == ("endurance.drift", 0.0)


@pytest.mark.parametrize("seed", range(10))
def test_memory_that_only_scatters_does_not_grow(seed: int) -> None:
    assert not endurance.grows(a_run(scattered(seed)))


def test_memory_that_jumps_once_does_not_grow() -> None:
    jumped = [value + (16 * MIB if at > 60 else 0) for at, value in enumerate(scattered(1))]
    assert not endurance.grows(a_run(jumped))


def test_steps_that_become_slower_drift() -> None:
    found = endurance.readings(a_run(scattered(2), [0.01 + 0.0001 * at for at in range(POINTS)]))
    assert found[1].value == pytest.approx(0.0189 / 0.0129 - 1, rel=0.02)


def test_a_run_of_few_points_says_nothing() -> None:
    run = a_run(scattered(0)[:10])
    assert endurance.readings(run) == ()
    assert not endurance.grows(run)


def test_a_report_says_where_memory_grows() -> None:
    case = a_case("tiny-vit", "image-classification")
    summary = summarize([a_record(case, samples=a_run(scattered(0, growth=MIB)))])
    assert summary.rows[0].metrics["memory.growth"].value == pytest.approx(100 * MIB, rel=0.01)
    assert any("memory.growth is above the noise in 1 of 1 trial" in remark for remark in summary.rows[0].remarks)


def test_a_report_says_what_freezing_saves() -> None:
    whole, frozen = (a_case("tiny-vit", "image-classification", freeze=value, train=[]) for value in ([], ["vit"]))
    records = [
        a_record(case, samples=(
            samples("train.step", step),
            samples(an_amount("params.trainable", Unit.ONE), trained),
            samples(an_amount("memory.gradients"), kept),
            samples(an_amount("memory.optimizer_state"), 2 * kept),
            samples(an_amount("memory.activations"), kept),
        ))
        for case, step, trained, kept in ((whole, 0.4, 1000, 4 * MIB), (frozen, 0.1, 10, MIB))
    ]  # fmt: skip
    (said,) = [remark for remark in summarize(records).remarks if "freezing" in remark]
    assert "10 of 1,000 parameters are trained, train.step is 75% shorter, 12.0 MiB" in said


def test_the_rate_of_training_counts_every_micro_batch() -> None:
    record = a_record(observed={"batch_size": 4, "gradient_accumulation": 2}, samples=(samples("train.step", 0.5),))
    assert summarize([record]).rows[0].metrics["train.sample_rate"].value == pytest.approx(16)
