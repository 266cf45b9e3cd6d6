"""The steps that a trial times, in the order of the data: raw input, host tensors, device tensors, outputs.

A step is one callable. What it needs fresh each time (models may write into their inputs) is made before the clock starts.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter_ns
from typing import Any

from bench.domain.metric import Metric
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker import metrics, retrieval
from bench.worker.clock import NANO
from bench.worker.failures import Refused
from bench.worker.generating import generation
from bench.worker.generating.depth import Depth, wanted
from bench.worker.loads.loading import Loaded, synchronize
from bench.worker.material import beside, masks

Values = Mapping[Metric, tuple[float, ...]]


def _nothing() -> None:
    return None


@dataclass(slots=True, kw_only=True)
class Step:
    """One timed step.

    `run` is what is timed; `prepare` comes before the clock starts. A step's wall time is a sample of `metric`; `read` gives what
    else it samples. Where a step reads its samples off something finer than its wall time `metric` is None. Where it
    goes through several batches in turn, `round` is their number.
    """

    name: str
    run: Callable[[], object]
    metric: Metric | None = None
    prepare: Callable[[], object] = _nothing
    read: Callable[[], Values] = dict
    round: int = 1

    def values(self, wall_s: float) -> Values:
        """Give the samples of the call that took WALL_S."""
        return self.read() if self.metric is None else {self.metric: (wall_s,), **self.read()}


@dataclass(slots=True)
class Call:
    """A model, and the inputs that the next call gets: fresh copies, since some models write into theirs."""

    loaded: Loaded
    inputs: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    fresh: dict[str, Any] = field(default_factory=dict)
    depth: Depth | None = None
    generates: bool = False
    requested: Mapping[str, Json] = field(default_factory=dict)

    def refresh(self) -> None:
        """Copy the inputs for one call, with a filled cache below them where the case has a depth; draw from the seed again."""
        self.fresh = {name: value.clone() if hasattr(value, "clone") else value for name, value in self.inputs.items()}
        if not self.generates:
            self.fresh = beside.with_start(self.loaded.model, self.fresh)
        if self.depth is not None:
            self.fresh = self.depth.below(self.fresh, whole=self.generates)
        generation.reseed(self.requested)
        synchronize(self.loaded.device)

    def forward(self) -> Any:
        """Call the model once."""
        with self.loaded.calling():
            return self.loaded.model(**self.fresh, **self.options)

    def generate(self, **more: Any) -> Any:
        """Generate as the options say."""
        with self.loaded.calling():
            return self.loaded.model.generate(**of_generation(self.fresh), **self.options, **more)


def of_generation(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Give those of a forward's INPUTS that a generation takes: what its decoder reads it makes by itself."""
    return masks.generating({name: value for name, value in inputs.items() if name not in beside.FORWARD_ONLY})


@dataclass(slots=True)
class Stamps:
    """A stopping criterion that stops nothing: it notes when each token is on the host.

    It sees every model alike, also those whose answer leaves out the prompt or begins with a start token.
    """

    start_ns: int = 0
    at_ns: list[int] = field(default_factory=list)

    def start(self) -> None:
        """Begin a generation now."""
        self.start_ns, self.at_ns = perf_counter_ns(), []

    def __call__(self, input_ids: Any, _scores: Any, **_options: Any) -> Any:
        """Note the time once the newest token can be read, and let the generation go on."""
        input_ids[:, -1].tolist()
        self.at_ns.append(perf_counter_ns())
        return input_ids.new_zeros(input_ids.shape[0], dtype=bool)

    def values(self) -> Values:
        """Give the time to the first token and the gaps between the others, in seconds.

        Raises Refused where the generation told of no token: what cannot be seen is not timed.
        """
        if not self.at_ns:
            raise Refused("the model's generate asks no stopping criterion: its tokens cannot be timed", ReasonCode.NOT_IN_CLASS)
        gaps = tuple((late - early) * NANO for early, late in zip(self.at_ns, self.at_ns[1:], strict=False))
        first = {metrics.TTFT_MODEL: ((self.at_ns[0] - self.start_ns) * NANO,)}
        return {**first, metrics.ITL: gaps} if gaps else first


