"""A number's declaration: no sample travels without name, unit, direction and definition."""

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """SI units as they are stored; prefixes appear in formats only."""

    SECOND = "s"
    BYTE = "B"
    ONE = "1"
    PER_SECOND = "1/s"
    TOKEN_PER_SECOND = "token/s"  # noqa: S105 -- a unit, not a secret
    JOULE = "J"
    WATT = "W"


class Better(StrEnum):
    """Which way is good. Counts that are neither are NONE."""

    LOWER = "lower"
    HIGHER = "higher"
    NONE = "none"


class Reduce(StrEnum):
    """How the values of one trial become the trial's value."""

    MEDIAN = "median"
    MEAN = "mean"
    MAX = "max"
    LAST = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """The declaration that every sample carries.

    `name` is the definition id without its version; `definition` the id with it (`ttft_model.v1`), whose meaning is in
    docs/metrics.md. Two definitions are never set beside each other. A `deterministic` metric is compared exactly.
    """

    name: str
    unit: Unit
    better: Better
    definition: str
    reduce: Reduce = Reduce.MEDIAN
    deterministic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Raw values of one metric in one phase, in the order measured, in the metric's SI unit.

    `part` tells which part of the model or machine they are of (`component=vision`, `dtype=float32`); None is the whole.
    """

    metric: Metric
    phase: str
    values: tuple[float, ...]
    part: str | None = None
