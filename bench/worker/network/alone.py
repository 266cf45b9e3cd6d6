"""A trial of a sub-model by itself, out of a full checkpoint: the recipe for a part of a model.

The whole is loaded and called once with what its own Processor gives, and what the part was called with is kept. Then the rest
of the model is let go. All that stands in the trial's figures comes after that: sizes, peaks and times are the part's, `load.*`
alone are of the whole checkpoint.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.domain.axes import AXES
from bench.domain.model import ModelFacts, Submodel
from bench.domain.scenario import Scenario
from bench.domain.values import Json
from bench.protocol.messages import PROBE, Environment, Measure, Noise, Observed
from bench.worker import metrics, opening, probes, recipe, tasks, turns
from bench.worker.clock import Clock, phase
from bench.worker.host import machine, page_cache
from bench.worker.loads import loading, mapping
from bench.worker.loads.loading import Loaded
from bench.worker.material import inputs
from bench.worker.network import anatomy, attention, observe, storages, submodels
from bench.worker.network.ledger import Way
from bench.worker.network.submodels import Calls
from bench.worker.passive import Observer
from bench.worker.probes import Subject
from bench.worker.steps import Call, Step
from bench.worker.wire import Send

_STATIC = ("parameters",)
_OWN_PASS = ("attention_kernel", "flops", "ledger")
_SHORTEST = 2
_OF_TEXT = frozenset({
    "prompt_tokens", "realised_prompt_tokens", "prompt_units", "prompt_lengths", "padded_prompt_tokens", "padding_side", "mask",
    "batch_text_tokens", "batch_text_bytes",
})  # fmt: skip
_OF_MEDIA = frozenset({"batch_images", "batch_frames", "batch_pixels", "batch_audio_seconds"})


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Measure the sub-model that REQUEST's model names once. Raises Refused, and what the libraries raise."""
    import torch

    submodel, requested, whole = _named(request), request.case.requested, _of_whole(request)
    with torch.inference_mode():
        trial = _load(whole, send, clock)
        with phase(f"{PROBE}capture", send, clock):
            calls = _capture(trial, submodel)
            trial = replace(trial, request=request, loaded=_alone(trial, calls), observed=_facts(trial, calls, submodel))
            ahead = Call(trial.loaded, {"calls": calls})
            facts: dict[str, Json] = {}
            with observe.riding_along(trial.loaded, facts):
                ahead.refresh()
                ahead.forward()
            trial.observed |= {"autocast": facts["autocast"]}
        _read(_STATIC, trial.subject(), trial)
        with attention.kernel(str(requested["attention"])):
            trial.observed |= observe.spell_as_requested(requested, trial.observed)
            send(Observed(facts=trial.observed))
            observe.refuse_differences(requested, trial.observed)
            with trial.observer.disturbances():
                recipe.sample(Step(name="forward", metric=metrics.FORWARD, run=ahead.forward, prepare=ahead.refresh), trial)
            if request.turns is None or request.trial == 0:
                subject = trial.subject(inputs={"calls": calls}, way=_way(trial, calls, whole, submodel))
                send(Observed(facts=_read(_OWN_PASS, subject, trial)))


def _named(request: Measure) -> Submodel:
    submodel = request.model.ref.submodel
    if submodel is None:
        msg = "a request without a submodel is not measured here"
        raise ValueError(msg)
    return submodel


def _of_whole(request: Measure) -> Measure:
    """Give the request for the whole model that calls the part: axes that the part has not are at their defaults."""
    facts = replace(request.model, traits=request.model.around)
    applying = (axis for axis in AXES if axis.applies(facts.traits, Scenario.INFERENCE))
    axes: dict[str, Json] = {axis.name: axis.default for axis in applying}
    if "prompt_tokens" in axes:
        axes["prompt_tokens"] = min([_number(axes["prompt_tokens"]), *_halves(facts)])
    return replace(request, model=facts, case=replace(request.case, requested={**axes, **request.case.requested}))


