"""The recipe: what happens in a trial, on one screen. It is the same for every task; steps, probes and tasks are plugs."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bench.domain.metric import Metric, Samples
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.protocol.messages import PROBE, Environment, Measure, Noise, Noted, Observed, Sampled
from bench.worker import (
    attention,
    built,
    inputs,
    loading,
    machine,
    making,
    media,
    metrics,
    noise,
    observe,
    padding,
    page_cache,
    probes,
    realised,
    retrieval,
    steps,
    stopping,
    tasks,
)  # fmt: skip
from bench.worker.clock import Clock, phase
from bench.worker.failures import Refused
from bench.worker.ledger import Way
from bench.worker.loading import Loaded, synchronize
from bench.worker.passive import Observer
from bench.worker.probes import Cost, Subject
from bench.worker.steps import Step
from bench.worker.wire import Send

Facts = dict[str, Json]


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Measure the case of REQUEST once, sending everything as events. Raises Refused, and what the libraries raise."""
    import torch

    requested, traits = request.case.requested, request.model.traits
    task = tasks.find(request.model.task)
    observer = Observer(send, clock)
    _settle(request)
    send(Environment(facts=machine.facts()))
    send(Noise(facts={"host_baseline_bytes": observer.baseline_bytes}))
    observed = _page_cache(request, send)
    with torch.inference_mode():
        with observer.phase("load"):
            loaded = loading.load(request.model, task.TASK, requested)
        observer.device = loaded.device
        _send_load(loaded, send)
        observed |= observe.of_model(loaded)
        subject = Subject(loaded=loaded, traits=traits, requested=requested)
        observed |= _probe(Cost.STATIC, subject, send, clock)

        make = making.Maker(loaded=loaded, traits=traits, requested=requested, seed=request.procedure.seed)
        raw = task.raw(make)
        decode = media.decoder(raw)
        process = inputs.process(loaded, raw if decode is None else decode(), requested)
        move = inputs.to_device(loaded, inputs.first(process, loaded))
        tensors = _wanted(move(), requested)
        move_any = _mover(loaded, requested)
        matrix = retrieval.prepared(make, move_any)
        observed |= realised.of_inputs(loaded, tensors, raw) | retrieval.facts(matrix) | make.facts
        realised.refuse_too_long(request.model.limits, requested, observed)
        of_model = tuple(steps.of_model(loaded, tensors, traits, requested))

        with attention.kernel(str(requested["attention"])):
            observed |= _first_call(of_model, loaded, tensors, traits, observer, send)
            observed |= observe.spell_as_requested(requested, observed)
            send(Observed(facts=observed))
            observe.refuse_differences(requested, observed)
            _send_all(padding.waste(tensors, observed), send)
            before = noise.read()
            for step in (*steps.of_data(decode, process, move), *of_model, *steps.of_retrieval(matrix)):
                _sample(step, request, loaded, observer, send)
            send(Noise(facts=noise.between(before, noise.read())))
            way = Way(loaded=loaded, traits=traits, requested=requested, decode=decode, process=process, move=move_any)
            full = Subject(loaded=loaded, traits=traits, requested=requested, inputs=tensors, way=way)
            send(Observed(facts=_probe(Cost.OWN_PASS, full, send, clock)))


def _settle(request: Measure) -> None:
    """Refuse what this version does not measure; give the process its cores and threads, before torch starts a pool."""
    import torch

    if (refusal := built.refusal(request.case.requested)) is not None:
        raise Refused(refusal.reason, refusal.reason_code)
    if request.cores:
        os.sched_setaffinity(0, request.cores)
    asked = request.case.requested["threads"]
    torch.set_num_threads(asked if isinstance(asked, int) else len(os.sched_getaffinity(0)))
    torch.manual_seed(request.procedure.seed)


def _page_cache(request: Measure, send: Send) -> Facts:
    """Bring the page cache into the state asked for; beside a load in a known state stands a plain read of the same files in it."""
    folder = loading.folder_of(request.model)
    files = page_cache.weight_files(folder)
    send(Sampled(samples=metrics.sample(metrics.LOAD_FILE_BYTES, "load", sum(path.stat().st_size for path in files))))
    plain_s = page_cache.plain_read_s(files, request.page_cache)
    if plain_s is not None:
        send(Sampled(samples=metrics.sample(metrics.LOAD_PLAIN_READ, "load", plain_s)))
    return dict(page_cache.prepare(folder, request.page_cache))


