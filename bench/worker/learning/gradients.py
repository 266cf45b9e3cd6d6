"""What a training step shows of itself: which modules ran again in the backward pass, where gradients came to be, what is kept.

Recomputed modules are counted as they are called, so that checkpointing is seen at work and not read off a flag.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.learning import freezing
from bench.worker.network import sizes


@dataclass(slots=True)
class Watch:
    """Counts calls of a network's modules by the part of the step that runs, and sees autocast from within."""

    device: str
    part: str = ""
    calls: dict[str, int] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    autocast: str = "none"

    def enter(self, part: str) -> None:
        """Hear that PART of the step begins."""
        self.part = part
        self.parts[part] = self.parts.get(part, 0) + 1

    def called(self, module: Any, _arguments: Any) -> None:
        """Hear that MODULE is called."""
        import torch

        self.calls[self.part] = self.calls.get(self.part, 0) + 1
        kind = self.device.partition(":")[0]
        if self.part == "forward" and next(module.children(), None) is None and torch.is_autocast_enabled(kind):
            self.autocast = str(torch.get_autocast_dtype(kind)).removeprefix("torch.")

    def facts(self) -> dict[str, Json]:
        """Give what was seen."""
        again = self.calls.get("backward", 0)
        return {
            "gradient_checkpointing": again > 0,
            "recomputed_modules": again,
            "gradient_accumulation": self.parts.get("backward", 0),
            "autocast": self.autocast,
        }


@contextmanager
def watching(network: Any, watch: Watch) -> Iterator[None]:
    """Let WATCH hear every call of NETWORK's modules while the block runs."""
    hooks = [module.register_forward_pre_hook(watch.called) for module in network.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def of_parameters(network: Any, requested: Mapping[str, Json]) -> dict[str, Json]:
    """Read off NETWORK's parameters, which have their gradients, what is trained and what is not.

    Raises Refused where a frozen parameter has a gradient.
    """
    frozen = [(name, one) for name, one in network.named_parameters() if not one.requires_grad]
    wrong = [name for name, one in frozen if one.grad is not None]
    if wrong:
        raise Refused(f"frozen parameters have gradients: {', '.join(wrong[:3])}", ReasonCode.NOT_AS_REQUESTED)
    facts: dict[str, Json] = {
        "frozen_parameters": sum(one.numel() for _, one in frozen),
        "parameters_without_gradient": sum(1 for one in network.parameters() if one.requires_grad and one.grad is None),
    }
    for axis, is_as_asked in (("freeze", _is_still), ("train", _is_trained)):
        asked = requested.get(axis)
        kept = [pattern for pattern in asked if is_as_asked(network, str(pattern))] if isinstance(asked, list | tuple) else []
        facts[axis] = type(asked)(kept) if isinstance(asked, list | tuple) else []
    return facts


def _is_still(network: Any, pattern: str) -> bool:
    return all(one.grad is None and not one.requires_grad for one in _floating(network, pattern))


def _is_trained(network: Any, pattern: str) -> bool:
    return any(one.grad is not None for one in _floating(network, pattern))


def _floating(network: Any, pattern: str) -> Iterable[Any]:
    return (one for one in freezing.select(network, (pattern,)).values() if one.is_floating_point())


def gradient_bytes(network: Any) -> int:
    """Sum the bytes of NETWORK's gradients."""
    return sizes.stored(one.grad for one in network.parameters() if one.grad is not None)


def activation_bytes(network: Any, batch: Mapping[str, Any], forward: Callable[[], object]) -> int:
    """Sum the bytes that FORWARD keeps for the backward pass: storages saved in its graph, without weights and the BATCH."""
    import torch

    given = (*network.parameters(), *network.buffers(), *(one for one in batch.values() if isinstance(one, torch.Tensor)))
    known = {_place(one) for one in given}
    saved: dict[tuple[int, str], int] = {}

    def pack(tensor: Any) -> Any:
        if _place(tensor) not in known:
            saved[_place(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        kept = forward()
    del kept
    return sum(saved.values())


def _place(tensor: Any) -> tuple[int, str]:
    return tensor.untyped_storage().data_ptr(), str(tensor.device)
