"""Models exported by transformers' own exporters: graphs of another runtime in the place of the model's forward.

One graph for a forward; of a decoder alone two more, for the prefill and for one step after it, so that transformers' own
`generate` runs them with all that it decides on the host. An encoder's half of a generation, or a vision tower's, would still run
in torch: those generations are refused.
"""

import copy
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import prod
from typing import Any

from bench.domain.metric import Samples
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.engines import Engaged, Work, give_back_forward, replace_forward
from bench.worker.failures import Refused, classify
from bench.worker.material import masks
from bench.worker.metrics import EXPORT_TIME, sample

PHASE = "load"
_ONLY_TEXT = frozenset({Trait.IMAGE, Trait.VIDEO, Trait.AUDIO})
_STEPS = {"prefill", "decode"}
_CACHE = "past_key_values"
FORWARD, GENERATE = "forward", "generate"
_TOKENS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A runtime of another kind: its NAME, transformers' EXPORTER and CONFIG for it, and what it is started with.

    `seen` reads off a graph what runs it: the runtime's own name for itself and its devices.
    """

    name: str
    exporter: Any
    config: Any
    start: Mapping[str, Any] = field(default_factory=dict)
    seen: Callable[["Graph"], Mapping[str, Json]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """One exported graph: the PROGRAM, in the exporter's form, and the RUNNER that calls it in its runtime."""

    program: Any
    runner: Any


@dataclass(slots=True, kw_only=True)
class Graphs:
    """The graphs of one model as they are called, and how often each was. Their programs hold weights too, and are let go."""

    forward: Any
    steps: dict[str, Any] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def call(self, **given: Any) -> Any:
        """Run the graph that the call GIVEN needs: with a cache one of a generation's, else the forward's."""
        cache = given.get(_CACHE)
        name = FORWARD if cache is None else "decode" if _holds(cache) else "prefill"
        runner = self.forward if cache is None else self.steps[name]
        self.calls[name] = self.calls.get(name, 0) + 1
        return runner(**{key: value for key, value in given.items() if key in runner.metadata.kwargs})


def _holds(cache: Any) -> bool:
    """Tell whether CACHE has tokens. Layers with a window count them apart from their keys, and exporters carry the keys alone."""
    held = (layer.keys for layer in getattr(cache, "layers", ()) if getattr(layer, "keys", None) is not None)
    keys = next(held, None)  # one layer is enough, and every step that is timed asks
    return bool(cache.get_seq_length() if keys is None else keys.numel())


def refuse_version(name: str) -> None:
    """Raise Refused where the exporters of this transformers cannot run what they export, and engine NAME nothing."""
    if find_spec("transformers.exporters") is None or find_spec("transformers.exporters.runners") is None:
        import transformers

        here = transformers.__version__
        msg = f"engine {name} needs the exporters of transformers 5.23, which run their graphs too; here is {here}"
        raise Refused(msg, ReasonCode.NOT_IN_VERSION)


def engage(work: Work, runtime: Runtime) -> Engaged:
    """Export the model of WORK for RUNTIME and put the graphs into its place.

    Raises Refused where this model, or its generation, cannot be exported, or where its graphs do not keep what the model keeps of
    a generation. The model is then as it was.
    """
    _refuse(work, runtime)
    seconds: dict[str, float] = {}
    model, generates = work.loaded.model, Trait.GENERATES in work.traits
    (forward,) = _timed(work, runtime, FORWARD, seconds, runtime.exporter.export).values()
    graphs = Graphs(forward=forward.runner)
    seen = {"engine": runtime.name, **runtime.seen(forward)}
    del forward
    if generates:
        steps = _timed(work, runtime, GENERATE, seconds, runtime.exporter.export_for_generation)
        graphs.steps = {name: graph.runner for name, graph in steps.items()}
        _check_what_is_kept(work, runtime, graphs)
        graphs.calls.clear()
        seen |= _start_anew(graphs, steps, work, runtime)
    _put(graphs, model)
    return Engaged(
        observe=lambda: {**seen, "engine_graphs": _called(graphs, runtime, generates=generates)},
        samples=lambda: _samples(seconds),
        is_torch=False,
    )


def _put(graphs: Graphs, model: Any) -> None:
    """Put GRAPHS into the place of MODEL's forward."""

    @functools.wraps(model.forward)
    def run(**given: Any) -> Any:
        return graphs.call(**given)

    replace_forward(model, run)


def _timed(work: Work, runtime: Runtime, what: str, seconds: dict[str, float], export: Callable[..., Any]) -> dict[str, Graph]:
    """Run EXPORT and start its programs, both timed together as WHAT. Raises Refused with the exporter's own words where it fails.

    It works on a copy, for tensors that were made in inference mode cannot be traced.
    """
    import torch

    start = time.perf_counter()
    whose = f"engine {runtime.name}: the {what} of {type(work.loaded.model).__name__}"
    with _answered(f"{whose} cannot be exported"), torch.inference_mode(mode=False), torch.no_grad():
        model = copy.deepcopy(work.loaded.model)
        exported = export(model, _rows(work, what), runtime.config, **_more(what))
        if what == GENERATE:
            _check_steps(exported, work, runtime)
        runners = exported.to(work.loaded.device, **runtime.start).runners
    seconds[what] = time.perf_counter() - start
    return {name: Graph(program=part.program, runner=runners[name]) for name, part in exported.components.items()}


