"""Which models transformers' continuous batching is asked to serve: those whose layers its pages hold."""

from types import SimpleNamespace
from typing import Any

import pytest

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused
from bench.worker.serving import continuous_batches
from tests.support.versions import needs_transformers

pytestmark = [pytest.mark.torch, needs_transformers("its blocks of continuous batching are others, and such a case is refused")]


class Decoder:
    """What a class of transformers says of itself, with a configuration that SETTINGS make."""

    _supports_attention_backend = True

    def __init__(self, **settings: Any) -> None:
        self.config = SimpleNamespace(is_encoder_decoder=False, hidden_size=64, num_attention_heads=2, **settings)

    def init_continuous_batching(self) -> None:
        """Be there, which is what is asked."""


def a_model(**settings: Any) -> Any:
    return SimpleNamespace(model=Decoder(**settings))


def refusal(**settings: Any) -> str:
    with pytest.raises(Refused) as refused:
        continuous_batches.refuse(a_model(**settings))
    assert refused.value.refusal.reason_code is ReasonCode.NOT_IN_CLASS
    return refused.value.refusal.reason


@pytest.mark.parametrize(
    "settings",
    [{}, {"layer_types": ["sliding_attention", "full_attention"]}, {"head_dim": 48}, {"qk_head_dim": 32, "v_head_dim": 32}],
)
def test_layers_whose_keys_and_values_fill_the_pages_are_served(settings: dict[str, Any]) -> None:
    continuous_batches.refuse(a_model(**settings))


def test_layers_that_keep_no_keys_are_refused_by_kind() -> None:
    said = refusal(layer_types=["conv", "full_attention", "conv"])
    assert said == "continuous batching pages keys and values of full_attention, sliding_attention, and Decoder has conv too"


def test_keys_or_values_of_another_size_than_a_page_are_refused_with_both() -> None:
    said = refusal(head_dim=64, qk_head_dim=192, v_head_dim=128)
    assert said == "pages of continuous batching hold 64 numbers a head, and keys and values of Decoder have 192, 128"
