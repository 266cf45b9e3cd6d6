"""Quantization of real tiny models: asked, had, and read off the loaded model. What one process that loaded them found."""

from typing import Any

import pytest

from tests.support import quantized_worker

pytestmark = pytest.mark.torch
QUANTO = ("quanto-int8", "quanto-int4")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return quantized_worker.run(tmp_path_factory.mktemp("quantized"))


def _of(everything: dict[str, Any], topic: str) -> Any:
    assert "failed" not in everything[topic], everything[topic]["failed"]
    return everything[topic]


@pytest.mark.parametrize("method", quantized_worker.METHODS)
def test_a_method_is_had_and_read_off_the_model(everything: dict[str, Any], method: str) -> None:
    found = _of(everything, "methods")
    told, plain = found[method], found["none"]
    if method in QUANTO and "refused" in told:
        assert "pip install 'transformers-bench[quanto]'" in told["refused"][1]
        return
    assert told["quantization"] == method
    assert told["quantized_share"] == pytest.approx(28 / 29), "all but lm_head"
    assert told["high_precision_modules"] == ["lm_head"]
    assert told["quantized_share_by_component"] == {"head": 0.0, "language": 1.0}
    assert told["quantize_s"] > 0
    assert told["parameters"] == plain["parameters"], "a byte of 4-bit weights stands for two"
    assert told["bytes"] < plain["bytes"]
    assert told["by_dtype"] == told["by_component"] == told["bytes"]
    assert 0.9 < told["cosine"] < 1
    assert told["after"] <= told["bytes"]


@pytest.mark.parametrize("method", [name for name in quantized_worker.METHODS if name != "dynamic-int8"])
def test_the_bytes_are_those_of_every_storage_that_the_model_reaches(everything: dict[str, Any], method: str) -> None:
    told = _of(everything, "methods")[method]
    if "refused" not in told:
        assert told["bytes"] == told["walked"]


def test_without_quantization_nothing_is(everything: dict[str, Any]) -> None:
    told = _of(everything, "methods")["none"]
    assert (told["quantization"], told["quantized_share"], told["quantize_s"]) == ("none", 0.0, 0.0)
    assert told["bytes"] == told["walked"] == 4 * told["parameters"]


@pytest.mark.parametrize("model", ["tiny-blip", "tiny-llava"])
def test_a_vision_tower_is_left_out_by_whatever_name_its_family_has(everything: dict[str, Any], model: str) -> None:
    found = _of(everything, "parts")
    whole, part = found[model], found[f"{model} without"]
    assert (whole["quantized_share_by_component"]["vision"], part["quantized_share_by_component"]["vision"]) == (1.0, 0.0)
    assert part["quantized_share_by_component"]["language"] == whole["quantized_share_by_component"]["language"] > 0
    assert part["quantization_compute_dtype"] == "bfloat16"
    assert whole["bytes"] < part["bytes"]


def test_layers_are_left_out_by_name_and_glob(everything: dict[str, Any]) -> None:
    told = _of(everything, "parts")["one layer"]
    assert told["quantized_share"] == pytest.approx((28 - 7 - 9) / 29), "a layer of seven, and three in each of the others"
    left = set(told["high_precision_modules"])
    assert {"model.layers.1.self_attn.q_proj", "model.layers.*.mlp.up_proj", "lm_head"} < left
    assert "model.layers.*.self_attn.q_proj" not in left, "others of them are quantized"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("nothing", 'skip "nothing" matches no linear layer of LlamaForCausalLM (has: model.layers, lm_head)'),
        ("all", "no layer would be quantized: skip leaves out 28 layers; lm_head is kept by transformers"),
        ("compute", "quantization torchao-int8 has no compute_dtype of its own: leave it out"),
        ("none", "quantization none takes no skip: nothing is as it was found"),
        ("no checkpoint", "needs a checkpoint that is quantized: its config.json has no quantization_config"),
        ("dtype", "quantization dynamic-int8 needs weights in float32, not bfloat16: `dtype: float32`"),
        ("clip", "torchao in transformers asks for the input embeddings, which CLIPModel does not name"),
        ("shape", "classifier of 128 inputs and 10 outputs, and this CPU's kernel takes a multiple of 64 inputs and of 32 outputs"),
    ],
)
def test_what_cannot_be_had_is_refused_before_loading(everything: dict[str, Any], asked: str, said: str) -> None:
    kind, text = _of(everything, "parts")[asked]
    assert kind == "Refused"
    assert said in text


