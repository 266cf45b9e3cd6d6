"""Steps that take their batches from a loader, beside the same steps with batches in hand; what they do with one is their work."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from math import gcd
from typing import Any, Protocol

from bench.domain.data import FedStep
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker import metrics, opening, recipe
from bench.worker.loads.loading import synchronize
from bench.worker.material.streams import Stream
from bench.worker.steps import Call, Step, Values

Host = Mapping[str, Any]
"""Tensors of a batch on the host."""


class Work(Protocol):
    """What is done with batches."""

    @property
    def batches(self) -> int:
        """Batches of one step."""

    def begin(self) -> dict[str, Json]:
        """Call the model for the first time, with the batches in hand, and give what was seen."""

    def compare(self) -> bool:
        """Compare what came of it with the reference; tell whether that is all that is asked for."""

    def run(self, hosts: Iterable[Host]) -> None:
        """Make one step on HOSTS."""

    def values(self) -> Values:
        """Give what the last step sampled beside its wall time."""

    def end(self) -> None:
        """Make the passes that are no part of a step."""


@dataclass(slots=True, kw_only=True)
class Forwards:
    """Forward passes: a batch on the host is brought to the device and the model called with it. `held` are those in hand."""

    trial: opening.Trial
    move: Callable[[Host], dict[str, Any]]
    options: Mapping[str, Any]
    held: Sequence[Host]
    batches: int = 1

    def begin(self) -> dict[str, Json]:
        """Call the model for the first time."""
        trial, first = self.trial, self.held[0]
        call = Call(trial.loaded, first, self.options)
        of_model = (Step(name="forward", run=call.forward, prepare=call.refresh),)
        facts = recipe.first_call(of_model, trial.loaded, first, trial.traits - {Trait.GENERATES}, trial.observer, trial.send)
        return {**facts, "step": FedStep.FORWARD.value}

    def compare(self) -> bool:
        """Compare nothing: a loader changes no outputs."""
        return False

    def run(self, hosts: Iterable[Host]) -> None:
        """Call the model with each of HOSTS."""
        for host in hosts:
            Call(self.trial.loaded, {}, self.options, self.move(host)).forward()

    def values(self) -> Values:
        """Give nothing beside the wall time."""
        return {}

    def end(self) -> None:
        """Leave it at that."""


@dataclass(slots=True, kw_only=True)
class Fed:
    """A step that takes its batches from a loader.

    `wait_s` and `step_s` are those of the last one. Where the loader began again in it, which starts its processes again, what was
    waited is that of a first batch and no part of the steps.
    """

    trial: opening.Trial
    stream: Stream
    work: Work
    wait_s: float = 0.0
    step_s: float = 0.0
    began: bool = False

    def run(self) -> None:
        """Wait for batches and make one step on them."""
        stream = self.stream
        passes, waited_s = stream.passes, stream.waited_s
        start = time.perf_counter()
        self.work.run(self._taken())
        synchronize(self.trial.loaded.device)
        self.step_s = time.perf_counter() - start
        self.wait_s = stream.waited_s - waited_s
        self.began = stream.passes != passes

    def _taken(self) -> Iterator[Host]:
        for _ in range(self.work.batches):
            yield self.stream.feed.to_host(self.stream.take())

    def values(self) -> Values:
        """Give what the last step waited and took, and what else it samples."""
        own = self.work.values()
        if self.began:
            return {metrics.DATA_FIRST_WAIT: (self.wait_s,)}
        return {metrics.DATA_WAIT: (self.wait_s,), metrics.DATA_STEP: (self.step_s,), **own}


def in_hand(work: Work, hosts: Sequence[Host]) -> Step:
    """Give the step on batches that are in hand, in turn."""
    endless = cycle(hosts)
    return Step(
        name="in_hand",
        metric=metrics.DATA_IN_HAND,
        run=lambda: work.run(islice(endless, work.batches)),
        round=len(hosts) // gcd(len(hosts), work.batches),
    )
