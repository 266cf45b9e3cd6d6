"""Feeding a model: does the loader keep up? Steps that take their batch from a loader, beside steps with batches in hand.

A step waits for its batch, brings it to the device and calls the model once. What it waits is what the loader did not do while the
model ran.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.protocol.messages import Measure, Noise, Noted, Observed, Sampled
from bench.worker import metrics, opening, recipe, steps
from bench.worker.clock import Clock
from bench.worker.failures import Refused
from bench.worker.host import noise
from bench.worker.loads.loading import synchronize
from bench.worker.material import combined, loaders, masks, packing, padding, realised
from bench.worker.material.feeding import in_turn
from bench.worker.material.loaders import Feed
from bench.worker.network import attention, observe
from bench.worker.steps import Call, Step, Values
from bench.worker.wire import Send

PHASE = "first_batch"


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Feed the case of REQUEST once, sending everything as events. Raises Refused, and what the libraries raise."""
    import torch

    with torch.inference_mode():
        trial = opening.load(request, send, clock)
        stream = Stream(feed=loaders.of(trial))
        try:
            with attention.kernel(str(trial.requested["attention"])):
                _measure(trial, stream)
        finally:
            stream.close()


@dataclass(slots=True, kw_only=True)
class Stream:
    """The batches of a feed without an end: a loader that is through begins again."""

    feed: Feed
    passes: int = 0
    _running: Iterator[Any] | None = None

    def take(self) -> Any:
        """Wait for the next batch. Raises Refused where the loader gives none at all."""
        for _ in range(2):
            if self._running is None:
                self._running = iter(self.feed.loader)
            try:
                return next(self._running)
            except StopIteration:
                self._running, self.passes = None, self.passes + 1
            except RuntimeError as error:
                refused = _retold(error)
                if refused is None:
                    raise
                raise refused from error
        raise Refused("the loader gives no batch", ReasonCode.INPUT_MISMATCH)

    def close(self) -> None:
        """Let the loader's processes end."""
        self._running = None


def _retold(error: RuntimeError) -> Refused | None:
    """Give the Refused that a loader process ended with, which torch hands on as the text of ERROR; None where it was another."""
    found = re.search(r"failures\.Refused: (.+)", str(error))
    return None if found is None else Refused(found[1].strip(), ReasonCode.INPUT_MISMATCH)


@dataclass(slots=True, kw_only=True)
class Fed:
    """A step that takes its batch from a loader.

    `wait_s` and `step_s` are those of the last one. Where the loader began again in it, which starts its processes again, what was
    waited is that of a first batch and no part of the steps.
    """

    trial: opening.Trial
    stream: Stream
    move: Any
    options: Mapping[str, Any]
    wait_s: float = 0.0
    step_s: float = 0.0
    began: bool = False

    def run(self) -> None:
        """Wait for a batch, bring it to the device and call the model with it."""
        passes = self.stream.passes
        start = time.perf_counter()
        batch = self.stream.take()
        self.wait_s = time.perf_counter() - start
        self.call(self.stream.feed.to_host(batch))
        synchronize(self.trial.loaded.device)
        self.step_s = time.perf_counter() - start
        self.began = self.stream.passes != passes

    def call(self, host: Mapping[str, Any]) -> object:
        """Bring a batch on the HOST to the device and call the model with it."""
        return Call(self.trial.loaded, {}, self.options, self.move(host)).forward()

    def values(self) -> Values:
        """Give what the last step waited and took."""
        if self.began:
            return {metrics.DATA_FIRST_WAIT: (self.wait_s,)}
        return {metrics.DATA_WAIT: (self.wait_s,), metrics.DATA_STEP: (self.step_s,)}


def _measure(trial: opening.Trial, stream: Stream) -> None:
    loaded, requested, feed = trial.loaded, trial.requested, stream.feed
    hosts = _first_batches(trial, stream)
    packs = feed.batching == "packed"
    move = opening.mover(loaded, dict if packs else masks.form(loaded, hosts[0], requested))
    held = [move(host) for host in hosts]
    options = {"use_cache": False} if packs else steps.forward_options(requested)
    fed = Fed(trial=trial, stream=stream, move=move, options=options)
    if packs:
        packing.refuse_mixing(loaded, hosts[0])
    in_hand = in_turn([[_in_hand(fed, host)] for host in hosts])[0]
    trial.observed |= _facts(trial, feed, hosts, held)
    call = Call(loaded, held[0], options)
    first = (Step(name="forward", run=call.forward, prepare=call.refresh),)
    trial.observed |= recipe.first_call(first, loaded, held[0], trial.traits - {Trait.GENERATES}, trial.observer, trial.send)
    trial.observed |= masks.arrived(requested, trial.observed)
    trial.observed |= observe.spell_as_requested(requested, trial.observed)
    trial.send(Observed(facts=trial.observed))
    observe.refuse_differences(requested, trial.observed)
    opening.send_all(padding.waste(held[0], trial.observed, held[1:]), trial.send)
    before = noise.read()
    recipe.sample(in_hand, trial)
    recipe.sample(Step(name="feed", run=fed.run, read=fed.values), trial)
    trial.send(Noise(facts=noise.between(before, noise.read())))
    if stream.passes:
        trial.send(Noted(text=f"the loader ended and began again {stream.passes} times: data.first_wait has what that took"))


def _in_hand(fed: Fed, host: Mapping[str, Any]) -> Step:
    return Step(name="in_hand", metric=metrics.DATA_IN_HAND, run=lambda: fed.call(host))


def _first_batches(trial: opening.Trial, stream: Stream) -> list[Mapping[str, Any]]:
    """Take the batches that are held, on the host. What the first one waits has the start of the loader's processes in it."""
    feed = stream.feed
    with trial.observer.phase(PHASE):
        start = time.perf_counter()
        batch = stream.take()
        trial.send(Sampled(samples=metrics.sample(metrics.DATA_FIRST_WAIT, PHASE, time.perf_counter() - start)))
    count = len(feed.raws) or min(loaders.MOST_HELD, _batches(feed.loader))
    return [feed.to_host(batch), *(feed.to_host(stream.take()) for _ in range(count - 1))]


def _batches(loader: Any) -> int:
    """Give the batches of one pass; those that are held where LOADER does not know."""
    try:
        return max(len(loader), 1)
    except TypeError:
        return loaders.MOST_HELD


def _facts(
    trial: opening.Trial, feed: Feed, hosts: Sequence[Mapping[str, Any]], held: Sequence[Mapping[str, Any]]
) -> dict[str, Json]:
    """Tell how the loader loads, and what the first batches hold. What was cut is known where there is raw input only."""
    data = trial.request.data
    raws = feed.raws if feed.batching != "packed" else ()
    each = [realised.of_inputs(trial.loaded, tensors, raw) for tensors, raw in zip(held, raws or [{}] * len(held), strict=True)]
    found = combined.together(each) | feed.facts() | {"pin_memory": _is_pinned(hosts[0]), "counted_batches": len(held)}
    if not raws:
        del found["truncated_items"]
    if feed.batching == "packed":
        found["batch_size"] = int((held[0]["position_ids"] == 0).sum())
    return found if data is None else {**found, "data": data.name, "data_digest": data.digest, "data_items": data.items}


def _is_pinned(host: Mapping[str, Any]) -> bool:
    tensors = [tensor for tensor in host.values() if hasattr(tensor, "is_pinned")]
    return bool(tensors) and all(tensor.is_pinned() for tensor in tensors)
