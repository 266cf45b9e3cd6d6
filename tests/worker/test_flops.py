"""Floating-point operations are counted as they are written down by hand, and what is not counted is named."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from bench.worker.network import flops

if TYPE_CHECKING:
    import torch

pytestmark = pytest.mark.torch


def a_model(inside: Any) -> Any:
    """Give a model of text with an `encoder`, INSIDE, and a `classifier` of 8 to 4."""
    from torch import nn

    class Model(nn.Module):
        base_model_prefix = "encoder"
        input_modalities = "text"
        main_input_name = "input_ids"
        config = SimpleNamespace(is_encoder_decoder=False)

        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.classifier = inside, nn.Linear(8, 4)

        def forward(self, states: "torch.Tensor") -> "torch.Tensor":
            logits: torch.Tensor = self.classifier(self.encoder(states))
            return logits @ logits.transpose(-1, -2)  # no module's own: 5 x 4 by 4 x 5

    return Model()


def counted(inside: Any) -> flops.Count:
    import torch

    model = a_model(inside)
    with torch.inference_mode():
        return flops.count(model, lambda: model(torch.ones(5, 8)))


def test_products_are_counted_by_component_and_what_is_no_module_s_is_the_head_s() -> None:
    from torch import nn

    found = counted(nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)))
    assert found.by_component == {"language": 2 * 5 * (8 * 16 + 16 * 8), "head": 2 * 5 * 8 * 4 + 2 * 5 * 4 * 5}
    assert found.total == sum(found.by_component.values())
    assert found.uncounted == ()


def test_a_module_that_gets_a_parameter_handed_over_is_counted_too() -> None:
    import torch
    from torch import nn

    class Adds(nn.Module):
        def forward(self, states: "torch.Tensor", weight: "torch.Tensor") -> "torch.Tensor":
            return states @ weight

    class Holds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.inner = nn.Parameter(torch.ones(8, 8)), Adds()

        def forward(self, states: "torch.Tensor") -> "torch.Tensor":
            found: torch.Tensor = self.inner(states, self.weight)
            return found

    assert counted(Holds()).by_component["language"] == 2 * 5 * 8 * 8


@pytest.mark.parametrize("kernel", ["MATH", "FLASH_ATTENTION"])
def test_attention_is_counted_alike_whichever_kernel_runs(kernel: str) -> None:
    from torch import nn
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention

    class Attention(nn.Module):
        def forward(self, states: "torch.Tensor") -> "torch.Tensor":
            one = states.reshape(1, 2, 5, 4)  # two heads of 4
            return scaled_dot_product_attention(one, one, one).reshape(5, 8)

    with sdpa_kernel(getattr(SDPBackend, kernel)):
        found = counted(Attention())
    assert found.by_component["language"] == 2 * (2 * 2 * 5 * 5 * 4)
    assert found.uncounted == ()


def test_an_operator_without_a_formula_is_named() -> None:
    import torch
    from torch import nn

    class Odd(nn.Module):
        def forward(self, states: "torch.Tensor") -> "torch.Tensor":
            product: torch.Tensor = torch.mv(states.mT @ states, states[0])
            return states + product

    assert counted(Odd()).uncounted == ("aten.mv",)


def test_an_operator_from_outside_torch_is_named() -> None:
    import torch
    from torch import nn

    with torch.library._scoped_library("bench_tests", "FRAGMENT") as library:
        library.define("twice(Tensor states) -> Tensor")
        library.impl("twice", lambda states: states * 2, "CompositeExplicitAutograd")

        class Custom(nn.Module):
            def forward(self, states: "torch.Tensor") -> "torch.Tensor":
                twice: torch.Tensor = torch.ops.bench_tests.twice(states)
                return twice

        assert counted(Custom()).uncounted == ("bench_tests.twice",)


def test_the_hooks_are_gone_afterwards_also_where_the_call_fails() -> None:
    from torch import nn

    model = a_model(nn.Identity())

    def fails() -> None:
        model("no tensor")

    with pytest.raises(TypeError):
        flops.count(model, fails)
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())


def test_keys_that_several_heads_share_are_counted_for_each_of_them() -> None:
    import torch
    from torch import nn

    class Grouped(nn.Module):
        def forward(self, states: "torch.Tensor") -> "torch.Tensor":
            query, key = torch.ones(2, 4, 5, 16), torch.ones(2, 2, 7, 16)
            nn.functional.scaled_dot_product_attention(query, key, key, enable_gqa=True)
            return states

    found = counted(Grouped())
    assert found.by_component["language"] == 2 * 2 * 4 * 5 * 7 * (16 + 16)
    assert found.uncounted == ()


@pytest.mark.parametrize("name", ["int8_scaled_mm", "int8_linear_matmul"])
def test_a_quantized_product_counts_as_the_layer_it_stands_for(name: str) -> None:
    import torch

    pytest.importorskip("bitsandbytes")
    states, weight = torch.ones(5, 8, dtype=torch.int8), torch.ones(16, 8, dtype=torch.int8)
    rows, columns = torch.ones(5), torch.ones(16)
    others = (rows, columns) if name == "int8_scaled_mm" else ()
    call = getattr(torch.ops.bitsandbytes, name)
    model = a_model(torch.nn.Identity())
    with torch.inference_mode():
        found = flops.count(model, lambda: call(states, weight, *others))
    assert (found.total, found.uncounted) == (2 * 5 * 8 * 16, ())


def test_flex_attention_is_counted_as_the_products_that_it_stands_for() -> None:
    import torch

    from bench.worker.host import libraries
    from bench.worker.network import attention

    libraries.stand_in_for_torchvision_operators()
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=32, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    config._attn_implementation = "flex_attention"
    model = BertModel(config).eval()
    counts = {}
    with torch.inference_mode(), attention.by_products(model):
        counts["flex"] = flops.count(model, lambda: model(torch.ones(2, 7, dtype=torch.long))).total
    assert model.config._attn_implementation == "flex_attention"
    model.set_attn_implementation("sdpa")
    with torch.inference_mode(), attention.by_products(model):
        assert model.config._attn_implementation == "sdpa"
        counts["sdpa"] = flops.count(model, lambda: model(torch.ones(2, 7, dtype=torch.long))).total
    assert counts["flex"] == counts["sdpa"] > 0


DENSE = "(Tensor q, Tensor k, Tensor v, float dropout_p, bool causal) -> Tensor"
VARLEN = "(Tensor q, Tensor k, Tensor v, Tensor cu_seqlens_q, Tensor cu_seqlens_k, int max_seqlen_q, int max_seqlen_k) -> Tensor"
BOTH = (
    "(Tensor q, Tensor k, Tensor v, Tensor? k_new=None, Tensor? v_new=None, Tensor? qv=None, Tensor? out_=None,"
    " Tensor? cu_seqlens_q=None, Tensor? cu_seqlens_k=None) -> Tensor"
)


def borders(*lengths: int) -> "torch.Tensor":
    import torch

    return torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0).int()


@pytest.mark.parametrize(
    ("space", "name", "schema"),
    [
        ("flash_attn", "_flash_attn_forward", DENSE),
        ("flash_attn", "_flash_attn_varlen_forward", VARLEN),
        ("flash_attn_3", "_flash_attn_forward", BOTH),
        ("fa3_fwd", "_flash_attn_forward", BOTH),
    ],
)
def test_flash_attention_s_own_operators_are_counted_as_torch_s_are(space: str, name: str, schema: str) -> None:
    import torch
    from torch import nn

    if hasattr(getattr(torch.ops, space), name):
        pytest.skip(f"{space} is installed, and its operator needs a GPU")
    with torch.library._scoped_library(space, "FRAGMENT") as library:
        library.define(name + schema)
        library.impl(name, lambda query, *_: query, "CompositeExplicitAutograd")
        operator = getattr(getattr(torch.ops, space), name)

        class Flash(nn.Module):
            def forward(self, states: "torch.Tensor") -> "torch.Tensor":
                dense = torch.ones(2, 5, 4, 16), torch.ones(2, 7, 2, 16)  # [batch, queries, heads, size], and the keys
                packed = torch.ones(5, 4, 16), torch.ones(9, 2, 16)  # two sequences: 2 queries of 3 keys, and 3 of 6
                if schema is DENSE:
                    operator(dense[0], dense[1], dense[1], 0.0, causal=True)
                elif schema is VARLEN:
                    operator(packed[0], packed[1], packed[1], borders(2, 3), borders(3, 6), 3, 6)
                else:
                    operator(dense[0], dense[1], dense[1])
                    operator(packed[0], packed[1], packed[1], cu_seqlens_q=borders(2, 3), cu_seqlens_k=borders(3, 6))
                    operator(packed[0], packed[1], packed[1], None, None, None, None, borders(2, 3), borders(3, 6))
                return states

        found = counted(Flash())
    dense, packed = 2 * (2 * 5 * 7) * 4 * (16 + 16), 2 * (2 * 3 + 3 * 6) * 4 * (16 + 16)
    assert found.by_component["language"] == {DENSE: dense, VARLEN: packed, BOTH: dense + 2 * packed}[schema]
    assert found.uncounted == ()
