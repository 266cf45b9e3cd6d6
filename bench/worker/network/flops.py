"""Floating-point operations of one call, by component: those of matrix products, convolutions and attention, as torch counts them.

A multiplication and an addition are two. What is not one of these (norms, activations, softmax, look-ups) is left out by
convention. An operation that is one of these and has no formula, or whose kernel comes from outside torch, is named instead.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.worker.network import components

Formula = Callable[..., int]
_OWN = frozenset({"aten", "prim", "prims", "profiler", "higher_order", "inductor"})
_HEAVY = re.compile(r"(^|_)(\w*mm|mv|addmv|dot|vdot|conv\w*|\w*attention\w*|rnn\w*|lstm\w*|gru\w*|linear\w*|fft\w*)($|_)")
_FUSED = (
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
)
_LIGHT = re.compile(r"^(_?fused_rms_norm|_fused_sdp_choice)")


@dataclass(slots=True, kw_only=True)
class Count:
    """What was counted: operations by component, and the names of the operators that are not in them."""

    by_component: "Counter[str]" = field(default_factory=Counter)
    uncounted: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All operations."""
        return self.by_component.total()


def count(model: Any, call: Callable[[], object]) -> Count:
    """Run CALL, which calls MODEL, once and count. What no module inside the model did is its head's."""
    from torch.utils.flop_counter import FlopCounterMode

    found, named = Count(), _Named()
    counter = FlopCounterMode(display=False, custom_mapping=_formulas())
    # Its own tracker asks parameters that are handed over for gradients, of which inference mode has none.
    counter.mod_tracker = _Untracked()  # type: ignore[assignment]
    with named.watching(), counter, _attributed(model, counter.get_total_flops, found.by_component):
        call()
    known = {str(operator) for operator in counter.flop_registry}
    found.uncounted = tuple(sorted(name for name in named.seen if name not in known and _is_heavy(name)))
    return found