def _send_load(loaded: Loaded, send: Send) -> None:
    """Send the load's stages, the total that was timed apart from them, and what no stage accounts for."""
    for stage in loading.STAGES:
        if stage in loaded.stage_s:
            send(Sampled(samples=metrics.sample(metrics.seconds(f"load.{stage}"), "load", loaded.stage_s[stage])))
    send(Sampled(samples=metrics.sample(metrics.LOAD_TOTAL, "load", loaded.total_s)))
    rest = loaded.total_s - sum(loaded.stage_s.values())
    send(Sampled(samples=metrics.sample(metrics.LOAD_UNATTRIBUTED, "load", rest)))
    for note in loaded.notes:
        send(Noted(text=note))


def _probe(cost: Cost, subject: Subject, send: Send, clock: Clock) -> Facts:
    """Read every probe of COST, those with a pass of their own in a phase of their own, whose memory is nobody's figure."""
    facts: Facts = {}
    for name, probe in probes.of_cost(cost):
        if cost is Cost.OWN_PASS:
            with phase(f"{PROBE}{name}", send, clock):
                reading = probe.read(subject)
        else:
            reading = probe.read(subject)
        facts |= reading.facts
        _send_all(reading.samples, send)
    return facts


def _send_all(found: Iterable[Samples], send: Send) -> None:
    for samples in found:
        send(Sampled(samples=samples))


def _wanted(tensors: Mapping[str, Any], requested: Mapping[str, Json]) -> dict[str, Any]:
    """Leave out the mask where none was asked for."""
    return {name: tensor for name, tensor in tensors.items() if name != "attention_mask" or requested.get("mask") != "none"}


def _mover(loaded: Loaded, requested: Mapping[str, Json]) -> Callable[[Any], dict[str, Any]]:
    """Give the step from any tensors on the host to what the model is called with."""
    return lambda host: _wanted(inputs.to_device(loaded, host)(), requested)


def _first_call(
    of_model: Sequence[Step], loaded: Loaded, tensors: Mapping[str, Any], traits: frozenset[Trait], observer: Observer, send: Send
) -> Facts:
    """Call the model for the first time, timed, and read off that call what only a running model shows.

    A generator is called twice more, untimed: for the number of tokens it gives, and for what its forward alone shows.
    """
    facts: Facts = {}
    first, forward = of_model[0], of_model[-1]
    outputs: list[Any] = []
    with observer.phase("first_call"), observe.riding_along(loaded, facts):
        first.prepare()
        wall_s = observer.clock.time_s(lambda: outputs.append(first.run()), lambda: synchronize(loaded.device))
    send(Sampled(samples=metrics.sample(metrics.FIRST_CALL, "first_call", wall_s)))
    if Trait.GENERATES in traits:
        facts["realised_new_tokens"] = facts["new_tokens"] = steps.count_tokens(of_model[1])
        forward.prepare()
        outputs = [forward.run()]
    return facts | observe.of_outputs(outputs[-1], tensors)


def _sample(step: Step, request: Measure, loaded: Loaded, observer: Observer, send: Send) -> None:
    """Warm STEP up and measure it, each in a phase of its own, and send every sample."""
    procedure = request.procedure
    rules: Mapping[str, Callable[[Sequence[float]], str | None]] = {
        f"warmup.{step.name}": lambda times: stopping.warm(times, procedure.warmup, procedure.time_limit_s),
        f"measure.{step.name}": lambda times: stopping.enough(times, procedure),
    }
    for name, over in rules.items():
        times: list[float] = []
        found: dict[Metric, list[float]] = {}
        with observer.phase(name) as note:
            while (note_reason := over(times)) is None:
                step.prepare()
                times.append(observer.clock.time_s(step.run, lambda: synchronize(loaded.device)))
                for metric, values in step.values(times[-1]).items():
                    found.setdefault(metric, []).extend(values)
            note.stopped_by = note_reason
        for metric, collected in found.items():
            send(Sampled(samples=metrics.sample(metric, name, *collected)))