def _rows(work: Work, what: str) -> dict[str, Any]:
    """Copy the inputs that WHAT is exported with: in as many rows as beams make of them, for a graph of one row takes no more."""
    beams = work.requested.get("num_beams", 1) if what == GENERATE else 1
    if beams == 1:
        return {name: tensor.clone() for name, tensor in work.inputs.items()}
    return {name: tensor.repeat_interleave(beams, dim=0) for name, tensor in work.inputs.items()}


@contextmanager
def _answered(what: str) -> Iterator[None]:
    """Make of an error in the block the answer WHAT, with its own words; memory that ran out stays what it is."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:  # exporters and runtimes raise whatever the libraries below them do
        if classify(error).outcome is Outcome.OUT_OF_MEMORY:
            raise
        raise Refused(f"{what}: {said(error)}", ReasonCode.NOT_IN_CLASS) from error


def _check_what_is_kept(work: Work, runtime: Runtime, graphs: Graphs) -> None:
    """Generate a few tokens without GRAPHS and with them: raise Refused where they do not keep what the model keeps.

    A step's graph that forgets still answers, fast and wrong: what is fused of an export has done that to keys and values.
    """
    model = work.loaded.model
    whose = f"engine {runtime.name}: what was exported of {type(model).__name__}"
    own = _kept(model, work.inputs)
    _put(graphs, model)
    try:
        with _answered(f"{whose} does not generate"):
            found = _kept(model, work.inputs)
    finally:
        give_back_forward(model)
    if found != own:
        fault = "forgets" if sum(map(prod, found)) < sum(map(prod, own)) else "keeps other keys than the model"
        wrong = f"after {_TOKENS} tokens its keys are {_told(found)}, and the model's own {_told(own)}"
        raise Refused(f"{whose} {fault}: {wrong}", ReasonCode.NOT_IN_CLASS)


def _start_anew(graphs: Graphs, steps: dict[str, Graph], work: Work, runtime: Runtime) -> Mapping[str, Json]:
    """Start the STEPS of GRAPHS once more, so that what a runtime does in its first call is not over before that is measured.

    One at a time, and the old one goes first: each has the model's weights. STEPS are used up; what is seen of a step is given.
    """
    seen: Mapping[str, Json] = {}
    for name in list(steps):
        graph, old = steps.pop(name), graphs.steps.pop(name)
        program, start, metadata = graph.program, type(old).from_program, old.metadata
        del graph, old
        graphs.steps[name] = start(program, metadata, work.loaded.device, **runtime.start)
        if name == "decode":
            seen = runtime.seen(Graph(program=program, runner=graphs.steps[name]))
    return seen


def _kept(model: Any, inputs: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """Give the shapes of the keys that MODEL keeps of a short generation, layer by layer: those of layers that have keys."""
    said = model.generate(**masks.generating(inputs), generation_config=_short(), return_dict_in_generate=True)
    layers = getattr(getattr(said, _CACHE, None), "layers", ())
    return [tuple(layer.keys.shape) for layer in layers if getattr(layer, "keys", None) is not None]


def _told(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(" x ".join(map(str, shape)) for shape in dict.fromkeys(shapes)) or "none"


def _check_steps(exported: Any, work: Work, runtime: Runtime) -> None:
    """Raise Refused where the exporter made other graphs of a generation than a prefill and a step."""
    if set(exported.components) != _STEPS:
        msg = f"engine {runtime.name}: a generation of {type(work.loaded.model).__name__} has parts of its own that stay in torch"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)


def _more(what: str) -> dict[str, Any]:
    """Give what the export of a generation is told beside."""
    return {"generation_config": _short()} if what == GENERATE else {}


def _short() -> Any:
    """Configure a generation that is just long enough to need each of its graphs, and a step that reads what a step kept."""
    from transformers import GenerationConfig

    lengths = {"max_new_tokens": _TOKENS, "min_new_tokens": _TOKENS}
    return GenerationConfig(**lengths, do_sample=False, num_beams=1, eos_token_id=None, pad_token_id=0)


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
    if asked.get("experts", "auto") != "auto":
        raise Refused(
            f"engine {name} runs experts as they were exported: {asked['experts']} names torch's", ReasonCode.NOT_IN_CLASS
        )
    if Trait.GENERATES in work.traits:
        _refuse_generation(work, name)


def _refuse_generation(work: Work, name: str) -> None:
    """Refuse what the graphs of a generation, exported for the engine NAME, could not keep."""
    asked = work.requested
    model = work.loaded.model
    if model.config.is_encoder_decoder or work.traits & _ONLY_TEXT:
        msg = f"engine {name}: in a generation of {type(model).__name__} its encoder would still run in torch"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)
    for axis, kept in (("cache", "dynamic"), ("depth", 0), ("draft", "none"), ("prefill_chunk", "none")):
        if asked.get(axis, kept) != kept:
            raise Refused(f"engine {name}: its graphs are exported for {axis} {kept} only", ReasonCode.NOT_IN_CLASS)


def _called(graphs: Graphs, runtime: Runtime, *, generates: bool) -> list[Json]:
    """Name the graphs that ran. Raises Refused where the first call went another way."""
    missing = sorted(({*_STEPS} if generates else {FORWARD}) - graphs.calls.keys())
    if missing and not (missing == ["decode"] and generates):  # a generation of one token has no step after it
        raise Refused(f"engine {runtime.name}: the first call ran no graph of {', '.join(missing)}", ReasonCode.NOT_AS_REQUESTED)
    return [*sorted(graphs.calls)]


def _samples(seconds: Mapping[str, float]) -> tuple[Samples, ...]:
    parts = (sample(EXPORT_TIME, PHASE, value, part=f"graph={name}") for name, value in seconds.items())
    return (sample(EXPORT_TIME, PHASE, sum(seconds.values())), *parts)
