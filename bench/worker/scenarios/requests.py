"""A stream of requests served by static or by continuous batching, with the times of every request (docs/scenarios/requests.md).

One pass over the whole stream is a trial's measurement: gaps within a run hang together, so that the run is the unit. What both
ways give has to be what each request gives by itself, greedily and without padding: that is made apart, untimed, and compared.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.protocol.messages import PROBE, Measure, Noted, Observed, Sampled
from bench.worker import metrics, opening
from bench.worker.clock import Clock, phase
from bench.worker.failures import Refused
from bench.worker.network import observe
from bench.worker.network.attention import kernel
from bench.worker.serving import continuous_batches, static_batches
from bench.worker.serving.streams import Asked, Served, draw
from bench.worker.wire import Send

PHASE = "measure.requests"
_MEDIA = frozenset({Trait.IMAGE, Trait.VIDEO, Trait.AUDIO})
_SHOWN = 5


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Serve the stream of REQUEST once after a warm-up. Raises Refused, and what the libraries raise."""
    import torch

    requested = request.case.requested
    _refuse(request)
    with torch.no_grad():  # and not inference mode, whose tensors another thread could not write
        trial = opening.load(request, send, clock)
        asked, size = _asked(requested), int(str(requested["batch_size"]))
        if requested["batching"] == "continuous":
            continuous_batches.refuse(trial.loaded)
        stream = draw(asked, trial.loaded)
        serve = _way(trial, asked, stream, size)
        with kernel(str(requested["attention"])):
            seen: dict[str, Json] = {}
            with trial.observer.phase("first_call"), observe.riding_along(trial.loaded, seen):
                wall_s = clock.time_s(lambda: serve([_at_once(stream[0])]), lambda: None)
            send(Sampled(samples=metrics.sample(metrics.FIRST_CALL, "first_call", wall_s)))
            with trial.observer.phase("warmup.requests"):
                serve([_at_once(one) for one in stream[: 2 * size]])
            with trial.observer.disturbances(), trial.observer.phase(PHASE):
                served = serve(stream)
            with phase(f"{PROBE}tokens", send, clock):
                alone = [static_batches.generate(trial.loaded, [one])[1][0] for one in stream]
        trial.observed |= {"autocast": seen.get("autocast"), **_facts(stream, served, size)}
        observe.refuse_differences(requested, trial.observed)
        _send(served, stream, send)
        _compare(served, alone, trial)
        send(Observed(facts=trial.observed))


def _refuse(request: Measure) -> None:
    media = request.model.traits & _MEDIA
    if Trait.GENERATES not in request.model.traits or media or Trait.TEXT not in request.model.traits:
        what = f"takes {' and '.join(sorted(trait.value for trait in media))}" if media else "generates nothing from text"
        raise Refused(
            f"requests are of text that a model goes on with, and {request.model.ref.name} {what}", ReasonCode.NOT_IN_CLASS
        )


def _asked(requested: Mapping[str, Json]) -> Mapping[str, Any]:
    asked = requested["requests"]
    return asked if isinstance(asked, Mapping) else {}


def _way(trial: opening.Trial, asked: Mapping[str, Any], stream: Sequence[Asked], size: int) -> Callable[[Sequence[Asked]], Served]:
    if trial.requested["batching"] == "static":
        return lambda requests: static_batches.serve(trial.loaded, requests, size)
    cache = continuous_batches.cache_of(asked.get("cache") or {}, stream, size)
    return lambda requests: continuous_batches.serve(trial.loaded, requests, size, cache)


def _at_once(one: Asked) -> Asked:
    return Asked(prompt=one.prompt, new_tokens=one.new_tokens, arrival_s=0.0)


def _facts(stream: Sequence[Asked], served: Served, size: int) -> dict[str, Json]:
    """Give what was realised of the stream.

    How it was batched shows in its steps: a paged cache has blocks. SIZE bounds a step, which a short stream need not reach.
    """
    fits = max(served.batch) <= size
    return {
        "batching": "continuous" if served.used else "static",
        "batch_size": size if fits else max(served.batch),
        "largest_step": max(served.batch),
        "requests_served": len(served.tokens),
        "requests_new_tokens": sum(map(len, served.tokens)),
        "requests_prompt_tokens": sum(len(one.prompt) for one in stream),
        **served.facts,
    }


def _send(served: Served, stream: Sequence[Asked], send: Send) -> None:
    """Send the times of every request, in their order, and what each step held."""
    first = [stamps[0] - one.arrival_s for stamps, one in zip(served.arrived, stream, strict=True)]
    found = {
        metrics.MAKESPAN: [served.makespan_s],
        metrics.QUEUE_WAIT: [began - one.arrival_s for began, one in zip(served.began, stream, strict=True)],
        metrics.REQUEST_TTFT: first,
        metrics.REQUEST_E2E: [stamps[-1] - one.arrival_s for stamps, one in zip(served.arrived, stream, strict=True)],
        metrics.REQUEST_TPOT: [_gap(stamps) for stamps in served.arrived],
        metrics.ITL: [late - early for stamps in served.arrived for early, late in pairwise(stamps)],
        metrics.REQUESTS_IN_STEP: [float(size) for size in served.batch],
        metrics.BLOCKS_USED: [float(blocks) for blocks in served.used],
        metrics.BLOCKS_FREE: [float(blocks) for blocks in served.free],
        metrics.PREEMPTIONS: [float(served.preempted)] if served.used else [],
    }
    for metric, values in found.items():
        if values:
            send(Sampled(samples=metrics.sample(metric, PHASE, *values)))


def _gap(stamps: Sequence[float]) -> float:
    """Give the mean gap between the tokens of one request, 0 where it has one token and so no gap that could be too long."""
    return (stamps[-1] - stamps[0]) / (len(stamps) - 1) if len(stamps) > 1 else 0.0


def _compare(served: Served, alone: Sequence[Sequence[int]], trial: opening.Trial) -> None:
    """Compare what was SERVED with what each request gives ALONE, and say which differ."""
    differing = [index for index, (ours, theirs) in enumerate(zip(served.tokens, alone, strict=True)) if list(ours) != list(theirs)]
    share = 1 - len(differing) / len(alone)
    trial.send(Sampled(samples=metrics.sample(metrics.SAME_TOKENS, f"{PROBE}tokens", share)))
    trial.observed |= {"requests_differing": len(differing)}
    if differing:
        which = ", ".join(str(index) for index in differing[:_SHOWN]) + (" …" if len(differing) > _SHOWN else "")
        text = f"{len(differing)} of {len(alone)} requests got other tokens than by themselves (numbers {which}, counted from 0)"
        trial.send(Noted(text=text))
