"""One training step: forward and backward of each micro-batch, then the optimizer; each part timed within the step.

The parts are synchronised apart, so that on an accelerator a step has that many waits more than one that is not looked into.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter_ns
from typing import Any

from bench.domain.errors import UsageError
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker import metrics
from bench.worker.clock import NANO
from bench.worker.failures import NonFiniteLossError, Refused
from bench.worker.learning import freezing
from bench.worker.learning.trainers import Trainer
from bench.worker.loads.loading import Loaded, synchronize
from bench.worker.steps import Values

PARTS = {"forward": metrics.TRAIN_FORWARD, "backward": metrics.TRAIN_BACKWARD, "optimizer": metrics.TRAIN_OPTIMIZER}


def ready(loaded: Loaded, requested: Mapping[str, Json]) -> None:
    """Put LOADED's model into training: what REQUESTED freezes is frozen, checkpointing is on or off, no cache is kept.

    Raises Refused where a pattern matches nothing or nothing is left to train, ValueError where the class cannot do it.
    """
    network = loaded.model
    network.config.use_cache = False  # as transformers' own Trainer: a step has no use for it
    network.train()
    try:
        if train := _patterns(requested, "train"):
            freezing.set_trainable(network, (), trainable=False)
            freezing.set_trainable(network, train, trainable=True)
        if frozen := _patterns(requested, "freeze"):
            freezing.set_trainable(network, frozen, trainable=False)
    except UsageError as error:
        raise Refused(str(error), ReasonCode.INPUT_MISMATCH) from error
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise Refused("nothing is left to train: freeze takes every parameter", ReasonCode.INPUT_MISMATCH)
    if requested["gradient_checkpointing"]:
        enable = getattr(network, "activation_checkpointing_enable", None) or network.gradient_checkpointing_enable
        enable()


def _patterns(requested: Mapping[str, Json], axis: str) -> tuple[str, ...]:
    value = requested.get(axis)
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _nothing(_part: str) -> None:
    return None


def _no_look() -> None:
    return None


@dataclass(slots=True, kw_only=True)
class Training:
    """Steps of TRAINER on BATCHES, which micro-batches take in turn, each a fresh copy.

    `entering` hears which part begins, `before_step` is called between the last backward and the optimizer.
    """

    trainer: Trainer
    loaded: Loaded
    batches: Sequence[Mapping[str, Any]]
    micro_batches: int = 1
    entering: Callable[[str], object] = _nothing
    before_step: Callable[[], object] = _no_look
    losses: list[float] = field(default_factory=list)
    _spent: dict[str, float] = field(default_factory=dict)
    _fresh: list[dict[str, Any]] = field(default_factory=list)
    _next: int = 0
    _loss: Any = None

    def refresh(self) -> None:
        """Copy the inputs for one step."""
        count = len(self.batches)
        self._fresh = [
            {name: value.clone() if hasattr(value, "clone") else value for name, value in self.batches[at % count].items()}
            for at in range(self._next, self._next + self.micro_batches)
        ]
        self._next = (self._next + self.micro_batches) % count
        synchronize(self.loaded.device)

    def rewind(self) -> None:
        """Begin with the first batch again."""
        self._next = 0

    def run(self) -> None:
        """Make one step."""
        self.step_on(self._fresh)

    def step_on(self, batches: Iterable[Mapping[str, Any]]) -> None:
        """Make one step on BATCHES, one a micro-batch, each asked for when the one before it is through."""
        self._spent = dict.fromkeys(PARTS, 0.0)
        for batch in batches:
            with self.trainer.micro():
                self._timed("forward", partial(self._forward, batch))
                self._timed("backward", lambda: self.trainer.backward(self._loss))
        self.before_step()
        self._timed("optimizer", self.trainer.optimize)

    def _forward(self, batch: Mapping[str, Any]) -> None:
        with self.trainer.around():
            loss = self.trainer.model(**batch).loss
        if loss is None:
            raise Refused(f"{type(self.loaded.model).__name__} gave no loss for its labels", ReasonCode.NOT_IN_CLASS)
        self._loss = loss

    def forward_once(self) -> Any:
        """Call the model on one micro-batch and give its loss, with the graph that is kept for a backward pass."""
        self._forward(self._fresh[0])
        return self._loss

    def _timed(self, part: str, call: Callable[[], object]) -> None:
        self.entering(part)
        start = perf_counter_ns()
        call()
        synchronize(self.loaded.device)
        self._spent[part] += (perf_counter_ns() - start) * NANO

    def values(self) -> Values:
        """Give the seconds of the last step's parts, and note its loss: outside of what is timed.

        Raises NonFiniteLossError where the loss is no number any more.
        """
        loss = float(self._loss.detach())
        if not math.isfinite(loss):
            raise NonFiniteLossError(len(self.losses) + 1, loss)
        self.losses.append(loss)
        return {PARTS[part]: (seconds,) for part, seconds in self._spent.items()}
