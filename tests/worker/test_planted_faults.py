"""Whoever does something else than it was asked for is caught by what the loaded and running model shows."""

from typing import Any

import pytest

from tests.support import planted_worker

pytestmark = pytest.mark.torch

REASONS = {
    "quantization": "quantization bnb-int8 was asked for, and no layer was quantized",
    "quantization undone": "quantization bnb-int8 was asked for, and no layer was quantized",
    "skip": "quantization skip was asked for, and transformer.h.0.",
    "compute dtype": "was to compute in bfloat16, and computes in float32",
    "compute dtype of the case": "was to compute in float32, and computes in bfloat16",
    "attention": "attention 'eager' was asked for and 'sdpa' was got",
    "dtype": "dtype 'bfloat16' was asked for and 'float32' was got",
    "autocast": "autocast 'bfloat16' was asked for and 'none' was got",
    "engine": "compile did not apply",
    "engine unasked": "engine 'eager' was asked for and 'compile' was got",
    "device_map": '"offload": "disk"} was asked for and \'none\' was got',
    "branches": '{"modules": {"h": "disk"}} was asked for and {"(whole)": "cpu"} was got',
    "static cache": "cache 'static' was asked for and 'dynamic' was got",
    "quantized cache": "cache 'quantized' was asked for and 'dynamic' was got",
    "no cache": "cache 'none' was asked for and 'dynamic' was got",
    "depth": "depth 8 was asked for and 0 was got",
    "sampling": "sampling {\"temperature\": 0.7} was asked for and 'greedy' was got",
    "temperature": 'sampling {"temperature": 0.7} was asked for and {"temperature": 0.9} was got',
    "beams": "num_beams 2 was asked for and 1 was got",
    "prefill chunk": "prefill_chunk 4 was asked for and 'none' was got",
    "stop": "stop 'eos' was asked for and 'fixed' was got",
    "new tokens": "new_tokens 4 was asked for and 3 was got",
    "threads": "threads 2 was asked for and 1 was got",
    "attention weights": "output_attentions true was asked for and false was got",
    "experts": "experts 'batched_mm' was asked for and 'eager' was got",
    "processor backend": "processor_backend 'pil' was asked for and 'torchvision' was got",
}


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return planted_worker.run(tmp_path_factory.mktemp("planted"))


def test_every_fault_has_its_reason_here() -> None:
    assert REASONS.keys() == planted_worker.EVERY.keys()


@pytest.mark.parametrize("name", planted_worker.EVERY)
def test_a_planted_fault_leaves_no_number_and_says_what_was_got(every: dict[str, dict[str, Any]], name: str) -> None:
    told = every[name]["with"]
    assert told["outcome"] == "unsupported", told
    assert REASONS[name] in told["reason"]


@pytest.mark.parametrize("name", [name for name, planted in planted_worker.EVERY.items() if not planted.costly])
def test_without_the_fault_the_same_case_finishes(every: dict[str, dict[str, Any]], name: str) -> None:
    told = every[name]["without"]
    assert told["outcome"] == "finished", told["reason"]