def count_tokens(stamped: Step) -> int:
    """Run the STAMPED generation once and count the tokens a sequence that it told of: every one has its sample."""
    stamped.prepare()
    stamped.run()
    return sum(len(samples) for samples in stamped.read().values())


def forward_options(requested: Mapping[str, Json]) -> dict[str, Any]:
    """Give the options of a forward pass: the class's defaults, but no cache where none was asked for."""
    return {"use_cache": False} if requested.get("cache") == "none" else {}


def generation_options(loaded: Loaded, requested: Mapping[str, Json]) -> dict[str, Any]:
    """Give the options of a generation as the case asks for it.

    The model's own generation config is changed too, for what it names would be filled in again.
    """
    return {**generation.options(loaded, requested), **_speech_options(loaded.model.generation_config)}


def forward_call(loaded: Loaded, inputs: Mapping[str, Any], requested: Mapping[str, Json]) -> Call:
    """Give the call of one forward pass as the case asks for it."""
    return Call(loaded, inputs, forward_options(requested), depth=wanted(loaded, inputs, requested))


def generation_call(loaded: Loaded, inputs: Mapping[str, Any], requested: Mapping[str, Json]) -> Call:
    """Give the call of one generation as the case asks for it."""
    options = generation_options(loaded, requested)
    return Call(loaded, inputs, options, depth=wanted(loaded, inputs, requested), generates=True, requested=requested)


def _speech_options(own: Any) -> dict[str, Any]:
    """Say the language where a model that hears would otherwise find it out by a pass of its own in every generation."""
    languages = getattr(own, "lang_to_id", None) or {}
    return {"language": "en", "task": "transcribe"} if "<|en|>" in languages else {}


def of_data(decode: Callable[[], object] | None, process: Callable[[], object], move: Callable[[], object]) -> Iterator[Step]:
    """Give the steps from raw input in hand to the device; encoded media are decoded first, in a step of their own."""
    if decode is not None:
        yield Step(name="media_decode", metric=metrics.MEDIA_DECODE, run=decode)
    yield Step(name="processor", metric=metrics.PROCESSOR, run=process)
    yield Step(name="h2d", metric=metrics.H2D, run=move)


def of_model(loaded: Loaded, inputs: Mapping[str, Any], traits: frozenset[Trait], requested: Mapping[str, Json]) -> Iterator[Step]:
    """Give the steps that call the model with one batch: first the one that users call, then the finer ones, a forward last."""
    if Trait.GENERATES in traits:
        yield from _generation(generation_call(loaded, inputs, requested))
    call = forward_call(loaded, inputs, requested)
    yield Step(name="forward", metric=metrics.FORWARD, run=call.forward, prepare=call.refresh)


def _generation(call: Call) -> Iterator[Step]:
    """Time whole generations without any observer, and the tokens' arrival in others."""
    from transformers import StoppingCriteriaList

    yield Step(name="generate", metric=metrics.E2E, run=call.generate, prepare=call.refresh)
    stamps = Stamps()
    observers = StoppingCriteriaList([stamps])

    def run() -> None:
        stamps.start()
        call.generate(stopping_criteria=observers)

    yield Step(name="ttft", run=run, prepare=call.refresh, read=stamps.values)


def of_retrieval(matrix: retrieval.Retrieval | None) -> Iterator[Step]:
    """Give the steps of a MATRIX of images and texts; where both sides can be embedded apart, those of a search in them too."""
    if matrix is None:
        return
    yield Step(name="matrix", metric=metrics.RETRIEVAL_MATRIX, run=matrix.matrix)
    if matrix.way != retrieval.CROSS:
        size = partial(_size_of, matrix)
        yield Step(name="embed", metric=metrics.RETRIEVAL_EMBED, prepare=matrix.store, run=matrix.embed, read=size)
        yield Step(name="text_query", metric=metrics.RETRIEVAL_TEXT_QUERY, prepare=matrix.store, run=matrix.query_text)
        yield Step(name="image_query", metric=metrics.RETRIEVAL_IMAGE_QUERY, prepare=matrix.store, run=matrix.query_image)


def _size_of(matrix: retrieval.Retrieval) -> Values:
    return {metrics.RETRIEVAL_EMBEDDING_BYTES: (matrix.stored_bytes(),)}
