"""The difference of two sets of values with its error: Yuen's form of Welch's t.

Each side is a trimmed mean with the Winsorised variance (Yuen 1974, on the statistic of Welch 1947), trimmed as `statistics`
trims: nothing below 10 values, 10 % a side from there on. What separates two runs beside the change is how far runs of unchanged
code lie apart, so a variance of runs is added for each side; degrees of freedom by Satterthwaite 1946.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.analysis.statistics import LEAST_TO_TRIM, LEVEL, TRIMMED
from bench.domain.comparison import Spread

LEAST = 2
"""Values that a side needs to have a scatter."""
POWER = 0.95
OF_SCATTER = 0.5
_NORMAL = statistics.NormalDist().inv_cdf(POWER)


class Gap(Protocol):
    """How far two sides lie apart, as verdicts see it."""

    @property
    def mirrored(self) -> "Gap":
        """The gap with its sides changed."""

    @property
    def logged(self) -> bool:
        """Whether it is one of logarithms."""

    def chance(self, margin: float) -> float:
        """Give the one-sided p of a gap this far above MARGIN, a relative one, had it been just MARGIN."""

    def bounds(self) -> tuple[float, float]:
        """Give its 95 % interval, on its own scale."""

    def detectable(self, margin: float, level: float) -> float:
        """Give the smallest relative increase that a test of LEVEL against MARGIN finds with probability 0.95."""

    def scaled(self, relative: float) -> float:
        """Put a RELATIVE increase on its scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Where values lie: their trimmed mean, its squared standard error, and the degrees of freedom of that."""

    mean: float
    squared: float
    degrees: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A difference, its standard error, and the degrees of freedom of that. `logged` where it is one of logarithms."""

    size: float
    error: float
    degrees: float
    logged: bool = True

    @property
    def mirrored(self) -> "Difference":
        """The difference with its sides changed."""
        return Difference(size=-self.size, error=self.error, degrees=self.degrees, logged=self.logged)

    def chance(self, margin: float) -> float:
        """Give the one-sided p of a difference this far above MARGIN, a relative one, had it been just MARGIN."""
        from scipy.special import stdtr

        beyond = self.size - self.scaled(margin)
        if self.error == 0:
            return 0.0 if beyond > 0 else 1.0
        return float(stdtr(self.degrees, -beyond / self.error))

    def bounds(self) -> tuple[float, float]:
        """Give the 95 % interval of the difference, on its own scale."""
        width = 0.0 if self.error == 0 else _critical((1 - LEVEL) / 2, self.degrees) * self.error
        return self.size - width, self.size + width

    def detectable(self, margin: float, level: float) -> float:
        """Give the smallest relative increase that a test of LEVEL against MARGIN finds with probability 0.95, the error as it is.

        It is found where t > t_c, the critical value. With a true effect d, t is noncentral with d' = (d - margin) / error, and by
        the approximation of Johnson and Welch 1940 P(t > t_c) = 0.95 at d' = t_c (1 - 1/4n) + 1.645 sqrt(1 + t_c**2 / 2n), n the
        degrees of freedom.
        """
        if self.error == 0:
            return margin
        critical = _critical(level, self.degrees)
        reached = critical * (1 - 1 / (4 * self.degrees)) + _NORMAL * math.sqrt(1 + critical**2 / (2 * self.degrees))
        effect = self.scaled(margin) + reached * self.error
        return math.expm1(min(effect, math.log(1e9))) if self.logged else effect

    def scaled(self, relative: float) -> float:
        """Put a RELATIVE increase on the scale of the difference."""
        return math.log1p(relative) if self.logged else relative


def _critical(level: float, degrees: float) -> float:
    """Give the t that is exceeded with probability LEVEL."""
    from scipy.special import stdtrit

    return -float(stdtrit(degrees, level))


def locate(values: Sequence[float], least_cut: int = 0) -> Location:
    """Give the trimmed mean of VALUES, at least 2, with Yuen's squared error: (n - 1) s_w**2 / (h (h - 1)), h of n values kept.

    At least LEAST_CUT values are trimmed on each side.
    """
    ordered, count = sorted(values), len(values)
    cut = max(int(TRIMMED * count) if count >= LEAST_TO_TRIM else 0, least_cut)
    kept = ordered[cut : count - cut]
    winsorised = [*[kept[0]] * cut, *kept, *[kept[-1]] * cut]
    squared = statistics.variance(winsorised) * (count - 1) / (len(kept) * (len(kept) - 1))
    return Location(mean=statistics.fmean(kept), squared=squared, degrees=len(kept) - 1)


def difference(base: Sequence[float], head: Sequence[float], between: Spread | None) -> Difference:
    """Give the difference of the positions of HEAD and BASE, at least 2 values each, on logs where all values are above zero.

    Otherwise it is one of the values themselves, as a share of the larger of both positions. BETWEEN is the spread between runs of
    unchanged code, of which each side is one: its `degrees` 0 means that it is assumed and not estimated; None adds nothing.
    """
    logged = min(*base, *head) > 0
    scale = 1.0 if logged else max(abs(locate(base).mean), abs(locate(head).mean)) or 1.0
    first, second = (locate([math.log(value) if logged else value / scale for value in values]) for values in (base, head))
    parts = [(first.squared, first.degrees), (second.squared, second.degrees)]
    if between is not None and any((*base, *head)):
        parts.append((2 * between.sigma**2, between.degrees or math.inf))
    squared = sum(part for part, _ in parts)
    size = second.mean - first.mean
    return Difference(size=size, error=math.sqrt(squared), degrees=satterthwaite(parts), logged=logged)


def at_least(between: Spread, base: Sequence[float], head: Sequence[float]) -> Spread:
    """Give BETWEEN, or half of the scatter of the trials of BASE and HEAD where that is larger.

    Weather that scatters the trials of a run moves whole runs too: on a machine that was kept busy, minutes moved runs by 0.37 of
    what separated processes of the same minute (docs/verdicts.md), in absolute terms far more than while it was quiet.
    """
    if min(*base, *head) <= 0:
        return between
    variances = [statistics.variance([math.log(value) for value in values]) for values in (base, head)]
    scatter = OF_SCATTER * math.sqrt(statistics.fmean(variances))
    return between if scatter <= between.sigma else Spread(sigma=scatter, degrees=len(base) + len(head) - 2)


def satterthwaite(parts: Sequence[tuple[float, float]]) -> float:
    """Give the degrees of freedom of a sum of variances, PARTS, each with its own: infinite where none of them was estimated."""
    whole = sum(part for part, _ in parts)
    below = sum(part**2 / degrees for part, degrees in parts)
    return whole**2 / below if below > 0 else math.inf
