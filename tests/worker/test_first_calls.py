"""The first call of a model: what is seen of it in whatever form it comes, and which errors of a model's code are answers."""

from types import SimpleNamespace
from typing import Any

import pytest

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.protocol.messages import Finished
from bench.worker.loads import placement
from bench.worker.network import observe, returned
from bench.worker.parallel import sharing
from bench.worker.precision import casting, quantizing
from tests.support.trials import built, measured

FLAT, EXPLICIT = (SimpleNamespace(dim=lambda rank=rank: rank) for rank in (2, 4))


class Phi:
    """A model of which nothing is needed but its name, and where its parts lie."""

    def __init__(self, **places: str) -> None:
        self.hf_device_map = places


@pytest.mark.parametrize(
    ("mask", "named"),
    [
        (None, "none"),
        (FLAT, "padding"),
        (EXPLICIT, "explicit"),
        ({"full_attention": EXPLICIT}, "explicit"),
        ({"sliding_attention": None, "full_attention": FLAT}, "padding"),
        ({"full_attention": None}, "none"),
    ],
)
def test_a_mask_is_named_in_whatever_form_it_arrives(mask: Any, named: str) -> None:
    assert observe.mask_of(mask) == named


@pytest.mark.parametrize(
    ("states", "came"),
    [
        ((FLAT, FLAT), True),
        (((FLAT,), (FLAT,), ((FLAT, FLAT),)), True),
        (((None,), ((None, None),)), False),
        ((), False),
        (None, False),
        (FLAT, False),
    ],
)
def test_hidden_states_are_found_layer_by_layer_and_tower_by_tower(states: Any, *, came: bool) -> None:
    model = SimpleNamespace(config=SimpleNamespace(output_hidden_states=True))
    assert returned.of_outputs(SimpleNamespace(hidden_states=states), model) == {"output_hidden_states": came}


def test_a_weight_on_the_disk_that_a_model_reads_itself_is_an_answer_and_nothing_else_is() -> None:
    error = NotImplementedError("Cannot copy out of meta tensor; no data!")
    found = placement.answer(error, Phi(head="cpu", tower="disk"))
    assert found is not None
    assert found.refusal.reason.startswith("device_map: Phi reads weights outside of their own modules")
    assert found.refusal.reason_code is ReasonCode.NOT_IN_CLASS
    assert placement.answer(RuntimeError("Tensor on device meta is not on the expected device cpu!"), Phi(tower="disk")) is not None
    assert placement.answer(error, Phi(head="cpu")) is None, "nothing was offloaded: whoever left it there is at fault"
    assert placement.answer(error, object()) is None
    assert placement.answer(NotImplementedError("something else"), Phi(tower="disk")) is None


@pytest.mark.parametrize(
    "said",
    [
        "mixed dtype (CPU): expect parameter to have scalar type of Float",
        "expected scalar type BFloat16 but found Float",
        "value cannot be converted to type c10::BFloat16 without overflow",
        "mat1 and mat2 must have the same dtype, but got Half and Float",
    ],
)
def test_operands_that_autocast_left_in_several_dtypes_are_an_answer_under_autocast(said: str) -> None:
    found = casting.answer(RuntimeError(said), Phi(), {"autocast": "bfloat16"})
    assert found is not None
    assert found.refusal.reason == f"autocast bfloat16: the code of Phi does not go together with it ({said})"
    assert casting.answer(RuntimeError(said), Phi(), {"autocast": "none"}) is None
    assert casting.answer(RuntimeError("shape mismatch"), Phi(), {"autocast": "bfloat16"}) is None


def test_a_plan_that_cuts_where_the_code_cannot_is_an_answer_of_ranks_that_share_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("shape '[1, 48, -1, 32]' is invalid for input of size 768")
    assert sharing.answer(error, Phi(), {"parallel": "tensor"}) is None, "one process shares nothing"
    monkeypatch.setattr(sharing, "size", lambda: 2)
    found = sharing.answer(error, Phi(), {"parallel": "tensor"})
    assert found is not None
    assert found.refusal.reason.startswith("parallel tensor: the plan of Phi does not part it over 2 ranks (shape")
    assert sharing.answer(error, Phi(), {"parallel": "pipeline"}) is None
    assert sharing.answer(RuntimeError("something else"), Phi(), {"parallel": "tensor"}) is None


@pytest.mark.parametrize("asked", ["dynamic-int8", {"method": "dynamic-int8", "skip": ["head"]}])
def test_a_weight_that_became_a_function_is_an_answer_where_something_was_quantized(asked: Json) -> None:
    error = AttributeError("'function' object has no attribute 'device'")
    found = quantizing.answer(error, Phi(), {"quantization": asked})
    assert found is not None
    assert found.refusal.reason.startswith("quantization dynamic-int8: Phi reads weights of its layers itself")
    assert quantizing.answer(error, Phi(), {"quantization": "none"}) is None
    assert quantizing.answer(error, Phi(), {}) is None
    assert quantizing.answer(AttributeError("'dict' object has no attribute 'dim'"), Phi(), {"quantization": asked}) is None


@pytest.mark.torch
def test_a_static_cache_s_masks_by_kind_of_layer_are_read(executor: Local, tmp_path_factory: pytest.TempPathFactory) -> None:
    model = built(executor, tmp_path_factory.mktemp("calls"), "tiny-qwen3", "text-generation")
    told = measured(executor, model, attention="eager", cache="static", batch_size=2, prompt_tokens=8, new_tokens=2)
    assert isinstance(told.word, Finished), told.word
    assert (told.observed["cache"], told.observed["mask_in_forward"]) == ("static", "explicit")
