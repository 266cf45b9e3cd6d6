"""Models exported by transformers' own exporters: graphs of another runtime in the place of the model's forward.

One graph for a forward; of a decoder alone two more, for the prefill and for one step after it, so that transformers' own
`generate` runs them with all that it decides on the host. An encoder's half of a generation, or a vision tower's, would still run
in torch: those generations are refused.
"""

import copy
import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.domain.metric import Samples
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.engines import Engaged, Work, replace_forward
from bench.worker.failures import Refused, classify
from bench.worker.metrics import EXPORT_TIME, sample

PHASE = "load"
_ONLY_TEXT = frozenset({Trait.IMAGE, Trait.VIDEO, Trait.AUDIO})
_STEPS = {"prefill", "decode"}
_CACHE = "past_key_values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A runtime of another kind: its NAME, transformers' EXPORTER and CONFIG for it, and what it is started with.

    `seen` reads off a runner what runs it: the runtime's own name for itself and its devices.
    """

    name: str
    exporter: Any
    config: Any
    start: Mapping[str, Any] = field(default_factory=dict)
    seen: Callable[[Any], Mapping[str, Json]]


@dataclass(slots=True, kw_only=True)
class Graphs:
    """The graphs of one model, and how often each was called."""

    forward: Any
    steps: Mapping[str, Any] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def call(self, **given: Any) -> Any:
        """Run the graph that the call GIVEN needs: with a cache one of a generation's, else the forward's."""
        cache = given.get(_CACHE)
        name = "forward" if cache is None else "decode" if cache.get_seq_length() else "prefill"
        runner = self.forward if cache is None else self.steps[name]
        self.calls[name] = self.calls.get(name, 0) + 1
        return runner(**{key: value for key, value in given.items() if key in runner.metadata.kwargs})


def engage(work: Work, runtime: Runtime) -> Engaged:
    """Export the model of WORK for RUNTIME and put the graphs into its place.

    Raises Refused where this model, or its generation, cannot be exported.
    """
    _refuse(work, runtime)
    seconds: dict[str, float] = {}
    model, generates = work.loaded.model, Trait.GENERATES in work.traits
    forward = _timed(work, runtime, "forward", seconds, runtime.exporter.export)
    steps = _timed(work, runtime, "generate", seconds, runtime.exporter.export_for_generation) if generates else {}
    graphs = Graphs(forward=next(iter(forward.values())), steps=steps)

    @functools.wraps(model.forward)
    def run(**given: Any) -> Any:
        return graphs.call(**given)

    replace_forward(model, run)
    return Engaged(
        observe=lambda: _observed(graphs, runtime, generates=generates),
        samples=lambda: _samples(seconds),
        is_torch=False,
    )


def _timed(work: Work, runtime: Runtime, what: str, seconds: dict[str, float], export: Callable[..., Any]) -> dict[str, Any]:
    """Run EXPORT and start its programs, both timed together as WHAT. Raises Refused with the exporter's own words where it fails.

    It works on a copy, for tensors that were made in inference mode cannot be traced.
    """
    import torch

    start = time.perf_counter()
    try:
        with torch.inference_mode(mode=False), torch.no_grad():
            model = copy.deepcopy(work.loaded.model)
            inputs = {name: tensor.clone() for name, tensor in work.inputs.items()}
            exported = export(model, inputs, runtime.config, **_more(what))
            if what == "generate":
                _check_steps(exported, work, runtime)
            runners = exported.to(work.loaded.device, **runtime.start).runners
    except Refused:
        raise
    except Exception as error:  # exporters raise whatever the libraries below them do
        if classify(error).outcome is Outcome.OUT_OF_MEMORY:
            raise
        msg = f"engine {runtime.name}: the {what} of {type(work.loaded.model).__name__} cannot be exported: {said(error)}"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS) from error
    seconds[what] = time.perf_counter() - start
    return dict(runners)


def _check_steps(exported: Any, work: Work, runtime: Runtime) -> None:
    """Raise Refused where the exporter made other graphs of a generation than a prefill and a step."""
    if set(exported.components) != _STEPS:
        msg = f"engine {runtime.name}: a generation of {type(work.loaded.model).__name__} has parts of its own that stay in torch"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)


def _more(what: str) -> dict[str, Any]:
    """Give what the export of a generation is told beside: how many tokens it takes to see both of its graphs."""
    from transformers import GenerationConfig

    if what != "generate":
        return {}
    seen = GenerationConfig(max_new_tokens=3, min_new_tokens=3, do_sample=False, num_beams=1, eos_token_id=None, pad_token_id=0)
    return {"generation_config": seen}


def said(error: BaseException) -> str:
    """Give the innermost error in one line: the outer ones only say which component it was."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}"


def _refuse(work: Work, runtime: Runtime) -> None:
    """Refuse before the export what it could not keep."""
    asked, name = work.requested, runtime.name
    if ":" in str(asked.get("attention", "")):
        raise Refused(
            f"engine {name} has kernels of its own: attention {asked['attention']} names one of torch's", ReasonCode.NOT_IN_CLASS
        )
    if asked.get("autocast", "none") != "none":
        raise Refused(f"engine {name} computes in the dtype that was exported: autocast is torch's", ReasonCode.NOT_IN_CLASS)
    if asked.get("quantization", "none") != "none":
        raise Refused(f"engine {name} with quantization {asked['quantization']}: its kernels are torch's", ReasonCode.NOT_IN_CLASS)
    if Trait.GENERATES not in work.traits:
        return
    model = work.loaded.model
    if model.config.is_encoder_decoder or work.traits & _ONLY_TEXT:
        msg = f"engine {name}: in a generation of {type(model).__name__} its encoder would still run in torch"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)
    for axis, kept in (("cache", "dynamic"), ("depth", 0), ("draft", "none"), ("prefill_chunk", "none")):
        if asked.get(axis, kept) != kept:
            raise Refused(f"engine {name}: its graphs are exported for {axis} {kept} only", ReasonCode.NOT_IN_CLASS)


def _observed(graphs: Graphs, runtime: Runtime, *, generates: bool) -> Mapping[str, Json]:
    """Tell which graphs ran, and in what. Raises Refused where the first call went another way."""
    missing = sorted(({*_STEPS} if generates else {"forward"}) - graphs.calls.keys())
    if missing and not (missing == ["decode"] and generates):  # a generation of one token has no step after it
        raise Refused(f"engine {runtime.name}: the first call ran no graph of {', '.join(missing)}", ReasonCode.NOT_AS_REQUESTED)
    runner = graphs.steps["prefill"] if generates else graphs.forward
    return {"engine": runtime.name, "engine_graphs": sorted(graphs.calls), **runtime.seen(runner)}


def _samples(seconds: Mapping[str, float]) -> tuple[Samples, ...]:
    parts = (sample(EXPORT_TIME, PHASE, value, part=f"graph={name}") for name, value in seconds.items())
    return (sample(EXPORT_TIME, PHASE, sum(seconds.values())), *parts)
