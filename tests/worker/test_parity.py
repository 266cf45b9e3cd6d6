"""Parity on small models: what rounding does to outputs, and that planted faults are seen."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[2]
SCORES = {"parity.kl", "parity.top1_agreement", "parity.max_relative_error"}
MODELS = ("tiny-gpt2", "tiny-bert", "tiny-t5", "tiny-clip")
Told = Mapping[str, Any]


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Told]]:
    """Give what was told of every trial, by model and label."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.parity_worker", str(tmp_path_factory.mktemp("parity"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    return {name: {one["label"]: one for one in trials} for name, trials in answer.items()}


@pytest.fixture
def writer(every: Mapping[str, Mapping[str, Told]]) -> Mapping[str, Told]:
    return every["tiny-gpt2"]


def is_perfect(told: Told) -> bool:
    perfect = {"parity.kl": 0.0, "parity.max_relative_error": 0.0, "parity.top1_agreement": 1.0}
    return {name: value for name, value in told["parity"].items() if name in SCORES} == perfect


@pytest.mark.parametrize("name", MODELS)
def test_the_reference_is_itself(every: Mapping[str, Mapping[str, Told]], name: str) -> None:
    told = every[name]["reference"]
    assert told["outcome"] == "finished", told["reason"]
    assert is_perfect(told), told["parity"]


def test_the_reference_is_itself_in_another_trial_too(writer: Mapping[str, Told]) -> None:
    assert is_perfect(writer["again"]), writer["again"]["parity"]


@pytest.mark.parametrize("name", MODELS)
def test_another_kernel_is_rounding_of_float32_and_a_dtype_that_of_its_own(
    every: Mapping[str, Mapping[str, Told]], name: str
) -> None:
    kernel, dtype = every[name]["sdpa"], every[name]["bfloat16"]
    assert kernel["outcome"] == dtype["outcome"] == "finished", (kernel["reason"], dtype["reason"])
    assert kernel["parity"]["parity.max_relative_error"] < 1e-5
    assert 1e-5 < dtype["parity"]["parity.max_relative_error"] < 0.0625


@pytest.mark.parametrize("name", MODELS)
def test_a_layer_with_perturbed_weights_is_seen(every: Mapping[str, Mapping[str, Told]], name: str) -> None:
    told = every[name]["perturbed"]
    assert told["outcome"] == "finished", told["reason"]
    assert told["parity"]["parity.max_relative_error"] > 3e-4


@pytest.mark.parametrize("name", ["tiny-gpt2", "tiny-t5"])
def test_the_reference_generates_as_it_did(every: Mapping[str, Mapping[str, Told]], name: str) -> None:
    told = every[name]["reference"]
    assert "parity_generation_missing" not in told["observed"]
    assert told["parity"]["parity.generation_max_relative_error"] == 0.0


def test_a_static_cache_gives_what_the_reference_gives(writer: Mapping[str, Told]) -> None:
    assert writer["static cache"]["parity"]["parity.generation_max_relative_error"] < 1e-5


@pytest.mark.parametrize("label", ["quantized cache", "forgetful cache"])
def test_what_a_cache_loses_is_seen_in_the_generation_alone(writer: Mapping[str, Told], label: str) -> None:
    told = writer[label]
    assert told["outcome"] == "finished", told["reason"]
    assert is_perfect(told), told["parity"]
    assert told["parity"]["parity.generation_max_relative_error"] > 1e-4
    assert told["parity"]["parity.generation_kl"] > 1e-9


def test_outputs_of_other_inputs_are_not_compared(writer: Mapping[str, Told]) -> None:
    told = writer["other inputs"]
    assert told["parity"] == {}
    assert "the reference was given other inputs" in told["observed"]["parity_missing"]


def test_a_dual_encoder_has_the_cosine_of_its_embeddings(every: Mapping[str, Mapping[str, Told]]) -> None:
    trials = every["tiny-clip"]
    assert trials["reference"]["parity"]["parity.cosine"] == pytest.approx(1.0, abs=1e-12)
    assert 1 - trials["sdpa"]["parity"]["parity.cosine"] < 1e-9


def test_padding_that_is_seen_as_text_is_seen(writer: Mapping[str, Told]) -> None:
    assert writer["no padding mask"]["parity"]["parity.max_relative_error"] > 1e-3


def test_scores_that_are_no_numbers_are_counted_and_nothing_else_is_told_of_them(writer: Mapping[str, Told]) -> None:
    told = writer["not finite"]
    assert told["parity"] == {"parity.top1_agreement": 0.0}
    assert told["observed"]["parity_not_finite"] > 0


def test_an_explicit_mask_arrives_and_means_what_padding_means(writer: Mapping[str, Told]) -> None:
    told = writer["explicit"]
    assert told["outcome"] == "finished", told["reason"]
    assert told["observed"]["attention_kernel"] == "flash"
    assert told["observed"]["attention_kernel_by_component"] == {"transformer": "flash"}
    assert (told["observed"]["mask"], told["observed"]["mask_in_forward"]) == ("explicit", "explicit")
    assert told["parity"]["parity.max_relative_error"] < 1e-5


def test_flex_attention_is_seen_where_it_is_called_since_compiled_it_has_no_operator(writer: Mapping[str, Told]) -> None:
    assert writer["flex"]["kernels"] == ["flex", "eager"]


def test_attention_weights_make_a_class_that_may_choose_take_eager(writer: Mapping[str, Told]) -> None:
    observed = writer["weights"]["observed"]
    assert (observed["output_attentions"], observed["output_hidden_states"]) == (True, True)
    assert (observed["attention"], observed["attention_switched_by"]) == ("eager", "output_attentions")


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("ignored", "attention 'eager' was asked for and 'sdpa' was got"),
        ("lied", "attention 'sdpa' was asked for, but the kernel that ran is 'eager'"),
        ("cudnn", "scaled_dot_product_attention has no cudnn kernel on cpu"),
        ("flash", "attention flash_attention_2 needs a CUDA device"),
        ("weights of sdpa", "sdpa computes no attention weights"),
    ],
)
def test_attention_that_is_not_what_was_asked_for_leaves_no_number(writer: Mapping[str, Told], label: str, reason: str) -> None:
    assert writer[label]["outcome"] == "unsupported", writer[label]
    assert reason in writer[label]["reason"]
