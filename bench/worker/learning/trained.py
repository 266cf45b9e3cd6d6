"""A training step whose batches come from the host, one a micro-batch, each brought to the device when its turn comes."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.domain.data import FedStep
from bench.domain.values import Json
from bench.protocol.messages import Observed
from bench.worker import metrics, opening
from bench.worker.learning import kept, losses
from bench.worker.learning.training import Training
from bench.worker.loads.loading import synchronize
from bench.worker.steps import Values


@dataclass(slots=True, kw_only=True)
class Trained:
    """Steps of `training` on batches that `move` brings to the device. `brought_s` and `step_s` are those of the last one."""

    trial: opening.Trial
    training: Training
    move: Callable[[Mapping[str, Any]], dict[str, Any]]
    brought_s: float = 0.0
    step_s: float = 0.0

    @property
    def batches(self) -> int:
        """Batches of one step."""
        return self.training.micro_batches

    def begin(self) -> dict[str, Json]:
        """Make the steps whose losses are kept, with the batches in hand, and give what was seen of them."""
        facts = kept.keep(self.training, self.trial)
        return {**facts, "step": FedStep.TRAIN.value if facts["gradient_accumulation"] else FedStep.FORWARD.value}

    def compare(self) -> bool:
        """Compare the kept losses with those of the reference case; tell whether that is all that is asked for."""
        request, send = self.trial.request, self.trial.send
        compared, facts = losses.compare(request.parity, self.training.losses, self.training.batches[0])
        opening.send_all(compared, send)
        send(Observed(facts=facts))
        return request.outputs_only

    def run(self, hosts: Iterable[Mapping[str, Any]]) -> None:
        """Make one step on HOSTS, batches on the host, the next of which is asked for when the one before it is through."""
        start, self.brought_s = time.perf_counter(), 0.0
        self.training.step_on(self._brought(iter(hosts)))
        self.step_s = time.perf_counter() - start - self.brought_s

    def _brought(self, hosts: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Bring each of HOSTS to the device, and count what that takes, the wait for it included."""
        while True:
            start = time.perf_counter()
            try:
                tensors = self.move(next(hosts))
            except StopIteration:
                return
            synchronize(self.trial.loaded.device)
            self.brought_s += time.perf_counter() - start
            yield tensors

    def values(self) -> Values:
        """Give the seconds of the last step and its parts, without what brought its batches.

        Raises NonFiniteLossError where its loss is no number any more.
        """
        return {metrics.TRAIN_STEP: (self.step_s,), **self.training.values()}

    def end(self) -> None:
        """Count what is kept for the backward pass, in a pass of its own."""
        kept.send_activations(self.training, self.trial)
