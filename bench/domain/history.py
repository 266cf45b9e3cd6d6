"""Many runs as series: one a case, metric and machine, and the changes in them that stayed."""

from dataclasses import dataclass

from bench.domain.comparison import Unlike
from bench.domain.metric import Metric
from bench.domain.plan import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """A change from the point at place `at` on: the ratio of the values after it to those before, with its 95 % interval.

    Both reach to the next change point or the end. The interval takes points as independent.
    """

    at: int
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run in a series."""

    run: str
    started_at: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change that stayed: from the point at `at` on, with the environment's differences to the point before it."""

    found: ChangePoint
    unlike: tuple[Unlike, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One metric of one case on the machine of `fingerprint`, in the order of time.

    Where it is a `ratio`, a point is head's value over base's in one A/B run, against the same base in all of them.
    """

    case: Case
    metric: Metric
    fingerprint: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...] = ()
    ratio: bool = False
