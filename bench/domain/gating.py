"""What a suite says of its gate: which metrics count, and how much of a change is tolerated, for each metric where it says so."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What is said of one metric; None is what holds for all."""

    gated: bool | None = None
    margin: float | None = None
    equivalence: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gating:
    """The `gate` section of a suite: bounds for every metric, and what is said of some by their names."""

    margin: float | None = None
    equivalence: float | None = None
    metrics: Mapping[str, Tolerance] = field(default_factory=dict)

    def of(self, metric: str) -> Tolerance:
        """Give what holds for METRIC by this section: what it says of the metric, else what it says of all."""
        said = self.metrics.get(metric, Tolerance())
        return Tolerance(
            gated=said.gated,
            margin=self.margin if said.margin is None else said.margin,
            equivalence=self.equivalence if said.equivalence is None else said.equivalence,
        )
