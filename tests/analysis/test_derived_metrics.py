from collections.abc import Mapping
from typing import Any

import pytest

from bench.analysis.estimate import estimates
from bench.domain.record import Record
from bench.domain.summary import Estimate
from bench.domain.values import Json
from tests.support.builders import a_record, of_seconds, samples

FACTS: Mapping[str, Json] = {"batch_size": 4, "realised_new_tokens": 5, "prompt_units": 60, "images": 2}


def a_trial(number: int = 0, facts: Mapping[str, Json] = FACTS, **seconds: float) -> Record:
    return a_record(trial=number, observed=facts, samples=tuple(samples(name, value) for name, value in seconds.items()))


def found(*trials: Record) -> dict[str, Estimate]:
    return estimates(trials)[0]


def test_each_derived_metric_follows_its_definition() -> None:
    metrics = found(a_trial(processor=0.01, h2d=0.002, ttft_model=0.03, e2e=0.11, forward=0.02))
    assert {name: metrics[name].value for name in metrics if metrics[name].metric.unit != "s" or name in {"tpot", "ttft_user"}} == {
        "ttft_user": pytest.approx(0.042),
        "tpot": pytest.approx(0.02),
        "prefill_rate": pytest.approx(2000),
        "decode_rate": pytest.approx(200),
        "e2e_rate": pytest.approx(4 * 5 / 0.11),
        "sample_rate": pytest.approx(200),
        "image_rate": pytest.approx(400),
    }
    assert metrics["e2e_rate"].metric.definition == "e2e_rate.v1"


def test_rates_of_modality_units_are_of_the_whole_batch() -> None:
    facts: Mapping[str, Json] = {
        "batch_size": 2, "images": 1.5, "batch_images": 3, "batch_pixels": 6_000_000, "batch_frames": 32,
        "batch_audio_seconds": 7.5, "batch_text_tokens": 40, "batch_text_bytes": 160,
    }  # fmt: skip
    metrics = found(a_trial(facts=facts, processor=0.5, forward=0.25))
    rates = {name: one for name, one in metrics.items() if one.metric.unit != "s"}
    assert {name: one.value for name, one in rates.items()} == {
        "sample_rate": pytest.approx(8),
        "image_rate": pytest.approx(12),
        "frame_rate": pytest.approx(128),
        "rtfx": pytest.approx(30),
        "processor.image_rate": pytest.approx(6),
        "processor.frame_rate": pytest.approx(64),
        "processor.megapixel_rate": pytest.approx(12),
        "processor.audio_rate": pytest.approx(15),
        "processor.token_rate": pytest.approx(80),
    }
    assert [name for name, one in rates.items() if one.metric.unit == "1"] == ["rtfx", "processor.audio_rate"]


LOAD: dict[str, Any] = {"load.file_bytes": 300e6, "load.read": 0.5, "load.place": 0.25, "load.first_touch": 0.75}


def test_a_checkpoint_is_read_in_all_the_stages_that_bring_it_into_memory() -> None:
    metrics = found(a_trial(**{**LOAD, "load.plain_read": 0.1}))
    assert metrics["load.megabyte_rate"].value == pytest.approx(200)
    assert metrics["load.plain_megabyte_rate"].value == pytest.approx(3000)
    assert {metrics[name].metric.unit for name in ("load.megabyte_rate", "load.plain_megabyte_rate")} == {"1/s"}


@pytest.mark.parametrize("less", [{"load.file_bytes": 0.0}, {"load.first_touch": None}])
def test_a_load_without_bytes_or_without_one_of_these_stages_has_no_rate(less: Mapping[str, float | None]) -> None:
    held: dict[str, Any] = {name: value for name, value in {**LOAD, **less}.items() if value is not None}
    assert "load.megabyte_rate" not in found(a_trial(**held))


def test_a_batch_without_media_has_no_rates_of_media() -> None:
    metrics = found(a_trial(facts={"batch_size": 2, "batch_text_tokens": 40}, processor=0.5, forward=0.25))
    assert {name for name in metrics if name.endswith("rate") or name == "rtfx"} == {"sample_rate", "processor.token_rate"}


def test_pairs_are_those_of_the_matrix() -> None:
    facts: Mapping[str, Json] = {**FACTS, "images": 3, "texts": 5, "retrieval_pairs": 15}
    metrics = found(a_record(observed=facts, samples=(samples("retrieval.matrix", 0.5),)))
    assert metrics["pair_rate"].value == pytest.approx(30)


