"""Two sets of records set beside each other: what differs, and what may be said of it.

docs/verdicts.md tells what each verdict promises, and how often it is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bench.domain.gating import Gating, Tolerance
from bench.domain.metric import Better, Metric
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.plan import Case
from bench.domain.values import Json


class Verdict(StrEnum):
    """What may be said of one metric of one case. Times are slower or faster, everything else is larger or smaller."""

    SLOWER = "slower"
    FASTER = "faster"
    LARGER = "larger"
    SMALLER = "smaller"
    EQUIVALENT = "equivalent"
    EQUAL = "equal"
    INCONCLUSIVE = "inconclusive"
    MISSING = "missing"
    INCOMPARABLE = "incomparable"

    def worse(self, better: Better) -> bool:
        """Tell whether this is a change for the worse of a metric whose good direction is BETTER."""
        if self is Verdict.SLOWER:
            return True
        return (self is Verdict.LARGER and better is Better.LOWER) or (self is Verdict.SMALLER and better is Better.HIGHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a difference means something.

    `margin` is the relative slowdown that is tolerated: slower means proved to be worse than it. Within `equivalence`, at least
    the margin, two values count as the same. `level` is the probability of a false verdict of one row in one direction,
    `false_share` bounds the share of false ones among all verdicts of a direction. With `across_machines` ratios are shown where
    the machines are not alike, without a verdict.

    `gates` has what suites say of their cases, by the case's id; None is what the records say. Those of margin and equivalence that
    are `insisted` on stand before what a suite says for all its metrics, not before what it says of one.
    """

    margin: float = 0.005
    equivalence: float = 0.02
    level: float = 0.005
    false_share: float = 0.01
    across_machines: bool = False
    gates: Mapping[str, Gating] | None = None
    insisted: frozenset[str] = frozenset()

    def said(self, case: str, metric: str) -> Tolerance:
        """Give what the suite says of METRIC of the case with the id CASE."""
        gate = (self.gates or {}).get(case, Gating())
        margin = None if "margin" in self.insisted else gate.margin
        equivalence = None if "equivalence" in self.insisted else gate.equivalence
        return replace(gate, margin=margin, equivalence=equivalence).of(metric)

    def of(self, case: str, metric: str) -> "Rules":
        """Give the rules for METRIC of the case with the id CASE."""
        said = self.said(case, metric)
        return replace(
            self,
            margin=self.margin if said.margin is None else said.margin,
            equivalence=self.equivalence if said.equivalence is None else said.equivalence,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """One metric of one case in base and head.

    `base` and `head` are the values, None where a side has none; `ratio` is head/base, `low` and `high` its 95 % interval.
    `smallest_detectable` is the relative slowdown that would have been found 95 times in 100. `reason` says what stands behind the
    verdict where the numbers do not.
    """

    case: Case
    metric: Metric
    base: float | None = None
    head: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict
    smallest_detectable: float | None = None
    reason: str | None = None

    @property
    def worse(self) -> bool:
        """Whether the verdict is a change for the worse."""
        return self.verdict.worse(self.metric.better)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a case ended in base and head, where it is not the same; None where a side has no such case."""

    case: Case
    base: Outcome | None
    head: Outcome | None
    reason: str | None = None
    reason_code: ReasonCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """Something that is not alike in base and head. `cases` has the labels of those that it concerns; empty is all."""

    what: str
    base: Json
    head: Json
    cases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Base and head, case by case and metric by metric, judged by `rules`. `base` and `head` are the ids of their runs."""

    base: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[Contrast, ...]
    endings: tuple[Ending, ...] = ()
    unlike: tuple[Unlike, ...] = ()
    remarks: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A change that is known and agreed on: of `metric` of `case` (its id or label).

    One of the bounds is set: ratios from 1 up to `up_to` are agreed on, or values of head from base's up to `up_to_value`, in the
    metric's unit, which alone bounds a change from zero.
    """

    case: str
    metric: str
    up_to: float | None = None
    up_to_value: float | None = None
    reason: str
    date: str

    def covers(self, row: Contrast) -> bool:
        """Tell whether the change of ROW lies within the bound."""
        start, found, bound = (1.0, row.ratio, self.up_to) if self.up_to is not None else (row.base, row.head, self.up_to_value)
        if start is None or found is None or bound is None:
            return False
        return min(start, bound) <= found <= max(start, bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One reason why a gate fails, or what it let pass with a note; `metric` None concerns the case as a whole."""

    case: Case
    metric: str | None
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a gate says: it has passed where there are no failures; notes are for people."""

    failures: tuple[Objection, ...]
    notes: tuple[Objection, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing is objected to."""
        return not self.failures


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far the values of one metric lie apart between runs of unchanged code: a standard deviation of logs.

    `degrees` are its degrees of freedom: one less than the runs behind it. `definition` is the one that the values are by; what was
    kept without it is by the first.
    """

    sigma: float
    degrees: int
    definition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNoise:
    """The spread between runs of unchanged code on one machine, by metric, and the runs that it comes from."""

    schema: int = 1
    fingerprint: str
    runs: tuple[str, ...]
    first_at: str
    last_at: str
    spreads: Mapping[str, Spread] = field(default_factory=dict)

    def spread(self, metric: Metric) -> Spread | None:
        """Give the spread of METRIC; None where it is not known by the definition that the metric has."""
        found = self.spreads.get(metric.name)
        return found if found is not None and metric.definition == (found.definition or f"{metric.name}.v1") else None
