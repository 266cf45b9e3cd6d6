"""The form of a suite file: what may be written where. What the parts mean together is judged in `sense`.

These models check values and describe themselves to editors; the nouns of the domain are built from what they accept.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from bench.domain import lengths
from bench.domain.axes import AXES, BY_NAME
from bench.domain.axis import Axis
from bench.domain.model import STAGES_OF_MODULES, Submodel
from bench.domain.scenario import Scenario
from bench.domain.values import Json
from bench.planning import mappings, placements
from bench.planning.forms import (
    STRICT,
    Bounds,
    Form,
    Load,
    OfCache,
    OfCapacity,
    OfData,
    OfEndurance,
    OfGate,
    OfRequests,
    OfTargets,
    Sampling,
    without_default,
)
from bench.planning.wording import knows, quoted, spellings, unknown, unknown_value

_QUANTIZED = ("method", "skip", "compute_dtype")


def _version(value: object) -> object:
    if type(value) is not int or value != 1:
        raise PydanticCustomError("bench", "{said}", {"said": f"version {quoted(value)} is not known (knows: 1)"})
    return value


def said(axis: Axis, value: Json) -> str | None:
    """Say what is wrong with VALUE of AXIS; None where nothing is."""
    return _mapping_said(axis, value) if axis.knows(value) else unknown_value(axis, value)


def _axis_value(axis: Axis) -> Callable[[Json], Json]:
    def check(value: Json) -> Json:
        wrong = said(axis, value)
        if wrong is not None:
            raise PydanticCustomError("bench", "{said}", {"said": wrong})
        if lengths.are_keys(axis.mapping_keys) and lengths.is_mixed(value):
            return lengths.ordered(value)
        return mappings.simplest(axis.name, value)

    return check


def _mapping_said(axis: Axis, value: Json) -> str | None:
    """Say what is wrong inside a mapping that AXIS takes."""
    if not isinstance(value, Mapping):
        return None
    if axis.name == "quantization":
        return _quantization_said(value)
    if axis.name in mappings.SAID:
        return mappings.SAID[axis.name](value)
    distributed = lengths.are_keys(axis.mapping_keys)
    return lengths.said(axis.name, value, axis.mapping_keys) if distributed else placements.said(axis.name, value)


def _quantization_said(value: Mapping[str, Json]) -> str | None:
    methods = [choice for choice in spellings(BY_NAME["quantization"]) if BY_NAME["quantization"].knows(choice)]
    dtypes = [choice for choice in spellings(BY_NAME["dtype"]) if BY_NAME["dtype"].knows(choice)]
    skip = value.get("skip", [])
    if value.get("method") not in methods:
        return unknown("quantization method", value.get("method"), methods)
    if value.get("compute_dtype", "auto") not in dtypes:
        return unknown("quantization compute_dtype", value["compute_dtype"], dtypes)
    if isinstance(skip, str):
        return f"quantization skip takes a list of module names: write [{quoted(skip)}]"
    if not isinstance(skip, list):
        return f"quantization skip takes a list of module names, not {quoted(skip)} {knows(['lm_head', 'encoder.*'])}"
    if wrong := [item for item in skip if not (isinstance(item, str) and item)]:
        return f"quantization skip takes a list of module names, not {quoted(wrong[0])} {knows(['lm_head', 'encoder.*'])}"
    return None


def _axis_schema(axis: Axis) -> dict[str, Any]:
    """Describe one value of AXIS to an editor."""
    kinds: list[dict[str, Any]] = [{"enum": list(axis.choices)}] if axis.choices else []
    if axis.least is not None:
        kinds.append({"type": "integer", "minimum": axis.least})
    if axis.pattern is not None:
        kinds.append({"type": "string", "pattern": f"^({axis.pattern})$"})
    if axis.mapping_keys:
        keys: dict[str, Any] = {} if "*" in axis.mapping_keys else dict.fromkeys(axis.mapping_keys, True)
        kinds.append({"type": "object", "minProperties": 1, "properties": keys, "additionalProperties": not keys})
    if axis.lists:
        kinds.append({"type": "array", "items": {"type": "string"}})
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _value_of(axis: Axis) -> Any:
    return Annotated[Any, AfterValidator(_axis_value(axis)), WithJsonSchema(_axis_schema(axis))]


def _each(axis: Axis) -> Any:
    default = list(axis.default) if isinstance(axis.default, tuple) else axis.default
    return list[_value_of(axis)], Field([default], min_length=1, description=axis.meaning)  # type: ignore[misc]


def _one(axis: Axis) -> Any:
    return _value_of(axis), Field(None, description=axis.meaning, json_schema_extra=without_default)


if TYPE_CHECKING:
    _PART: TypeAlias = str
else:
    _PART = Literal[tuple(part.value for part in Submodel)]
if TYPE_CHECKING:
    _STAGE: TypeAlias = str
else:
    _STAGE = Literal[STAGES_OF_MODULES]
_OF_PART = "this part of it by itself, with the arguments that the whole model calls it with"
_PICKS: dict[str, Any] = {
    "model": (str, Field(None, description="a model of this suite, by its name", json_schema_extra=without_default)),
    "task": (str, Field(None, description="a task's name", json_schema_extra=without_default)),
    "submodel": (_PART, Field(None, description="a part that the model is listed with", json_schema_extra=without_default)),
}

if TYPE_CHECKING:
    Axes: TypeAlias = BaseModel
    Selection: TypeAlias = BaseModel
    Reference: TypeAlias = BaseModel
else:
    Axes = create_model("Axes", __config__=STRICT, **{axis.name: _each(axis) for axis in AXES})
    Selection = create_model("Selection", __config__=STRICT, **_PICKS, **{axis.name: _one(axis) for axis in AXES})
    Reference = create_model("Reference", __config__=STRICT, **_PICKS, **{axis.name: _one(axis) for axis in AXES})


class OfPreset(Form):
    """A preset, and the task when it is not the preset's first."""

    preset: str = Field(description="a preset's name: `bench models` lists them")
    task: str | None = Field(None, description="the preset's first where it is left out")
    fresh_head: bool = Field(default=False, description="accept a head with new weights")
    num_labels: int | None = Field(None, ge=1, description="classes of a fresh head")
    submodel: _PART | None = Field(None, description=_OF_PART)