def test_a_metric_follows_from_a_trial_s_own_values_and_not_from_summaries() -> None:
    metrics = found(a_trial(0, e2e=1.0, ttft_model=0.2), a_trial(1, e2e=4.0, ttft_model=0.8))
    assert metrics["tpot"].value == pytest.approx((0.2 * 0.8) ** 0.5)  # geometric mean of 0.2 and 0.8


def test_one_new_token_leaves_tpot_and_decode_rate_undefined() -> None:
    metrics = found(a_trial(facts={**FACTS, "realised_new_tokens": 1}, e2e=0.1, ttft_model=0.1))
    assert "tpot" not in metrics
    assert "decode_rate" not in metrics
    assert metrics["e2e_rate"].value == pytest.approx(40)


@pytest.mark.parametrize("facts", [{}, {"batch_size": True}, {"batch_size": "4"}, {"batch_size": 0}])
def test_what_was_not_observed_gives_no_rate(facts: Mapping[str, Json]) -> None:
    assert "sample_rate" not in found(a_trial(facts=facts, forward=0.1))


def test_a_fact_that_one_trial_lacks_leaves_the_metric_out() -> None:
    assert "sample_rate" not in found(a_trial(0, forward=0.1), a_trial(1, facts={}, forward=0.1))


def test_a_rate_has_the_inverted_bounds_of_its_time() -> None:
    records = [a_trial(number, forward=seconds) for number, seconds in enumerate((1.0, 1.2, 0.9, 1.1, 1.05))]
    metrics = found(*records)
    time, rate = metrics["forward"], metrics["sample_rate"]
    assert time.low is not None
    assert time.high is not None
    assert (rate.value, rate.low, rate.high) == pytest.approx((4 / time.value, 4 / time.high, 4 / time.low))
    assert (rate.least, rate.most) == pytest.approx((4 / time.most, 4 / time.least))
    assert (rate.n, rate.trials) == (5, 5)


def test_a_rate_of_few_trials_has_no_interval_either() -> None:
    assert (found(a_trial(forward=1.0))["sample_rate"].low, found(a_trial(forward=1.0))["sample_rate"].high) == (None, None)


def test_a_time_that_is_not_above_zero_has_no_rate() -> None:
    metrics = found(a_trial(0, e2e=1.0, ttft_model=1.1), a_trial(1, e2e=1.0, ttft_model=0.6))
    assert metrics["tpot"].least < 0
    assert "decode_rate" not in metrics


def test_a_time_whose_summary_is_not_above_zero_is_none() -> None:
    assert not {"tpot", "decode_rate"} & found(a_trial(e2e=1.0, ttft_model=1.1)).keys()


def test_what_a_worker_measured_itself_is_not_derived() -> None:
    metrics = found(a_trial(processor=0.01, h2d=0.002, ttft_model=0.03, ttft_user=0.5))
    assert metrics["ttft_user"].value == 0.5


def test_nothing_derived_appears_without_what_it_follows_from() -> None:
    assert found(*of_seconds(1.0, metric="h2d")).keys() == {"h2d"}


def test_what_steps_wait_for_a_loader_is_a_share_of_them_all() -> None:
    steps = (samples("data.wait", 0.03), samples("data.step", 0.04), samples("data.in_hand", 0.01))
    metrics = found(a_record(observed=FACTS, samples=steps))
    assert {name: metrics[name].value for name in metrics if metrics[name].metric.unit != "s"} == {
        "data.wait_share": pytest.approx(0.75),
        "data.item_rate": pytest.approx(100),
        "data.item_rate_in_hand": pytest.approx(400),
    }


def test_a_step_that_trains_takes_a_batch_for_every_micro_batch() -> None:
    facts: Mapping[str, Json] = {"batch_size": 4, "gradient_accumulation": 2}
    metrics = found(a_trial(facts=facts, **dict[str, Any]({"data.step": 0.4, "data.in_hand": 0.2, "train.step": 0.1})))
    rates = {name: one.value for name, one in metrics.items() if name.endswith("rate") or "rate_" in name}
    assert rates == {
        "data.item_rate": pytest.approx(20),
        "data.item_rate_in_hand": pytest.approx(40),
        "train.sample_rate": pytest.approx(80),
    }
