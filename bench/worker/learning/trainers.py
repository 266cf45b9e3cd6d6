"""Who runs a training step: a plain loop as users write it, or accelerate's Accelerator. Both give the same four calls."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from bench.domain.values import Json
from bench.worker.learning import optimizers
from bench.worker.loads.loading import Loaded


@dataclass(slots=True, kw_only=True)
class Trainer:
    """One way to train `model`, which is the one to call: `around` stands around each forward, `micro` around a micro-batch."""

    name: str
    model: Any
    optimizer: Any
    around: Callable[[], AbstractContextManager[Any]]
    backward: Callable[[Any], object]
    micro: Callable[[], AbstractContextManager[Any]] = nullcontext

    def optimize(self) -> None:
        """Let the optimizer step, and forget the gradients."""
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def make(loaded: Loaded, requested: Mapping[str, Json], micro_batches: int) -> Trainer:
    """Make the trainer that REQUESTED names. Raises ImportError where a package is missing."""
    trained = [parameter for parameter in loaded.model.parameters() if parameter.requires_grad]
    optimizer = optimizers.make(str(requested["optimizer"]), trained)
    name = str(requested["trainer"])
    return _MAKERS[name](loaded, optimizer, str(requested["autocast"]), micro_batches)


def _plain(loaded: Loaded, optimizer: Any, autocast: str, micro_batches: int) -> Trainer:
    import torch

    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    if autocast != "none":
        around = partial(torch.autocast, loaded.device.partition(":")[0], dtype=getattr(torch, autocast))
    return Trainer(
        name="plain",
        model=loaded.model,
        optimizer=optimizer,
        around=around,
        backward=lambda loss: (loss / micro_batches).backward(),
    )


_PRECISIONS = {"none": "no", "bfloat16": "bf16", "float16": "fp16"}


def _accelerate(loaded: Loaded, optimizer: Any, autocast: str, micro_batches: int) -> Trainer:
    from accelerate import Accelerator  # type: ignore[import-untyped]

    accelerator = Accelerator(
        cpu=loaded.device == "cpu", mixed_precision=_PRECISIONS[autocast], gradient_accumulation_steps=micro_batches
    )
    model, prepared = accelerator.prepare(loaded.model, optimizer)
    return Trainer(
        name="accelerate" if type(prepared).__name__ == "AcceleratedOptimizer" else "plain",
        model=model,
        optimizer=prepared,
        around=accelerator.autocast,
        backward=accelerator.backward,
        micro=partial(accelerator.accumulate, model),
    )


_MAKERS: Mapping[str, Callable[[Loaded, Any, str, int], Trainer]] = {"plain": _plain, "accelerate": _accelerate}
