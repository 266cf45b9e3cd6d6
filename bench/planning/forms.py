"""The forms of a suite's sections, those below its models and axes. The whole is in `document`."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from bench.domain.particulars import OVER
from bench.domain.procedure import Procedure, StartMethod
from bench.domain.values import Json
from bench.planning import requests
from bench.planning.amounts import BYTES_PATTERN, SECONDS_PATTERN, read_bytes, read_seconds

STRICT = ConfigDict(extra="forbid", strict=True)
_DEFAULTS = Procedure()


class Form(BaseModel):
    """What takes no key that it does not know, and no value of another type."""

    model_config = STRICT


def without_default(schema: dict[str, Any]) -> None:
    """Leave a default of None out of SCHEMA: the key may be left out, and null may not be written."""
    schema.pop("default", None)


class Load(Form):
    """How the checkpoint is found when a trial loads it."""

    page_cache: Literal["warm", "cold"] | None = Field(None, description="state of the checkpoint's pages before loading")
    mmap: bool | None = Field(None, description="map the weight files, or read them into memory; left out, as the library does")


def _warmup(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if number or value == "auto" or (isinstance(value, str) and read_seconds(value) is not None):
        return value
    said = f"warmup {value} is not known (knows: auto, a number of iterations, seconds such as 2.5s)"
    raise PydanticCustomError("bench", "{said}", {"said": said})


class Sampling(Form):
    """How to measure."""

    trials: int = Field(_DEFAULTS.trials, ge=1, description="fresh processes; exact unless max_trials is larger")
    max_trials: int | None = Field(
        None, ge=1, description="trials are added up to this until target_interval; as trials where left out"
    )
    warmup: Annotated[
        Any,
        BeforeValidator(_warmup),
        WithJsonSchema(
            {"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 0}, {"type": "string", "pattern": SECONDS_PATTERN}]}
        ),
    ] = Field("auto", description="until steady, a number of iterations, or seconds such as 2.5s")
    target_interval: float = Field(_DEFAULTS.target_interval, gt=0, lt=1, description="relative half-width of the 95 % interval")
    min_iterations: int = Field(_DEFAULTS.min_iterations, ge=1, description="a trial")
    max_iterations: int = Field(_DEFAULTS.max_iterations, ge=1, description="a trial")
    min_seconds: float = Field(_DEFAULTS.min_seconds, ge=0, description="measured time of a trial")
    time_limit_s: float = Field(_DEFAULTS.time_limit_s, gt=0, lt=1e9, description="hard, of a trial and all its processes")
    order: Literal["interleaved", "as-written"] = Field(
        "interleaved", description="how trials of different cases follow each other"
    )
    seed: int = Field(_DEFAULTS.seed, ge=0, lt=2**32, description="of weights, inputs and order")
    start_method: Literal["nursery", "spawn"] = Field(
        StartMethod.NURSERY.value, description="fork trials from a prepared process, or start an interpreter for each"
    )


def _memory(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if number or (isinstance(value, str) and read_bytes(value)):
        return value
    said = f"host_memory {value} is not known (knows: bytes as an integer, amounts such as 8GiB or 500MB)"
    raise PydanticCustomError("bench", "{said}", {"said": said})


class Bounds(Form):
    """Bounds of a trial."""

    host_memory: Annotated[
        Any,
        BeforeValidator(_memory),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": BYTES_PATTERN}]}),
    ] = Field(None, description="anonymous memory above the trial's baseline, such as 8GiB", json_schema_extra=without_default)


class OfMetric(Form):
    """What the gate says of one metric."""

    gated: bool | None = Field(None, description="whether the gate is about it", json_schema_extra=without_default)
    margin: float | None = Field(None, ge=0, lt=1, description="as above, of this metric", json_schema_extra=without_default)
    equivalence: float | None = Field(None, ge=0, lt=1, description="as above, of this metric", json_schema_extra=without_default)


class OfGate(Form):
    """What a comparison tolerates, and what a gate is about."""

    margin: float | None = Field(
        None, ge=0, lt=1, description="relative slowdown that is tolerated", json_schema_extra=without_default
    )
    equivalence: float | None = Field(
        None, ge=0, lt=1, description="equivalent within this; at least the margin", json_schema_extra=without_default
    )
    metrics: dict[str, OfMetric] = Field({}, description="by a metric's name: gated, margin, equivalence")


class OfCapacity(Form):
    """With scenario capacity: what is sought."""

    over: Literal[OVER] = Field(description="the axis whose largest value that fits is sought")  # type: ignore[valid-type]
    max: int = Field(ge=1, le=1 << 30, description="the value that is not gone beyond")


class OfEndurance(Form):
    """With scenario endurance: how long one case goes on."""

    minutes: float | None = Field(None, gt=0, lt=1e6, description="or steps", json_schema_extra=without_default)
    steps: int | None = Field(None, ge=20, description="or minutes", json_schema_extra=without_default)


class OfData(Form):
    """A data set of the user's that feeds the cases: either a file or a loader."""

    file: str | None = Field(
        None, min_length=1, description="items as JSON, one a line; relative to this file", json_schema_extra=without_default
    )
    loader: str | None = Field(
        None,
        min_length=1,
        description="package.module:function, which gives a DataLoader; looked up beside this file too",
        json_schema_extra=without_default,
    )
    items: int | None = Field(
        None, ge=1, description="so many from the first on; all where left out", json_schema_extra=without_default
    )
    absolute_paths: Literal["refused", "allowed"] = Field(
        "refused", description="whether items may name media outside of the data file's folder"
    )
    step: Literal["forward", "train"] = Field(
        "forward",
        description="with scenario data: what a batch feeds, a forward pass or a step of training, told by the items' labels",
    )


def _lengths(name: str) -> Any:
    def check(value: Json) -> Json:
        said = requests.length_said(name, value)
        if said is not None:
            raise PydanticCustomError("bench", "{said}", {"said": said})
        return value

    return Annotated[Any, AfterValidator(check), WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "object"}]})]


class OfRequests(Form):
    """With scenario requests: the stream that is served."""

    count: int = Field(ge=1, le=1 << 20, description="requests in all")
    arrival: Literal["all", "poisson"] = Field("all", description="all at once, or by a Poisson process of the rate")
    rate: float | None = Field(None, gt=0, description="requests a second, with poisson", json_schema_extra=without_default)
    prompt_tokens: _lengths("prompt_tokens") = Field(description="tokens of each prompt, or what they are drawn from")  # type: ignore[valid-type]
    new_tokens: _lengths("new_tokens") = Field(description="tokens that each wants, or what they are drawn from")  # type: ignore[valid-type]
    seed: int = Field(0, ge=0, lt=2**32, description="of lengths, tokens and arrivals")


class OfCache(Form):
    """With scenario requests: the paged cache of continuous batching; what is left out fits the requests."""

    page_size: int | None = Field(None, ge=4, description="tokens a page", json_schema_extra=without_default)
    num_blocks: int | None = Field(None, ge=1, description="blocks in all", json_schema_extra=without_default)
    max_batch_tokens: int | None = Field(None, ge=1, description="tokens in one step", json_schema_extra=without_default)


class OfTargets(Form):
    """With scenario requests: targets of service, which goodput counts by."""

    ttft: float | None = Field(None, gt=0, description="seconds to a request's first token", json_schema_extra=without_default)
    itl: float | None = Field(None, gt=0, description="seconds between its tokens, in the mean", json_schema_extra=without_default)
