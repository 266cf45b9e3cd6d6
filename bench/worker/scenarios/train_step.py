"""Training steps: forward, backward, optimizer, on one batch with labels made up for it.

The first steps start from the checkpoint, with dropout off and seeded one by one: their losses are kept, and are the same wherever
the same is computed. By them the optimizer has its state; the steps after them are timed as they come, dropout on.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from bench.domain.values import Json
from bench.protocol.messages import PROBE, Measure, Noise, Observed, Sampled
from bench.worker import metrics, opening, recipe
from bench.worker.clock import Clock, phase
from bench.worker.host import noise
from bench.worker.learning import dropout, gradients, labels, losses, optimizers, trainers, training
from bench.worker.learning.training import Training
from bench.worker.loads.loading import synchronize
from bench.worker.material import padding
from bench.worker.material.beside import FORWARD_ONLY
from bench.worker.material.making import whole
from bench.worker.network import attention, experts, observe, sizes
from bench.worker.steps import Step
from bench.worker.wire import Send

KEPT = "kept_steps"
STEPS = 5
"""Steps whose losses are kept."""


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Train on the case of REQUEST once, sending everything as events.

    Raises Refused, NonFiniteLossError, and what the libraries raise.
    """
    requested = request.case.requested
    trial = opening.load(request, send, clock, change=lambda loaded: training.ready(loaded, requested))
    given = opening.prepare(trial)
    batch = {name: value for name, value in given.tensors.items() if name not in FORWARD_ONLY}
    batch |= labels.of(trial.loaded, batch)
    count = whole(requested["gradient_accumulation"])
    run = Training(trainer=trainers.make(trial.loaded, requested, count), loaded=trial.loaded, batch=batch, micro_batches=count)
    with attention.kernel(str(requested["attention"])):
        trial.observed |= _keep(run, trial)
        trial.observed |= observe.spell_as_requested(requested, trial.observed)
        send(Observed(facts=trial.observed))
        observe.refuse_differences(requested, trial.observed)
        opening.send_all(padding.waste(given.tensors, trial.observed), send)
        compared, facts = losses.compare(request.parity, run.losses, batch)
        opening.send_all(compared, send)
        send(Observed(facts=facts))
        if request.outputs_only:
            return
        before = noise.read()
        recipe.sample(Step(name="train", metric=metrics.TRAIN_STEP, run=run.run, prepare=run.refresh, read=run.values), trial)
        send(Noise(facts=noise.between(before, noise.read())))
        with phase(f"{PROBE}activations", send, clock):
            _send_activations(run, trial)


def _keep(run: Training, trial: opening.Trial) -> dict[str, Json]:
    """Make the steps whose losses are kept, and read off the first what only a running step shows."""
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
    return {**facts, **watch.facts(), **optimizers.observe(run.trainer.optimizer), **_of_labels(run.batch)}


def _nothing(*_anything: object) -> None:
    return None


def _after_backward(network: Any, trial: opening.Trial, facts: dict[str, Json]) -> None:
    """Look at the gradients between backward and optimizer: there and only there they are."""
    facts |= gradients.of_parameters(network, trial.requested)
    trial.send(Sampled(samples=metrics.sample(metrics.GRADIENT_BYTES, KEPT, gradients.gradient_bytes(network))))


def _of_labels(batch: Mapping[str, Any]) -> dict[str, Json]:
    given = batch.get("labels")
    return {} if given is None else {"labels": list(given.shape), "labels_counted": int((given != labels.IGNORED).sum())}


def _send_activations(run: Training, trial: opening.Trial) -> None:
    run.refresh()
    kept = gradients.activation_bytes(trial.loaded.model, run.batch, run.forward_once)
    trial.send(Sampled(samples=metrics.sample(metrics.ACTIVATION_BYTES, f"{PROBE}activations", kept)))
