"""What driver and worker say to each other.

Requests, one a line on the worker's standard input: Build, Describe, DescribeModel, MatchNames, Measure. Events, one a line on the
descriptor that was the worker's standard output: Capabilities once the worker is ready; then for each request Forked, Started, any
number of Environment, Observed, PhaseBegan, PhaseEnded, Sampled and Noted, and at the end Finished or Failed. A process that dies
says nothing more: the nursery says last of all that it has Exited.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias, cast, get_args

from bench.domain.data import Data
from bench.domain.metric import Samples
from bench.domain.model import ModelFacts
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.plan import Case
from bench.domain.procedure import Limits, PageCache, Procedure, StartMethod
from bench.domain.values import Json
from bench.protocol.codec import CodecError, dumps, from_json, parse, to_json

VERSION = 1
END_OF_TURNS = "end"
"""What a trial reads from its pipe where the other side is gone."""
PROBE = "probe."
"""How the names of phases begin that are a probe's own pass: what they need is the probe's and no part of the trial's figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Write preset PRESET for TASK as a checkpoint with its processor into the folder OUT, which must not exist."""

    type: ClassVar[str] = "build"
    preset: str
    task: str
    out: str
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe:
    """Describe the machine, its libraries and its settings in one Environment event."""

    type: ClassVar[str] = "describe"


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeModel:
    """Describe MODEL for its task in one Observed event, reading no weights."""

    type: ClassVar[str] = "describe_model"
    model: ModelFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchNames:
    """Say in one Observed event which of PATTERNS of module names match nothing in MODEL, each with what there is."""

    type: ClassVar[str] = "match_names"
    model: ModelFacts
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """The named pipes over which a trial takes turns with that of the other side: it waits on TAKE and passes on through GIVE."""

    take: str
    give: str
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """What the outputs of a case are compared with: those of the case labelled REFERENCE, in the file PATH.

    Where the case is `own` reference it writes the file, unless that is there. `missing` says why there are no outputs to compare.
    """

    reference: str
    path: str
    own: bool = False
    missing: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """Inputs in the file PATH, of a case whose engine is another environment's. Who is to `leave` them there measures nothing."""

    path: str
    leave: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Measure CASE once. `cores` pins the trial's process to these CPUs; empty leaves it alone.

    With `turns` it makes its calls in turn with another trial. With `outputs_only` nothing is timed: the case is the reference of
    others, and is run for the outputs that `parity` names. `data` are the items that feed the case in the place of synthetic ones,
    `handed` is where its inputs are that another environment prepares.
    """

    type: ClassVar[str] = "measure"
    case: Case
    model: ModelFacts
    procedure: Procedure
    page_cache: PageCache
    limits: Limits
    trial: int
    cores: tuple[int, ...] = ()
    turns: Turns | None = None
    parity: Parity | None = None
    outputs_only: bool = False
    data: Data | None = None
    handed: Handed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The worker is ready. `start_method` is what it will do; where that is not what was asked, `reason` says why."""

    type: ClassVar[str] = "capabilities"
    version: int
    python: str
    libraries: Mapping[str, str]
    start_method: StartMethod
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forked:
    """The request has a process: PID leads a process group of its own."""

    type: ClassVar[str] = "forked"
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The request's process has its libraries and begins: time limits count from here.

    `baseline_bytes` is its anonymous memory now, most of it shared with its nursery.
    """

    type: ClassVar[str] = "started"
    baseline_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Facts about machine and libraries."""

    type: ClassVar[str] = "environment"
    facts: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Facts read off the loaded model and the realised inputs; later ones add to earlier ones."""

    type: ClassVar[str] = "observed"
    facts: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What disturbed the trial."""

    type: ClassVar[str] = "noise"
    facts: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseBegan:
    """Phase NAME began, AT_S seconds after the trial's process started."""

    type: ClassVar[str] = "phase_began"
    name: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseEnded:
    """Phase NAME ended, AT_S seconds after the trial's process started, for the reason STOPPED_BY.

    `high_water_bytes` is the kernel's own peak of the process's resident memory in it, shared pages and all.
    """

    type: ClassVar[str] = "phase_ended"
    name: str
    at_s: float
    stopped_by: str | None = None
    high_water_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Raw samples."""

    type: ClassVar[str] = "samples"
    samples: Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A remark for the record."""

    type: ClassVar[str] = "note"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The request was carried out whole."""

    type: ClassVar[str] = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The request ended without its answer, for a reason that the worker knows."""

    type: ClassVar[str] = "failed"
    outcome: Outcome
    reason: str
    reason_code: ReasonCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited:
    """The request's process and all that it started are gone: its exit STATUS, negative for a signal. Always the last event."""

    type: ClassVar[str] = "exited"
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """An event of a later version, kept as it came."""

    type: ClassVar[str] = "unknown"
    line: Mapping[str, Json] = field(default_factory=dict)


Request: TypeAlias = Build | Describe | DescribeModel | MatchNames | Measure
Event: TypeAlias = (
    Capabilities
    | Forked
    | Started
    | Environment
    | Observed
    | Noise
    | PhaseBegan
    | PhaseEnded
    | Sampled
    | Noted
    | Finished
    | Failed
    | Exited
    | Unknown
)

_REQUESTS: dict[str, type[Request]] = {
    "build": Build,
    "describe": Describe,
    "describe_model": DescribeModel,
    "match_names": MatchNames,
    "measure": Measure,
}
_EVENTS: dict[str, type[Event]] = {kind.type: kind for kind in get_args(Event) if kind is not Unknown}


def encode(message: Request | Event) -> str:
    """Spell MESSAGE as one line, with its type and the protocol's version, without the line end. Raises CodecError for NaN."""
    body = cast("Mapping[str, Json]", to_json(message))
    return dumps({"v": VERSION, "type": message.type, **body})


def decode_request(line: str) -> Request:
    """Read a request. Raises CodecError for another version, an unknown type and unknown fields."""
    kind, body = _open(line)
    if kind not in _REQUESTS:
        msg = f"request {kind!r} is not known (knows: {', '.join(_REQUESTS)})"
        raise CodecError(msg)
    return from_json(_REQUESTS[kind], body)


def decode_event(line: str) -> Event:
    """Read an event; one of an unknown type becomes Unknown. Raises CodecError for another version or a wrong form."""
    kind, body = _open(line)
    return from_json(_EVENTS[kind], body) if kind in _EVENTS else Unknown(line={"type": kind, **body})


def _open(line: str) -> tuple[str, dict[str, Json]]:
    message = parse(line)
    if not isinstance(message, dict) or message.get("v") != VERSION:
        msg = f"not a message of protocol version {VERSION}: {line[:80]}"
        raise CodecError(msg)
    return str(message.get("type")), {name: value for name, value in message.items() if name not in {"v", "type"}}