def test_conv1d_and_fused_experts_count_as_layers_that_were_left(everything: dict[str, Any]) -> None:
    found = _of(everything, "parts")
    for method, (kind, text) in found["gpt2"].items():
        if "pip install" not in text:
            assert (kind, f"GPT2LMHeadModel has Conv1D, which {method} leaves as it is" in text) == ("Refused", True)
    assert found["gpt2 bnb"]["quantized_share"] > 0.8, "bitsandbytes takes Conv1D"
    assert 0 < found["moe"]["quantized_share"] < 0.5
    assert "model.layers.*.mlp.experts.gate_up_proj" in found["moe"]["high_precision_modules"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("quantization", "quantization bnb-int8 was asked for, and no layer was quantized"),
        ("one layer", "1 of 28 layers were not quantized so: model.layers.0.mlp.up_proj came as none"),
        ("dtype", "dtype 'bfloat16' was asked for and 'float32' was got"),
        ("auto", "dtype auto is the checkpoint's 'float32' and 'bfloat16' was got"),
    ],
)
def test_a_loader_that_does_something_else_is_caught(everything: dict[str, Any], fault: str, said: str) -> None:
    kind, text = _of(everything, "planted")[fault]
    assert kind == "Refused"
    assert said in text


@pytest.mark.parametrize("method", ["bnb-int8", "bnb-nf4-dq", "torchao-int8"])
def test_a_quantized_checkpoint_is_loaded_as_found_and_only_so(everything: dict[str, Any], method: str) -> None:
    found = _of(everything, "checkpoints")
    again = found[f"{method} again"]
    assert (again["quantization"], again["quantized_layers"], again["bytes"]) == ("checkpoint", method, found[method])
    assert "the checkpoint is quantized already" in found[f"{method} as none"][1]


def test_what_does_not_save_equal_is_refused(everything: dict[str, Any]) -> None:
    found = _of(everything, "checkpoints")
    assert found["quanto"][0] == "Refused"
    assert "4-bit weights were repacked by the first call on this CPU" in found["packed"][1]


@pytest.mark.parametrize(("name", "share_after"), [("int8", 0.0), ("int4", 0.0), ("gptq", 28 / 29), ("awq", 28 / 29)])
def test_a_checkpoint_of_another_tool_is_counted_to_the_byte_or_says_what_it_needs(
    everything: dict[str, Any], name: str, share_after: float
) -> None:
    told = _of(everything, "of others")[name]
    if "refused" in told:
        needed = "gptqmodel, which is not installed" if name in {"gptq", "awq"} else "transformers-bench[compressed-tensors]"
        assert needed in told["refused"][1]
        return
    assert (told["quantization"], told["quantized_layers"]) == ("checkpoint", "checkpoint")
    assert told["quantized_share"] == pytest.approx(28 / 29), "all but lm_head"
    assert told["quantized_share_by_component"] == {"head": 0.0, "language": 1.0}
    assert told["parameters"] == told["parameters_after"] == 1_112_192, "eight of 4 bits share an int32"
    assert told["share_after"] == pytest.approx(share_after), "compressed-tensors unpacks all layers in the first call"
    assert told["cosine"] > 0.95
    if name in {"int8", "int4"}:
        assert told["bytes"] == told["walked"] == told["by_component"] == told["stored"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unknown", 'names "nonsense", which this version of transformers does not know'),
        ("unnamed", "the quantization_config of config.json names no quant_method"),
        ("hqq", "quantization checkpoint (hqq): A valid HQQ version"),
        ("higgs", "quantization checkpoint (higgs): HIGGS quantization is only supported on GPU"),
        ("mxfp4", "no layer was quantized: config.json says mxfp4, and what it packed was unpacked on loading"),
    ],
)
def test_what_a_config_says_and_cannot_be_had_is_told_with_its_reason(everything: dict[str, Any], name: str, said: str) -> None:
    kind, text = _of(everything, "of others")[name]
    assert kind == "Refused"
    assert said in text
