"""What records say once they are read together: estimates with their uncertainty, one row a case and run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bench.domain.metric import Metric
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.plan import Case
from bench.domain.values import Json

STAGES = (
    "media_decode", "processor", "h2d", "encode.vision", "encode.audio", "encode.text", "project", "fuse", "prefill.language",
    "decode", "forward", "head", "post", "detokenize",
)  # fmt: skip
"""Stages of a request in the order of the data, as docs/metrics.md lists them."""


def place_of(stage: str) -> int:
    """Give the place of STAGE in the way of the data, behind all others where it is not known."""
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile:
    """A percentile of samples pooled over trials; `low` and `high` bound it at 95 %, None where too few trials stand behind it."""

    share: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A metric's value over the trials of a case.

    `low` and `high` are the 95 % interval, None where there is none; `least` and `most` the trials' extremes. `n` counts samples,
    `trials` processes. `parts` has the value of each part (`component=vision`), `phases` of each phase of a peak. `each` has the
    value of every trial, in the order of their numbers.
    """

    metric: Metric
    value: float
    low: float | None = None
    high: float | None = None
    least: float
    most: float
    n: int
    trials: int
    parts: Mapping[str, float] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)
    percentiles: tuple[Percentile, ...] = ()
    each: tuple[float, ...] = ()

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval as a share of the value; None where there is no interval, or no scale."""
        if self.low is None or self.high is None or self.value == 0:
            return None
        return (self.high - self.low) / 2 / abs(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How much a second went through a stage, or through a part of one, which the metric's name tells."""

    metric: Metric
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of a request's way, in seconds, what of it its `parts` took, and the `rates` of it and of these."""

    name: str
    seconds: float
    parts: Mapping[str, float] = field(default_factory=dict)
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Where the seconds of one request went: disjoint stages in the order of the data.

    `end_to_end_s` was timed apart from them; `residual_s` is what of it no stage accounts for, so that all sums hold.
    `not_observed` are stages that the model has modules for, none of which was called: their time is not known, and not 0.
    `items` are those of the request, None where its batch is not one of items.
    """

    stages: tuple[Stage, ...]
    end_to_end_s: float
    residual_s: float
    not_observed: tuple[str, ...] = ()
    items: int | None = None


class TrialsEnd(StrEnum):
    """Why a case got no more trials: the number asked for, its target, its cap without it, a trial that failed, a run cut off."""

    COUNT = "count"
    TARGET = "target"
    CAP = "cap"
    FAILURE = "failure"
    CUT_OFF = "cut_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case in one run: `finished` where all its trials are, else the first other outcome; metrics are of finished trials.

    `planned` counts the trials that were to run, `finished` those that did, `marked` the finished ones that something disturbed.
    `stopped_by` says for each phase why sampling ended in it, `trials_stopped_by` why there were no more trials; None where a case
    never began, or its trials are of an A/B run. Of `observed`, what differs between trials is the list of its values.
    `drift` says in what the outputs have left the reference's; None where they have not, or were not compared.
    """

    run: str
    suite: str
    case: Case
    outcome: Outcome
    reason: str | None = None
    reason_code: ReasonCode | None = None
    observed: Mapping[str, Json] = field(default_factory=dict)
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    ledger: Ledger | None = None
    planned: int = 0
    finished: int = 0
    marked: int = 0
    stopped_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    trials_stopped_by: TrialsEnd | None = None
    drift: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: its machine and libraries, when its first trial began, and the commits that its suites were read from.

    Of `environment`, what differs between trials (their cores, say) is the list of its values.
    """

    id: str
    environment: Mapping[str, Json]
    started_at: str
    suites: tuple[str, ...]
    commits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How a metric of one case grows with an axis: as length^`exponent` over all `lengths`, as length^`last` from the last but one.

    `label` names the case without the axis `over`; `low` and `high` are the 95 % interval of the exponent.
    """

    run: str
    suite: str
    label: str
    over: str
    lengths: tuple[int, ...]
    metric: Metric
    exponent: float
    low: float
    high: float
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything that reports show. `remarks` concern the records as a whole."""

    runs: tuple[Run, ...]
    rows: tuple[Row, ...]
    growths: tuple[Growth, ...] = ()
    remarks: tuple[str, ...] = ()