def _halves(facts: ModelFacts) -> list[int]:
    """Leave room for what stands beside the text in models of very short sequences."""
    return [max(limit.tokens // 2, _SHORTEST) for limit in facts.limits if limit.counts_prompt]


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _load(whole: Measure, send: Send, clock: Clock) -> opening.Trial:
    """Load the whole model in a phase whose memory is no figure of the part's."""
    observer = Observer(send, clock, partners=int(whole.turns is not None))
    opening.settle(whole)
    turn = turns.of(whole.turns)
    turn.begin()
    send(Environment(facts=machine.facts()))
    send(Noise(facts={"host_baseline_bytes": observer.baseline_bytes}))
    observed = opening.prepare_page_cache(whole, send)
    with phase(f"{PROBE}load", send, clock):
        loaded = loading.load(whole.model, tasks.find(whole.model.task).TASK, whole.case.requested)
    observer.device = loaded.device
    opening.send_load(loaded, send)
    return opening.Trial(request=whole, send=send, observer=observer, turn=turn, loaded=loaded, observed=observed)


def _capture(trial: opening.Trial, submodel: Submodel) -> Calls:
    """Call the whole model once, with what its own Processor gives, and keep what SUBMODEL is called with."""
    call = Call(trial.loaded, opening.prepare(trial).tensors)
    call.refresh()
    return submodels.capture(trial.loaded.model, call.forward, trial.traits, submodel)


def _alone(trial: opening.Trial, calls: Calls) -> Loaded:
    """Let go of everything in the model of TRIAL but what CALLS call. The processor's size is no figure of a part."""
    loaded = trial.loaded
    submodels.keep(loaded.model, tuple(calls.modules))
    submodels.give_back(loaded.model, _files(trial), loaded.device)
    return replace(loaded, processor_bytes=None, processor_growth_bytes=None)


def _files(trial: opening.Trial) -> tuple[Path, ...]:
    return page_cache.weight_files(loading.folder_of(trial.request.model))


def _facts(trial: opening.Trial, calls: Calls, submodel: Submodel) -> dict[str, Json]:
    """Give what is observed: of the inputs what reaches the part, and what is read off the part itself."""
    loaded = trial.loaded
    reads = submodel in {Submodel.TEXT, Submodel.LANGUAGE}
    foreign = _OF_MEDIA if reads else _OF_TEXT
    of_inputs = {name: value for name, value in trial.observed.items() if name not in foreign}
    of_inputs |= {"batch_images": 0} if reads else {}  # a rate of images is not one of what reads their features
    return {
        **of_inputs,
        **observe.of_model(loaded),
        "mapped_bytes": mapping.held_bytes(storages.held(loaded.model), _files(trial)),
        "inputs": inputs.describe(calls.tensors()),
        "submodel": submodel.value,
        "submodel_class": observe.joined(sorted({type(module).__name__ for module in calls.modules.values()})),
        "submodel_modules": list(calls.modules),
        "submodel_calls": len(calls.each),
    }


def _way(trial: opening.Trial, calls: Calls, whole: Measure, submodel: Submodel) -> Way:
    """Give the way of the ledger: the part's calls alone, under the stage that they are of in the whole model's ledger."""

    def call() -> Any:
        one = Call(trial.loaded, {"calls": calls})
        one.refresh()
        return one.forward

    stage = submodels.STAGES[submodel] if anatomy.is_composed(trial.loaded.model, whole.model.traits) else anatomy.WHOLE
    return Way(
        loaded=trial.loaded, traits=whole.model.traits, requested=trial.requested, process=dict, move=dict, part=call, stage=stage
    )


def _read(names: tuple[str, ...], subject: Subject, trial: opening.Trial) -> Mapping[str, Json]:
    """Read the probes NAMES, each in a phase of its own, and send what they sampled."""
    facts: dict[str, Json] = {}
    for name in names:
        with phase(f"{PROBE}{name}", trial.send, trial.observer.clock):
            reading = probes.find(name).read(subject)
        facts |= reading.facts
        opening.send_all(reading.samples, trial.send)
    return facts
