"""The first steps of a training, which start from the checkpoint with dropout off and seeded one by one.

Their losses are kept, and are the same wherever the same is computed. By them the optimizer has its state, and what only a running
step shows is read off the first.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from bench.domain.values import Json
from bench.protocol.messages import PROBE, Sampled
from bench.worker import metrics
from bench.worker.clock import phase
from bench.worker.learning import dropout, gradients, labels, optimizers
from bench.worker.learning.training import Training
from bench.worker.loads.loading import synchronize
from bench.worker.network import experts, sizes
from bench.worker.opening import Trial

KEPT = "kept_steps"
STEPS = 5
"""Steps whose losses are kept."""


def keep(run: Training, trial: Trial) -> dict[str, Json]:
    """Make the steps whose losses are kept, and read off the first what only a running step shows.

    Raises Refused where the head gives no loss, NonFiniteLossError.
    """
    import torch

    network, device = trial.loaded.model, trial.loaded.device
    watch = gradients.Watch(device)
    facts: dict[str, Json] = {"trainer": run.trainer.name}
    run.entering = watch.enter
    with trial.observer.phase(KEPT), dropout.off():
        for number in range(STEPS):
            torch.manual_seed(trial.request.procedure.seed + number)
            run.refresh()
            if number == 0:
                run.before_step = partial(_after_backward, network, trial, facts)
                with gradients.watching(network, watch), experts.seen(network, facts):
                    wall_s = trial.observer.clock.time_s(run.run, lambda: synchronize(device))
                run.before_step, run.entering = _nothing, _nothing
                trial.send(Sampled(samples=metrics.sample(metrics.FIRST_CALL, KEPT, wall_s)))
            else:
                run.run()
            run.values()
    trial.send(Sampled(samples=metrics.sample(metrics.TRAIN_LOSS, KEPT, *run.losses)))
    kept = sizes.stored(optimizers.state(run.trainer.optimizer))
    trial.send(Sampled(samples=metrics.sample(metrics.OPTIMIZER_BYTES, KEPT, kept)))
    return {**facts, **watch.facts(), **optimizers.observe(run.trainer.optimizer), **_of_labels(run.batches[0])}


def _nothing(*_anything: object) -> None:
    return None


def _after_backward(network: Any, trial: Trial, facts: dict[str, Json]) -> None:
    """Look at the gradients between backward and optimizer: there and only there they are."""
    facts |= gradients.of_parameters(network, trial.requested)
    trial.send(Sampled(samples=metrics.sample(metrics.GRADIENT_BYTES, KEPT, gradients.gradient_bytes(network))))


def _of_labels(batch: Mapping[str, Any]) -> dict[str, Json]:
    given = batch.get("labels")
    return {} if given is None else {"labels": list(given.shape), "labels_counted": int((given != labels.IGNORED).sum())}


def send_activations(run: Training, trial: Trial) -> None:
    """Count what one forward with the first batch keeps for the backward pass, in a pass of its own."""
    with phase(f"{PROBE}activations", trial.send, trial.observer.clock):
        run.rewind()
        run.refresh()
        kept = gradients.activation_bytes(trial.loaded.model, run.batches[0], run.forward_once)
        trial.send(Sampled(samples=metrics.sample(metrics.ACTIVATION_BYTES, f"{PROBE}activations", kept)))
