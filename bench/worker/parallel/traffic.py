"""What ranks send each other in a call, and how long they wait: both seen from inside, each in passes of its own.

Every collective and every message goes through torch's dispatcher, where a mode counts the bytes of the tensors that are handed
over. A pipeline's rank waits in its stage's receptions and in the broadcast of the last one's logits.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from bench.worker.parallel import sharing

_SPACES = frozenset({"c10d", "_c10d_functional"})
_BROADCAST, _ROOT = "broadcast_", 2
"""Only the rank that this argument names sends one, all others receive it."""
_NOT_SENT = frozenset({"recv_", "recv_any_source_", "wait_tensor", "barrier", "monitored_barrier_"})


@dataclass(slots=True)
class Traffic:
    """Calls and bytes of one rank, by the name of the operation."""

    calls: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, size: int) -> None:
        """Count an operation NAME that hands over SIZE bytes."""
        self.calls[name] = self.calls.get(name, 0) + 1
        self.bytes[name] = self.bytes.get(name, 0) + size


def count(run: Callable[[], object]) -> Traffic:
    """RUN once and count what this rank hands over."""
    from torch.utils._python_dispatch import TorchDispatchMode

    found = Traffic()

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            name = func._opname  # noqa: SLF001 -- there is no public one
            if func.namespace in _SPACES and name not in _NOT_SENT and (name != _BROADCAST or args[_ROOT] == sharing.rank()):
                found.add(name, _size(args))
            return func(*args, **(kwargs or {}))

    with Counting():  # type: ignore[no-untyped-call]  # it is made by torch's own __init__, which has no types
        run()
    return found


def _size(given: Any) -> int:
    """Sum the bytes of the tensors in GIVEN, lists of them included; of several lists the first is what is sent."""
    if hasattr(given, "element_size"):
        return int(given.numel() * given.element_size())
    if isinstance(given, list | tuple):
        return sum(_size(one) for one in given if hasattr(one, "element_size") or isinstance(one, list | tuple))
    return 0


def idle_share(model: Any, run: Callable[[], object], calls: int) -> float | None:
    """Give the share of CALLS of RUN in which this rank of a pipeline waited for others; None where MODEL is no pipeline."""
    stage = getattr(model, "_pp_stage", None)
    if stage is None:
        return None
    waited = [0.0]

    def timed(wait: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return wait(*arguments, **options)
            finally:
                waited[0] += time.perf_counter() - start

        return wrapped

    with (
        patch.object(stage, "communicate", timed(stage.communicate)),
        patch.object(stage, "broadcast_from_last", timed(stage.broadcast_from_last)),
    ):
        start = time.perf_counter()
        for _ in range(calls):
            run()
        return waited[0] / (time.perf_counter() - start)
