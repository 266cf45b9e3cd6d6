"""Feeding a model: does the loader keep up? Steps that take their batch from a loader, beside steps with batches in hand.

A step waits for its batch, brings it to the device and calls the model once, or trains it. What it waits is what the loader did not
do while the model ran.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

from bench.domain.data import FedStep
from bench.domain.values import Json
from bench.protocol.messages import Measure, Noted, Observed, Sampled
from bench.worker import metrics, opening, recipe, steps
from bench.worker.clock import Clock
from bench.worker.fed import Fed, Forwards, Host, Work, in_hand
from bench.worker.learning import told, trained, trainers, training
from bench.worker.loads.loading import Loaded
from bench.worker.material import combined, feeding, loaders, masks, packing, padding, realised
from bench.worker.material.making import whole
from bench.worker.material.streams import Stream
from bench.worker.network import attention, observe
from bench.worker.steps import Step
from bench.worker.wire import Send

PHASE = "first_batch"


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Feed the case of REQUEST once, sending everything as events. Raises Refused, and what the libraries raise."""
    import torch

    trains = request.data is not None and request.data.step is FedStep.TRAIN
    with nullcontext() if trains else torch.inference_mode():
        change = partial(training.ready, requested=request.case.requested) if trains else _as_it_is
        trial = opening.load(request, send, clock, change)
        longest = feeding.longest(request)
        teacher = told.Teacher(loaded=trial.loaded, traits=trial.traits, longest=longest) if trains else None
        stream = Stream(feed=loaders.of(trial, teacher))
        try:
            with attention.kernel(str(trial.requested["attention"])):
                _measure(trial, stream, trains=trains)
        finally:
            stream.close()


def _as_it_is(_loaded: Loaded) -> None:
    return None


def _measure(trial: opening.Trial, stream: Stream, *, trains: bool) -> None:
    loaded, requested, feed = trial.loaded, trial.requested, stream.feed
    hosts = _first_batches(trial, stream)
    packs = feed.batching == "packed"
    move = opening.mover(loaded, dict if packs else masks.form(loaded, hosts[0], requested))
    held = [move(host) for host in hosts]
    if packs:
        _refuse_mixing(loaded, hosts[0])
    options = {"use_cache": False} if packs else steps.forward_options(requested)
    work: Work
    work = _training(trial, move, held) if trains else Forwards(trial=trial, move=move, options=options, held=held)
    trial.observed |= _facts(trial, feed, hosts, held)
    trial.observed |= work.begin()
    trial.observed |= masks.arrived(requested, trial.observed)
    trial.observed |= observe.spell_as_requested(requested, trial.observed)
    trial.send(Observed(facts=trial.observed))
    observe.refuse_differences(requested, trial.observed)
    opening.send_all(padding.waste(held[0], trial.observed, held[1:]), trial.send)
    if work.compare():
        return
    with trial.observer.disturbances():
        recipe.sample(in_hand(work, hosts), trial)
        fed_step = Fed(trial=trial, stream=stream, work=work)
        recipe.sample(Step(name="feed", run=fed_step.run, read=fed_step.values), trial)
    if stream.passes:
        trial.send(Noted(text=f"the loader ended and began again {stream.passes} times: data.first_wait has what that took"))
    work.end()


def _training(trial: opening.Trial, move: Callable[[Host], dict[str, Any]], held: Sequence[Host]) -> trained.Trained:
    count = whole(trial.requested["gradient_accumulation"])
    trainer = trainers.make(trial.loaded, trial.requested, count)
    run = training.Training(trainer=trainer, loaded=trial.loaded, batches=held, micro_batches=count)
    return trained.Trained(trial=trial, training=run, move=move)


def _refuse_mixing(loaded: Loaded, host: Host) -> None:
    """Try a packed batch, dropout off: what differs by chance tells nothing."""
    import torch

    trains = loaded.model.training
    loaded.model.eval()
    with torch.no_grad():
        packing.refuse_mixing(loaded, host)
    loaded.model.train(trains)


def _first_batches(trial: opening.Trial, stream: Stream) -> list[Host]:
    """Take the batches that are held, on the host. What the first one waits has the start of the loader's processes in it."""
    feed = stream.feed
    with trial.observer.phase(PHASE):
        batch = stream.take()
        trial.send(Sampled(samples=metrics.sample(metrics.DATA_FIRST_WAIT, PHASE, stream.waited_s)))
    return [feed.to_host(batch), *(feed.to_host(stream.take()) for _ in range(stream.held() - 1))]


def _facts(trial: opening.Trial, feed: loaders.Feed, hosts: Sequence[Host], held: Sequence[Host]) -> dict[str, Json]:
    """Tell how the loader loads, and what the first batches hold. What was cut is known where there is raw input only."""
    data = trial.request.data
    raws = feed.raws if feed.batching != "packed" else ()
    inputs = [{name: value for name, value in tensors.items() if name not in told.NAMES} for tensors in held]
    each = [realised.of_inputs(trial.loaded, tensors, raw) for tensors, raw in zip(inputs, raws or [{}] * len(held), strict=True)]
    found = combined.together(each) | feed.facts() | {"pin_memory": _is_pinned(hosts[0]), "counted_batches": len(held)}
    if not raws:
        del found["truncated_items"]
    if feed.batching == "packed":
        found["batch_size"] = int((held[0]["position_ids"] == 0).sum())
    return found if data is None else {**found, "data": data.name, "data_digest": data.digest, "data_items": data.items}


def _is_pinned(host: Host) -> bool:
    tensors = [tensor for tensor in host.values() if hasattr(tensor, "is_pinned")]
    return bool(tensors) and all(tensor.is_pinned() for tensor in tensors)