def _formulas() -> dict[Any, Any]:
    """Give formulas that torch's counter lacks: of fused attention, and of the products of a mixture of experts.

    Before 2.13 torch's own formula of fused attention refuses keys with fewer heads than the queries, and none has it of a CPU's.
    """
    import torch

    aten = torch.ops.aten

    def attention(query: Any, key: Any, value: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
        # [batch, heads, queries, size] by [batch, key heads, keys, size], then by the values: each key head serves several heads.
        del out_shape
        return 2 * _product(query[:3]) * int(key[2]) * (int(query[3]) + int(value[3]))

    def grouped(left: Any, right: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
        # Two dimensions: rows that are dealt out among the groups; three: one matrix a group.
        del out_shape
        return 2 * _product(left) * int(right[-1])

    held: dict[str, Formula] = {**dict.fromkeys(_FUSED, attention), "_grouped_mm": grouped}
    others = {**_quantized(), **_flash()}
    spaces = ((aten, held), *((getattr(torch.ops, name), formulas) for name, formulas in others.items()))
    return {
        getattr(space, name): formula
        for space, formulas in spaces
        for name, formula in formulas.items()
        if hasattr(space, name)  # it is where its library is imported
    }


def _quantized() -> dict[str, dict[str, Formula]]:
    """Give the formulas of quantized products by library: those of the layer they stand for, whose weight is [outputs, inputs]."""

    def by(place: int) -> Formula:
        """Make the formula of a product of the first argument with the weight, or the sizes of it, that stands at PLACE."""

        def product(*arguments: Any, **_: Any) -> int:
            return 2 * _product(arguments[0]) * int(arguments[place][0])

        return product

    def none(*_: Any, **__: Any) -> int:
        return 0

    of_bitsandbytes: dict[str, Formula] = {
        **dict.fromkeys(("gemm_4bit", "gemv_4bit", "int8_mixed_scaled_mm"), by(2)),
        **dict.fromkeys(("int8_scaled_mm", "int8_linear_matmul"), by(1)),
        **dict.fromkeys(("int8_vectorwise_quant", "int8_vectorwise_dequant", "int8_mm_dequant", "int8_double_quant"), none),
        **dict.fromkeys(("dequantize_4bit", "dequantize_blockwise"), none),
    }
    return {"bitsandbytes": of_bitsandbytes, "quanto": {"qbytes_mm": by(1)}}


def _flash() -> dict[str, dict[str, Formula]]:
    """Give the formulas of flash attention's own packages: of all scores, as torch counts, whose half a causal mask saves."""

    def at(place: int | None) -> Formula:
        """Make the formula of an operator that takes the borders of sequences at PLACE and behind it; None takes none."""

        def attention(query: Any, key: Any, value: Any, *rest: Any, out_val: Any = None, **named: Any) -> int:
            del out_val
            given = {} if place is None else dict(enumerate(rest[place : place + 2]))
            ours, theirs = (given.get(number, named.get(f"cu_seqlens_{of}")) for number, of in enumerate("qk"))
            if ours is None or theirs is None:
                pairs = int(query.shape[0]) * int(query.shape[1]) * int(key.shape[1])
            else:  # sequences in a row, without a dimension for the batch: each looks at its own keys alone
                pairs = int((ours.diff().long() * theirs.diff().long()).sum())
            return 2 * pairs * int(query.shape[-2]) * (int(query.shape[-1]) + int(value.shape[-1]))

        attention._get_raw = True  # type: ignore[attr-defined]  # noqa: SLF001 -- so torch's counter hands tensors over, not shapes
        return attention

    return {
        "flash_attn": {"_flash_attn_forward": at(None), "_flash_attn_varlen_forward": at(0)},
        "flash_attn_3": {"_flash_attn_forward": at(4)},
        "fa3_fwd": {"_flash_attn_forward": at(4)},
    }


def _product(shape: Any) -> int:
    total = 1
    for size in shape:
        total *= int(size)
    return total


def _is_heavy(name: str) -> bool:
    """Tell whether the operator NAME does work that is to be counted, or comes from outside torch, so that nobody knows."""
    space, _, short = name.partition(".")
    return space not in _OWN or (_HEAVY.search(short) is not None and _LIGHT.search(short) is None)


class _Untracked:
    """What the counter asks which modules run: it counts the whole, and the parts are told apart here."""

    parents = frozenset({"Global"})

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End."""


@dataclass(slots=True)
class _Named:
    """The operators that really ran, by namespace and name: those that others are made of are seen as what they are made of."""

    seen: set[str] = field(default_factory=set)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note operators while the block runs. Entered before the counter, it sees what the counter lets through."""
        from torch.utils._python_dispatch import TorchDispatchMode

        seen = self.seen

        class Watch(TorchDispatchMode):
            def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                del types
                seen.add(str(getattr(func, "overloadpacket", func)))
                return func(*args, **(kwargs or {}))

        with Watch():  # type: ignore[no-untyped-call]
            yield


@contextmanager
def _attributed(model: Any, total: Callable[[], int], into: "Counter[str]") -> Iterator[None]:
    """Add what TOTAL grows by to the component of the innermost module of MODEL that runs."""
    active: list[str] = []
    last = [total()]

    def settle() -> None:
        now = total()
        if now != last[0]:
            into[active[-1] if active else "head"] += now - last[0]
        last[0] = now

    def before(component: str) -> Callable[..., None]:
        def enter(*_: Any) -> None:
            settle()
            active.append(component)

        return enter

    def after(*_: Any) -> None:
        settle()
        active.pop()

    hooks = []
    for name, module in model.named_modules():
        part = components.of_name(model, f"{name}.") if name else "head"
        hooks += [module.register_forward_pre_hook(before(part)), module.register_forward_hook(after, always_call=True)]
    try:
        yield
        settle()
    finally:
        for hook in hooks:
            hook.remove()
