"""The recipe of a trial whose engine is optimum-onnx: exported, started and timed, with inputs that another environment prepared.

There is no way from raw input here, and no torch model any more once the timed steps begin: `processor`, `h2d`, the ledger,
`params.*` and `flops` are left out. The load and its stages are those of the model that is exported.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.domain.metric import Samples
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.protocol.messages import PROBE, Environment, Handed, Measure, Noise, Observed, Sampled
from bench.worker import engines, metrics, opening, probes, recipe, steps, tasks, turns
from bench.worker.abroad import exporting, handing, limits, seeing
from bench.worker.clock import Clock, phase
from bench.worker.exported import PHASE, said
from bench.worker.failures import Refused
from bench.worker.generating import decoding, generation
from bench.worker.host import machine
from bench.worker.loads import loading
from bench.worker.material import padding
from bench.worker.network import observe
from bench.worker.passive import Observer
from bench.worker.probes import Subject
from bench.worker.steps import Step
from bench.worker.wire import Send

_OF_SOURCE = ("attention", "attention_by_component", "checkpoint_dtype", "weight_files", "mmap", "missing_keys", "mismatched_keys")
"""Facts of the model that is exported which are those of its graph too, or of its load."""
_OWN_PASS = ("kv_cache", "parity")


def measure(request: Measure, handed: Handed, send: Send, clock: Clock) -> None:
    """Measure the case of REQUEST once, with the inputs that lie at HANDED's path. Raises Refused, and what the libraries raise."""
    import torch

    limits.refuse(request)
    opening.settle(request)
    taken = handing.take(Path(handed.path))
    trial, seconds = _opened(request, send, clock, taken)
    requested, traits, tensors = trial.requested, trial.traits, taken.tensors
    with torch.inference_mode():
        generation.refuse(trial.loaded, traits, requested)
        of_model = tuple(steps.of_model(trial.loaded, tensors, traits, requested))
        trial.observed |= _first_call(of_model, trial, tensors)
        trial.observed |= _engine(trial)
        trial.observed |= observe.spell_as_requested(requested, trial.observed)
        send(Observed(facts=trial.observed))
        observe.refuse_differences(requested, trial.observed)
        opening.send_all(padding.waste(tensors, trial.observed), send)
        with trial.observer.disturbances():
            for step in () if request.outputs_only else of_model:
                recipe.sample(step, trial)
        opening.send_all(_exports(seconds), send)
        if request.turns is None or request.trial == 0:
            send(Observed(facts=_own_passes(trial, tensors)))


def _opened(request: Measure, send: Send, clock: Clock, taken: handing.Taken) -> tuple[opening.Trial, Mapping[str, float]]:
    """Load the model of REQUEST, export it, let it go and observe what is in its place; give the seconds of the export too."""
    observer = Observer(send, clock)
    turn = turns.of(request.turns)
    turn.begin()
    send(Environment(facts=machine.facts()))
    send(Noise(facts={"host_baseline_bytes": observer.baseline_bytes}))
    of_cache = opening.prepare_page_cache(request, send)
    with observer.phase(PHASE):
        source = loading.load(request.model, tasks.find(request.model.task).TASK, request.case.requested, with_processor=False)
        opening.send_load(source, send)
        told = observe.of_model(source)
        of_source: dict[str, Json] = {"exported_class": type(source.model).__name__}
        of_source |= {name: told[name] for name in _OF_SOURCE if name in told}
        network, seconds = exporting.export(source.model, request.model.task)
    loaded = replace(source, model=network, facts={}, asked=request.case.requested)
    del source
    exporting.let_go()
    observed = {**of_cache, **taken.facts, **of_source, **seeing.of_model(network)}
    return opening.Trial(request=request, send=send, observer=observer, turn=turn, loaded=loaded, observed=observed), seconds


def _first_call(of_model: tuple[Step, ...], trial: opening.Trial, tensors: Mapping[str, Any]) -> dict[str, Json]:
    """Make the first call, timed, and read off it what only a running model shows. A generator is called twice more, untimed."""
    facts: dict[str, Json] = {}
    outputs: list[Any] = []
    step, forward = of_model[0], of_model[-1]
    step.prepare()
    with trial.observer.phase("first_call"), seeing.seen(trial.loaded, facts), _explained(trial.loaded.model):
        wall_s = trial.observer.clock.time_s(lambda: outputs.append(step.run()), lambda: None)
    trial.send(Sampled(samples=metrics.sample(metrics.FIRST_CALL, "first_call", wall_s)))
    if Trait.GENERATES in trial.traits:
        facts |= decoding.tokens(facts, steps.count_tokens(of_model[1]))
        forward.prepare()
        outputs.append(forward.run())
    return facts | observe.of_outputs(outputs[-1], tensors)


@contextmanager
def _explained(model: Any) -> Iterator[None]:
    """Make an answer of what the runtime says against a graph that MODEL, optimum's class for it, calls in a way of its own."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        msg = f"engine optimum-onnx: {type(model).__name__} does not run what was exported: {said(error)}"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS) from error


def _engine(trial: opening.Trial) -> dict[str, Json]:
    """Name the engine, by what ran. Raises Refused where the session of optimum's model did not."""
    model, asked = trial.loaded.model, trial.requested["engine"]
    if not trial.observed[seeing.RUNS]:
        msg = f"engine optimum-onnx: the first call of {type(model).__name__} ran no session of ONNX Runtime"
        raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)
    name = "optimum-onnx" if type(model).__module__.startswith("optimum.onnxruntime") else type(model).__module__
    return {"engine": {engines.NAME: name} if isinstance(asked, Mapping) else name}


def _exports(seconds: Mapping[str, float]) -> tuple[Samples, ...]:
    parts = (metrics.sample(metrics.EXPORT_TIME, PHASE, value, part=f"step={name}") for name, value in seconds.items())
    return (metrics.sample(metrics.EXPORT_TIME, PHASE, sum(seconds.values())), *parts)


def _own_passes(trial: opening.Trial, tensors: Mapping[str, Any]) -> dict[str, Json]:
    """Read the probes that need no modules of torch, each in a phase of its own."""
    subject: Subject = trial.subject(inputs=tensors, parity=trial.request.parity)
    facts: dict[str, Json] = {}
    for name in _OWN_PASS:
        if trial.request.outputs_only and name != recipe.OUTPUTS:
            continue
        with phase(f"{PROBE}{name}", trial.send, trial.observer.clock):
            reading = probes.find(name).read(subject)
        facts |= reading.facts
        opening.send_all(reading.samples, trial.send)
    return facts
