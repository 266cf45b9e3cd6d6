"""How every trial opens, whatever its scenario: the process is settled, the model loaded and observed, its inputs prepared.

What a scenario does with the opened trial is its own. Who opens it decides in which gradient mode: a model that was loaded in
inference mode can never be trained.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.domain.metric import Samples
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.protocol.messages import Environment, Measure, Noise, Noted, Sampled
from bench.worker import built, metrics, probes, retrieval, tasks, turns
from bench.worker.clock import Clock
from bench.worker.failures import Refused
from bench.worker.host import machine, page_cache
from bench.worker.loads import loading
from bench.worker.loads.loading import Loaded
from bench.worker.material import combined, feeding, inputs, making, masks, media, parts, realised
from bench.worker.network import observe
from bench.worker.parallel import sharing
from bench.worker.passive import Observer
from bench.worker.probes import Cost, Subject
from bench.worker.wire import Send

Facts = dict[str, Json]


@dataclass(slots=True, kw_only=True)
class Trial:
    """A trial whose model is loaded: `observed` grows with what is read off the model and its inputs."""

    request: Measure
    send: Send
    observer: Observer
    turn: turns.Turn
    loaded: Loaded
    observed: Facts = field(default_factory=dict)

    @property
    def requested(self) -> Mapping[str, Json]:
        """The axes of the case."""
        return self.request.case.requested

    @property
    def traits(self) -> frozenset[Trait]:
        """What the model takes and does in its task."""
        return self.request.model.traits

    def subject(self, **more: Any) -> Subject:
        """Give what probes look at, with MORE of it where their pass needs it."""
        least = self.request.procedure.min_iterations
        return Subject(loaded=self.loaded, traits=self.traits, requested=self.requested, min_iterations=least, **more)


@dataclass(slots=True, kw_only=True)
class Given:
    """The inputs of a trial: raw, the steps from there to the device, and the tensors that the model is called with.

    `others` are the further batches of a data set, which are called in turn with this one.
    """

    make: making.Maker
    raw: making.Raw
    decode: Callable[[], dict[str, Any]] | None
    process: Callable[[], dict[str, Any]]
    move: Callable[[], dict[str, Any]]
    move_any: Callable[[Any], dict[str, Any]]
    tensors: dict[str, Any]
    matrix: retrieval.Retrieval | None
    others: tuple["Given", ...] = ()

    @property
    def each(self) -> tuple["Given", ...]:
        """Give the first batch and the others."""
        return (self, *self.others)


def _unchanged(_loaded: Loaded) -> None:
    return None


def load(request: Measure, send: Send, clock: Clock, change: Callable[[Loaded], None] = _unchanged) -> Trial:
    """Settle the process, load the model of REQUEST, CHANGE it, and read everything off it that shows without a run.

    Raises Refused.
    """
    observer = Observer(send, clock, partners=int(request.turns is not None))
    settle(request)
    turn = sharing.Together() if sharing.size() > 1 else turns.of(request.turns)
    turn.begin()
    send(Environment(facts=machine.facts()))
    send(Noise(facts={"host_baseline_bytes": observer.baseline_bytes}))
    observed = prepare_page_cache(request, send)
    with observer.phase("load"):
        loaded = loading.load(request.model, tasks.find(request.model.task).TASK, request.case.requested)
    observer.device = loaded.device
    send_load(loaded, send)
    change(loaded)
    trial = Trial(
        request=request, send=send, observer=observer, turn=turn, loaded=loaded, observed=observed | observe.of_model(loaded)
    )
    for _, probe in probes.of_cost(Cost.STATIC):
        reading = probe.read(trial.subject())
        trial.observed |= reading.facts
        send_all(reading.samples, send)
    return trial


def prepare(trial: Trial) -> Given:
    """Make the inputs of TRIAL, through the model's own Processor, onto the device, and read off them what they really hold."""
    loaded, requested, request = trial.loaded, trial.requested, trial.request
    make = making.Maker(loaded=loaded, traits=trial.traits, requested=requested, seed=request.procedure.seed)
    own = feeding.raws(request, loaded)
    given, *others = (given_of(trial, make, raw) for raw in own or (tasks.find(request.model.task).raw(make),))
    given.matrix, given.others = retrieval.prepared(make, given.move_any), tuple(others)
    each = []
    for one in given.each:
        each.append(realised.of_inputs(loaded, one.tensors, one.raw))
        realised.refuse_too_long(request.model.limits, requested, each[-1])
    trial.observed |= combined.together(each) | retrieval.facts(given.matrix) | make.facts | feeding.facts(request, loaded, own)
    return given


def given_of(trial: Trial, make: making.Maker, raw: making.Raw) -> Given:
    """Bring RAW input onto the device, and keep each step of the way."""
    loaded, requested = trial.loaded, trial.requested
    decode = media.decoder(raw, parts.own_rate(loaded))
    process = inputs.process(loaded, raw if decode is None else decode(), requested, feeding.longest(trial.request))
    move = inputs.to_device(loaded, inputs.first(process, loaded))
    given = move()
    shape = masks.form(loaded, given, requested)
    return Given(
        make=make,
        raw=raw,
        decode=decode,
        process=process,
        move=move,
        move_any=mover(loaded, shape),
        tensors=shape(given),
        matrix=None,
    )


def settle(request: Measure) -> None:
    """Refuse what this version does not measure; give the process its cores and threads, before torch starts a pool."""
    import torch

    if (refusal := built.refusal(request.case.requested)) is not None:
        raise Refused(refusal.reason, refusal.reason_code)
    if request.cores:
        os.sched_setaffinity(0, request.cores)
    asked = request.case.requested["threads"]
    torch.set_num_threads(asked if isinstance(asked, int) else len(os.sched_getaffinity(0)))
    torch.manual_seed(request.procedure.seed)


def prepare_page_cache(request: Measure, send: Send) -> Facts:
    """Bring the page cache into the state asked for; beside a load in a known state stands a plain read of the same files in it."""
    folder = loading.folder_of(request.model)
    files = page_cache.weight_files(folder)
    send(Sampled(samples=metrics.sample(metrics.LOAD_FILE_BYTES, "load", sum(path.stat().st_size for path in files))))
    plain_s = page_cache.plain_read_s(files, request.page_cache)
    if plain_s is not None:
        send(Sampled(samples=metrics.sample(metrics.LOAD_PLAIN_READ, "load", plain_s)))
    return dict(page_cache.prepare(folder, request.page_cache))


def send_load(loaded: Loaded, send: Send) -> None:
    """Send the load's stages, the total that was timed apart from them, and what no stage accounts for."""
    for stage in loading.STAGES:
        if stage in loaded.stage_s:
            send(Sampled(samples=metrics.sample(metrics.seconds(f"load.{stage}"), "load", loaded.stage_s[stage])))
    send(Sampled(samples=metrics.sample(metrics.LOAD_TOTAL, "load", loaded.total_s)))
    rest = loaded.total_s - sum(loaded.stage_s.values())
    send(Sampled(samples=metrics.sample(metrics.LOAD_UNATTRIBUTED, "load", rest)))
    for note in loaded.notes:
        send(Noted(text=note))


def send_all(found: Iterable[Samples], send: Send) -> None:
    """Send the samples FOUND, each in an event of its own."""
    for samples in found:
        send(Sampled(samples=samples))


def mover(loaded: Loaded, shape: masks.Form) -> Callable[[Any], dict[str, Any]]:
    """Give the step from any tensors on the host to what the model is called with, the mask in the SHAPE that was asked for."""
    return lambda host: shape(inputs.to_device(loaded, host)())
