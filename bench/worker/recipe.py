"""The recipe: what happens in a trial, on one screen. It is the same for every task; steps, probes and tasks are plugs."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from bench.domain.metric import Metric
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.protocol.messages import Environment, Measure, Noise, Noted, Observed, Sampled
from bench.worker import attention, inputs, loading, machine, metrics, noise, observe, page_cache, probes, steps, stopping, tasks
from bench.worker.clock import Clock
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
    _settle(request)
    send(Environment(facts=machine.facts()))
    observer = Observer(send, clock)
    observed = _page_cache(request)
    with torch.inference_mode():
        with observer.phase("load"):
            loaded = loading.load(request.model, task.TASK, requested)
        observer.device = loaded.device
        _send_load(loaded, send)
        observed |= observe.of_model(loaded)
        subject = Subject(loaded=loaded, traits=traits, requested=requested)
        observed |= _probe(Cost.STATIC, subject, observer, send)

        raw = task.raw(inputs.Maker(loaded=loaded, traits=traits, requested=requested, seed=request.procedure.seed))
        process = inputs.process(loaded, raw, requested)
        host = process()
        move = inputs.to_device(loaded, host)
        tensors = _wanted(move(), requested)
        observed |= {**observe.of_inputs(tensors, raw), "inputs": inputs.describe(tensors)}
        of_data = (Step(name="processor", metric=metrics.PROCESSOR, run=process), Step(name="h2d", metric=metrics.H2D, run=move))
        of_model = tuple(steps.of_model(loaded, tensors, traits, requested))

        with attention.kernel(str(requested["attention"])):
            observed |= _first_call(of_model, loaded, tensors, traits, observer, send)
            observed |= observe.spell_as_requested(requested, observed)
            send(Observed(facts=observed))
            observe.refuse_differences(requested, observed)
            before = noise.read()
            for step in (*of_data, *of_model):
                _sample(step, request, loaded, observer, send)
            send(Noise(facts=noise.between(before, noise.read())))
            full = Subject(loaded=loaded, traits=traits, requested=requested, inputs=tensors)
            send(Observed(facts=_probe(Cost.OWN_PASS, full, observer, send)))


def _settle(request: Measure) -> None:
    """Give the process its cores and threads, before anything of torch's starts a pool."""
    import torch

    if request.cores:
        os.sched_setaffinity(0, request.cores)
    asked = request.case.requested["threads"]
    torch.set_num_threads(asked if isinstance(asked, int) else len(os.sched_getaffinity(0)))
    torch.manual_seed(request.procedure.seed)


def _page_cache(request: Measure) -> Facts:
    from pathlib import Path

    return dict(page_cache.prepare(Path(request.model.folder or ""), request.page_cache))


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


def _probe(cost: Cost, subject: Subject, observer: Observer, send: Send) -> Facts:
    """Read every probe of COST, those with a pass of their own in a phase of their own."""
    facts: Facts = {}
    for name, probe in probes.of_cost(cost):
        if cost is Cost.OWN_PASS:
            with observer.phase(f"probe.{name}"):
                reading = probe.read(subject)
        else:
            reading = probe.read(subject)
        facts |= reading.facts
        for samples in reading.samples:
            send(Sampled(samples=samples))
    return facts


def _wanted(tensors: Mapping[str, Any], requested: Mapping[str, Json]) -> dict[str, Any]:
    """Leave out the mask where none was asked for."""
    return {name: tensor for name, tensor in tensors.items() if name != "attention_mask" or requested.get("mask") != "none"}


def _first_call(
    of_model: Sequence[Step], loaded: Loaded, tensors: Mapping[str, Any], traits: frozenset[Trait], observer: Observer, send: Send
) -> Facts:
    """Call the model for the first time, timed, and read off that call what only a running model shows.

    A generator is called a second time, untimed, for what its forward alone shows.
    """
    facts: Facts = {}
    first, forward = of_model[0], of_model[-1]
    outputs: list[Any] = []
    with observer.phase("first_call"), observe.riding_along(loaded, facts):
        first.prepare()
        wall_s = observer.clock.time_s(lambda: outputs.append(first.run()), lambda: synchronize(loaded.device))
    send(Sampled(samples=metrics.sample(metrics.FIRST_CALL, "first_call", wall_s)))
    if Trait.GENERATES in traits:
        facts |= observe.of_generation(outputs[0], int(tensors["input_ids"].shape[1]))
        facts["new_tokens"] = facts["realised_new_tokens"]
        forward.prepare()
        outputs = [forward.run()]
    return facts | observe.of_outputs(outputs[-1], tensors)


def _sample(step: Step, request: Measure, loaded: Loaded, observer: Observer, send: Send) -> None:
    """Warm STEP up and measure it, each in a phase of its own, and send every sample."""
    procedure = request.procedure
    for name, over in (
        (f"warmup.{step.name}", lambda times: stopping.warm(times, procedure.warmup, procedure.time_limit_s)),
        (f"measure.{step.name}", lambda times: stopping.enough(times, procedure)),
    ):
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
