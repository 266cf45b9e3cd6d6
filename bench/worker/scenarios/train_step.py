"""Training steps: forward, backward, optimizer, on one batch with labels made up for it.

The first steps start from the checkpoint, with dropout off and seeded one by one: their losses are kept, and are the same wherever
the same is computed. By them the optimizer has its state; the steps after them are timed as they come, dropout on.
"""

from bench.protocol.messages import Measure, Observed
from bench.worker import metrics, opening, recipe
from bench.worker.clock import Clock
from bench.worker.learning import kept, labels, losses, trainers, training
from bench.worker.learning.training import Training
from bench.worker.material import padding
from bench.worker.material.beside import FORWARD_ONLY
from bench.worker.material.making import whole
from bench.worker.network import attention, observe
from bench.worker.steps import Step
from bench.worker.wire import Send


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
    run = Training(
        trainer=trainers.make(trial.loaded, requested, count), loaded=trial.loaded, batches=(batch,), micro_batches=count
    )
    with attention.kernel(str(requested["attention"])):
        trial.observed |= kept.keep(run, trial)
        trial.observed |= observe.spell_as_requested(requested, trial.observed)
        send(Observed(facts=trial.observed))
        observe.refuse_differences(requested, trial.observed)
        opening.send_all(padding.waste(given.tensors, trial.observed), send)
        compared, facts = losses.compare(request.parity, run.losses, batch)
        opening.send_all(compared, send)
        send(Observed(facts=facts))
        if request.outputs_only:
            return
        with trial.observer.disturbances():
            recipe.sample(Step(name="train", metric=metrics.TRAIN_STEP, run=run.run, prepare=run.refresh, read=run.values), trial)
        kept.send_activations(run, trial)
