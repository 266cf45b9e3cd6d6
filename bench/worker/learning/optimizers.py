"""Optimizers by the names that suites use, and what one turns out to be once it has stepped."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bench.domain.values import Json

RATE = 1e-4
"""Learning rate: large enough that five steps show in the loss, small enough that none of the families diverges."""


def make(name: str, parameters: Iterable[Any]) -> Any:
    """Make the optimizer called NAME for PARAMETERS. Raises ImportError where its package is missing."""
    return _MAKERS[name](list(parameters))


def _adamw(parameters: list[Any]) -> Any:
    import torch

    return torch.optim.AdamW(parameters, lr=RATE)


def _fused(parameters: list[Any]) -> Any:
    import torch

    return torch.optim.AdamW(parameters, lr=RATE, fused=True)


def _sgd(parameters: list[Any]) -> Any:
    import torch

    return torch.optim.SGD(parameters, lr=RATE)


def _bnb(parameters: list[Any]) -> Any:
    from bitsandbytes.optim.adamw import AdamW8bit

    return AdamW8bit(parameters, lr=RATE)


def _bnb_paged(parameters: list[Any]) -> Any:
    from bitsandbytes.optim.adamw import PagedAdamW8bit

    return PagedAdamW8bit(parameters, lr=RATE)


_MAKERS: Mapping[str, Callable[[list[Any]], Any]] = {
    "adamw": _adamw,
    "adamw-fused": _fused,
    "sgd": _sgd,
    "bnb-adamw8bit": _bnb,
    "bnb-paged-adamw8bit": _bnb_paged,
}


def observe(optimizer: Any) -> dict[str, Json]:
    """Read off OPTIMIZER, which has stepped, which one it is: by its class, its options and the form of its state."""
    inner = getattr(optimizer, "optimizer", optimizer)
    states = list(state(inner))
    narrow = sum(one.numel() for one in states if one.element_size() == 1)
    facts: dict[str, Json] = {"optimizer_class": type(inner).__name__, "optimizer": _name(inner, states, narrow=narrow > 0)}
    return {**facts, "optimizer_8bit_share": narrow / sum(one.numel() for one in states)} if narrow else facts


def _name(inner: Any, states: list[Any], *, narrow: bool) -> str:
    kind = type(inner).__name__
    if type(inner).__module__.startswith("bitsandbytes"):
        paged = any(getattr(one, "is_paged", False) for one in states)
        return f"bnb-{'paged-' if paged else ''}adamw{'8bit' if narrow else ''}"
    return kind.lower() + ("-fused" if getattr(inner, "defaults", {}).get("fused") else "")


def state(optimizer: Any) -> Iterator[Any]:
    """Give the tensors that OPTIMIZER keeps from one step to the next."""
    inner = getattr(optimizer, "optimizer", optimizer)
    for kept in inner.state.values():
        yield from (value for value in kept.values() if hasattr(value, "element_size"))