class _Checkpoint(Form):
    task: str | None = Field(None, description="the one that the checkpoint's architecture says where it is left out")
    allow_pickle: bool = Field(default=False, description="load weights that are pickled and may run code")
    trust_remote_code: bool = Field(default=False, description="run the code that comes with the checkpoint")
    fresh_head: bool = Field(default=False, description="accept a head with new weights")
    num_labels: int | None = Field(None, ge=1, description="classes of a fresh head")
    submodel: _PART | None = Field(None, description=_OF_PART)
    parts: dict[_STAGE, Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]] = Field(
        {}, description="modules by the stage of the ledger that they are of, as names or globs, where their names do not say it"
    )


class OfPath(_Checkpoint):
    """A checkpoint in a folder."""

    path: str = Field(min_length=1, description="the folder, relative to this file")


class OfHub(_Checkpoint):
    """A checkpoint of the Hub."""

    hub: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)?$", description="org/name")
    revision: str | None = Field(None, pattern=r"^[\w./-]+$", description="a commit; a branch or tag only with --allow-floating")


def _kind(value: object) -> str | None:
    if isinstance(value, str):
        return "<name>"
    keys = value if isinstance(value, dict) else ()
    return next((f"<{kind}>" for kind in ("preset", "path", "hub") if kind in keys), None)


Model = Annotated[
    Annotated[str, Tag("<name>")]
    | Annotated[OfPreset, Tag("<preset>")]
    | Annotated[OfPath, Tag("<path>")]
    | Annotated[OfHub, Tag("<hub>")],
    Discriminator(_kind),
]


class Document(Form):
    """A suite: models, axes and how to measure them."""

    version: Annotated[Any, BeforeValidator(_version), WithJsonSchema({"const": 1})] = Field(description="of this form")
    name: str = Field(
        pattern=r"^[^\x00-\x1f\x7f/\\]*[^\x00-\x20\x7f/\\]$", max_length=100, description="names the runs and the reports"
    )
    models: list[Model] = Field(min_length=1, description="presets, folders, models of the Hub")
    axes: Axes = Field(default_factory=Axes, description="every axis a list; the matrix is their product")
    exclude: list[Selection] = Field([], description="combinations to leave out: each entry takes all that have its values")
    include: list[Selection] = Field([], description="combinations to add or to extend, as in a GitHub Actions matrix")
    reference: Reference | None = Field(None, description="the case that parity is measured against")
    scenario: Literal[tuple(scenario.value for scenario in Scenario)] = Field(  # type: ignore[valid-type]
        Scenario.INFERENCE.value, description="what is done with a model"
    )
    data: OfData | None = Field(None, description="a data set of your own that feeds the cases", json_schema_extra=without_default)
    load: Load = Field(default_factory=Load, description="the state that loading begins in")
    procedure: Sampling = Field(default_factory=Sampling, description="how to measure")
    limits: Bounds = Field(default_factory=Bounds, description="bounds of a trial")
    capacity: OfCapacity | None = Field(
        None, description="with scenario capacity: what is sought", json_schema_extra=without_default
    )
    endurance: OfEndurance | None = Field(
        None, description="with scenario endurance: how long one case goes on", json_schema_extra=without_default
    )
    requests: OfRequests | None = Field(
        None, description="with scenario requests: the stream that is served", json_schema_extra=without_default
    )
    cache: OfCache | None = Field(
        None, description="with scenario requests: the paged cache of continuous batching", json_schema_extra=without_default
    )
    slo: OfTargets | None = Field(
        None, description="with scenario requests: targets of service, for goodput", json_schema_extra=without_default
    )
    gate: OfGate | None = Field(None, description="how comparisons of its runs are judged", json_schema_extra=without_default)
    environments: dict[str, Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]] = Field(
        {}, description="requirements by name, each list built once by pip: values of the axis environment"
    )


def schema() -> dict[str, Json]:
    """Give the JSON Schema of a suite, for editors and other programs."""
    body = Document.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A suite of bench",
        **{key: value for key, value in body.items() if key != "title"},
    }
