"""Real trials of one tiny decoder: parts of it on disk, in two processes, and under a stream of requests."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from bench.domain.metric import Samples
from bench.domain.model import ModelFacts
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.procedure import StartMethod
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.protocol.messages import Build, Event, Failed, Finished, Measure, Observed, Sampled
from tests.support.cases import a_model, a_request
from tests.support.versions import needs_transformers

pytestmark = pytest.mark.torch

WATCHED = needs_transformers("its blocks of continuous batching are others, and such a case is refused")
LIMIT_S = 240.0
STREAM: Mapping[str, Json] = {
    "count": 6, "arrival": "all", "prompt_tokens": {"choice": [8, 24]}, "new_tokens": {"uniform": [3, 8]}, "seed": 1,
    "cache": {"page_size": 8, "num_blocks": 6}, "slo": {"ttft": 60.0},
}  # fmt: skip


@pytest.fixture(scope="module")
def executor() -> Iterator[Local]:
    opened = Local(env={"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"})
    opened.open(1, StartMethod.NURSERY)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def model(executor: Local, tmp_path_factory: pytest.TempPathFactory) -> ModelFacts:
    out = tmp_path_factory.mktemp("checkpoints") / "tiny-llama"
    events = list(executor.ask(Build(preset="tiny-llama", task="text-generation", out=str(out)), 0, LIMIT_S, None))
    assert any(isinstance(event, Finished) for event in events), executor.stderr_tail()
    return a_model("tiny-llama", folder=out)


def ask(executor: Local, request: Measure) -> list[Event]:
    return list(executor.ask(request, 0, LIMIT_S, None))


def measure(executor: Local, model: ModelFacts, **axes: Json) -> list[Event]:
    return ask(executor, a_request(model, **{"threads": 1, "prompt_tokens": 8, "new_tokens": 2, "dtype": "float32", **axes}))


def facts(events: list[Event]) -> dict[str, Any]:
    assert any(isinstance(event, Finished) for event in events), [event for event in events if isinstance(event, Failed)]
    found: dict[str, Any] = {}
    for event in events:
        found |= event.facts if isinstance(event, Observed) else {}
    return found


def sampled(events: list[Event], name: str, part: str | None = None) -> Samples:
    every = [event.samples for event in events if isinstance(event, Sampled)]
    return next(one for one in every if (one.metric.name, one.part) == (name, part))


def samples_of(events: list[Event], name: str) -> list[Samples]:
    return [event.samples for event in events if isinstance(event, Sampled) and event.samples.metric.name == name]


def failure(events: list[Event]) -> Failed:
    (failed,) = [event for event in events if isinstance(event, Failed)]
    return failed


def test_a_model_larger_than_its_memory_lies_on_disk_in_part(executor: Local, model: ModelFacts) -> None:
    asked: Json = {"max_memory": {"cpu": "2MB"}, "offload": "disk"}
    found = facts(measure(executor, model, device_map=asked))
    assert not any(nursery.scratch.exists() for nursery in executor.nurseries), "what was offloaded ends with the trial"
    assert found["device_map"] == asked
    assert found["device"] == "cpu"
    assert 0 < found["placed_bytes"]["cpu"] <= 2_000_000 < found["placed_bytes"]["disk"]


def test_what_does_not_fit_is_refused_unless_the_disk_is_asked_for(executor: Local, model: ModelFacts) -> None:
    failed = failure(measure(executor, model, device_map={"max_memory": {"cpu": "2MB"}}))
    assert failed.reason_code is ReasonCode.NOT_AS_REQUESTED
    assert "would lie on disk: ask for offload: disk" in failed.reason


def test_branches_that_are_tied_are_not_parted(executor: Local, model: ModelFacts) -> None:
    failed = failure(measure(executor, model, device_map={"modules": {"lm_head": "disk"}}))
    assert failed.reason_code is ReasonCode.NOT_IN_CLASS
    assert "lm_head.weight is tied to model.embed_tokens.weight" in failed.reason


@pytest.mark.parametrize(
    "asked",
    [
        {"max_memory": {"cpu": "1GB", "cuda:6": "1GB"}},
        {"max_memory": {"6": "1GB"}},
        {"modules": {"layers": "cuda:6"}},
        {"modules": {"layers": "xpu:6"}},
    ],
)
def test_a_place_that_is_not_on_this_machine_is_an_answer(executor: Local, model: ModelFacts, asked: Json) -> None:
    failed = failure(measure(executor, model, device_map=asked))
    assert (failed.outcome, failed.reason_code) == (Outcome.UNSUPPORTED, ReasonCode.NO_DEVICE)
    assert re.match(r"device (cuda|xpu):6 is not on this machine \(it has cpu", failed.reason)


@pytest.mark.parametrize("how", ["tensor", "pipeline", "data"])
def test_two_ranks_share_a_model_and_speak_as_one_trial(executor: Local, model: ModelFacts, how: str) -> None:
    events = measure(executor, model, ranks=2, parallel=how, batch_size=2)
    found = facts(events)
    assert (found["ranks"], found["parallel"], found["batch_size"], found["new_tokens"]) == (2, how, 2, 2)
    whole = sampled(events, "forward").values
    each = [sampled(events, "forward", part=f"rank={rank}").values for rank in (0, 1)]
    assert whole == tuple(max(pair) for pair in zip(*each, strict=True))
    assert sampled(events, "params.count").values == (1_112_192,)
    sent = sampled(events, "transfer.bytes").values[0]
    assert (sent == 0) is (how == "data")
    least, most = min(found["rank_bytes_by_rank"]), max(found["rank_bytes_by_rank"])
    assert most < 4_448_768 or how == "data"
    assert sampled(events, "params.bytes").values[0] == pytest.approx(least + most, rel=0.01)
    assert any(isinstance(event, Sampled) and event.samples.metric.name == "pipeline.idle_share" for event in events) is (
        how == "pipeline"
    )


@pytest.mark.parametrize("method", ["dynamic-int8", "bnb-int8", "torchao-int8"])
def test_weights_on_the_disk_are_not_quantized_and_that_is_an_answer(executor: Local, model: ModelFacts, method: str) -> None:
    failed = failure(measure(executor, model, quantization=method, device_map={"max_memory": {"cpu": "100KB"}, "offload": "disk"}))
    assert failed.reason.startswith(f"quantization {method} quantizes no weights that lie on the disk (")
    assert failed.reason_code is ReasonCode.NOT_IN_CLASS


def test_each_stage_of_a_pipeline_quantizes_its_own_layers(executor: Local, model: ModelFacts) -> None:
    found = facts(measure(executor, model, ranks=2, parallel="pipeline", quantization="dynamic-int8"))
    assert (found["parallel"], found["quantization"]) == ("pipeline", "dynamic-int8")
    assert found["quantized_share"] == pytest.approx(28 / 29), "the head is the last stage's, and tied"
    assert found["high_precision_modules"] == ["lm_head"]


def test_a_quantized_cache_is_told_by_its_bits(executor: Local, model: ModelFacts) -> None:
    assert facts(measure(executor, model, cache="quantized"))["kv_cache_dtype"] == "float32+int4"


@pytest.mark.parametrize("method", ["torchao-int8", "quanto-int8"])
def test_ranks_that_share_the_data_have_all_of_a_quantized_model(executor: Local, model: ModelFacts, method: str) -> None:
    events = measure(executor, model, ranks=2, parallel="data", batch_size=2, quantization=method)
    found = facts(events)
    assert (found["parallel"], found["quantization"]) == ("data", method)
    assert found["rank_parameters_by_rank"] == [1_112_192, 1_112_192]
    stored = [sampled(events, name).values[0] for name in ("params.bytes", "params.bytes_after_call")]
    assert stored == [sum(found["rank_bytes_by_rank"])] * 2


def test_what_lies_on_two_stages_is_counted_once_in_every_part(executor: Local, model: ModelFacts) -> None:
    events = measure(executor, model, ranks=2, parallel="pipeline")
    every = {one.part: one.values[0] for one in samples_of(events, "params.count")}
    for kind in ("component=", "dtype="):
        assert sum(value for part, value in every.items() if str(part).startswith(kind)) == every[None] == 1_112_192


def test_what_is_quantized_on_loading_is_not_parted_within_layers(executor: Local, model: ModelFacts) -> None:
    failed = failure(measure(executor, model, ranks=2, parallel="tensor", quantization="dynamic-int8"))
    assert failed.reason == "quantization dynamic-int8 with parallel tensor: layers that are quantized on loading are not parted"


def test_a_batch_that_ranks_cannot_part_is_refused_by_all_of_them(executor: Local, model: ModelFacts) -> None:
    failed = failure(measure(executor, model, ranks=2, parallel="data", batch_size=3))
    assert failed.reason == "parallel data: a batch of 3 cannot be parted evenly over 2 ranks"


def streamed(model: ModelFacts, batching: str) -> Measure:
    request = a_request(model, threads=1, dtype="float32")
    left_out = {"prompt_tokens", "new_tokens", "cache", "depth", "mask", "sampling", "num_beams", "draft", "prefill_chunk", "stop"}
    kept = {axis: value for axis, value in request.case.requested.items() if axis not in left_out and "output_" not in axis}
    requested = {**kept, "scenario": "requests", "batching": batching, "batch_size": 3, "requests": STREAM}
    return replace(request, case=replace(request.case, requested=requested))


@WATCHED
def test_both_ways_of_batching_serve_the_same_tokens(executor: Local, model: ModelFacts) -> None:
    static, continuous = (ask(executor, streamed(model, batching)) for batching in ("static", "continuous"))
    for events in (static, continuous):
        found = facts(events)
        assert (found["requests_served"], found["requests_differing"], found["batch_size"]) == (6, 0, 3)
        assert sampled(events, "requests.same_tokens").values == (1.0,)
        waited, first, whole = (sampled(events, name).values for name in ("queue_wait", "request.ttft", "request.e2e"))
        assert all(0 <= wait < token <= end for wait, token, end in zip(waited, first, whole, strict=True))
        assert max(sampled(events, "requests.in_step").values) <= 3
    assert facts(static)["requests_new_tokens"] == facts(continuous)["requests_new_tokens"]
    assert facts(continuous)["paged_cache"] == {"page_size": 8, "num_blocks": 6, "max_batch_tokens": 72}
    used, free = (sampled(continuous, f"cache.blocks_{name}").values for name in ("used", "free"))
    assert {sum(pair) for pair in zip(used, free, strict=True)} == {6}


@WATCHED
def test_a_request_that_the_cache_cannot_hold_is_refused(executor: Local, model: ModelFacts) -> None:
    request = streamed(model, "continuous")
    long: Mapping[str, Json] = {**STREAM, "prompt_tokens": 48}
    asked = replace(request, case=replace(request.case, requested={**request.case.requested, "requests": long}))
    assert " tokens does not fit into a cache of 6 blocks of 8 tokens" in failure(ask(executor, asked)).reason
