"""From samples to a trial's value, and from trials to a metric's value with its uncertainty.

The trial (one fresh process) is the unit: iterations inside a process are autocorrelated, so a thousand of them are one look. A
metric's value is the mean of the logs of the trials' values, 10 %-trimmed from 10 trials on, with Student's t on it (Tukey and
McLaughlin 1963; the one-sample form of Yuen 1974). Values that have no logarithm (no bytes, a negative residual) are averaged as
they are. docs/how-it-measures.md has what these intervals cover.
"""

import math
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.domain.metric import Metric, Reduce
from bench.domain.summary import Percentile

if TYPE_CHECKING:
    import numpy as np

LEVEL = 0.95
TRIMMED = 0.1
"""Share of the trials that is trimmed on each side."""
LEAST_TO_TRIM = 10
LEAST_FOR_INTERVAL = 5
SUPPORT = ((0.90, 29), (0.95, 59), (0.99, 299))
"""Percentiles, each with the least number of samples that bounds it at 95 %: 1 - share**n is at least 0.95."""
RESAMPLES = 999


def of_trial(metric: Metric, values: Sequence[float]) -> float:
    """Give the one value that stands for a trial, from all VALUES of METRIC in it, as its declaration says."""
    if metric.reduce is Reduce.MAX:
        return max(values)
    if metric.reduce is Reduce.MEAN:
        return statistics.fmean(values)
    return values[-1] if metric.reduce is Reduce.LAST else statistics.median(values)


def center(values: Sequence[float]) -> float:
    """Give the value that stands for the trials' VALUES: their geometric mean, trimmed by 10 % a side from 10 trials on.

    Where a value is not above zero, the arithmetic mean takes its place, trimmed alike.
    """
    from scipy.stats import mstats

    logs = _logs(values)
    scaled = values if logs is None else logs
    share = _share(len(values))
    mean = statistics.fmean(scaled) if share is None else float(mstats.trimmed_mean(scaled, limits=(share, share)))
    found = mean if logs is None else math.exp(mean)
    return min(max(found, min(values)), max(values))  # rounding may carry a mean past equal values


def interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Give the 95 % interval of `center(VALUES)` over repeated runs in the same minutes, None below 5 trials.

    Student's t on the logs with n - 2g - 1 degrees of freedom and the Winsorised standard error, g values trimmed a side; on the
    values themselves where one of them is not above zero.
    """
    if len(values) < LEAST_FOR_INTERVAL:
        return None
    if min(values) == max(values):
        return values[0], values[0]
    from scipy.stats import mstats

    logs = _logs(values)
    share = _share(len(values))
    limits = None if share is None else (share, share)
    low, high = (float(bound) for bound in mstats.trimmed_mean_ci(values if logs is None else logs, limits=limits, alpha=1 - LEVEL))
    return (low, high) if logs is None else (math.exp(low), math.exp(high))


def percentiles(trials: Sequence[Sequence[float]]) -> tuple[Percentile, ...]:
    """Give p90, p95 and p99 of the samples of TRIALS pooled, as far as their number supports them (29, 59, 299 samples).

    A percentile is a value that occurred (inverted distribution function). Its 95 % interval comes from a bootstrap over whole
    trials, seeded so that the same records give the same report; below 5 trials there is none.
    """
    count = sum(len(values) for values in trials)
    shares = tuple(share for share, least in SUPPORT if count >= least)
    if not shares:
        return ()
    pooled = _Pooled(trials, shares)
    bounds = pooled.bounds() if len(trials) >= LEAST_FOR_INTERVAL else ((None, None),) * len(shares)
    return tuple(
        Percentile(share=share, value=value, low=low, high=high)
        for share, value, (low, high) in zip(shares, pooled.values(), bounds, strict=True)
    )


class _Pooled:
    """Samples of several trials in one order, so that a resample of trials needs weights only and no sorting."""

    def __init__(self, trials: Sequence[Sequence[float]], shares: Sequence[float]) -> None:
        import numpy as np

        owner = np.repeat(np.arange(len(trials)), [len(values) for values in trials])
        joined = np.concatenate([np.asarray(values, dtype=float) for values in trials])
        order = np.argsort(joined, kind="stable")
        self.shares, self.sorted, self.trials = shares, joined[order], np.arange(len(trials))
        self.reached = (owner[order] == self.trials[:, None]).cumsum(axis=1)
        """How many samples of each trial lie at or below each sorted sample."""

    def _at(self, chosen: "np.ndarray", axis: int = -1) -> "np.ndarray":
        """Give the percentiles of each resample in CHOSEN, whose last axis holds trials; percentiles come first."""
        import numpy as np

        times = (chosen[..., None] == self.trials).sum(axis=axis - 1)
        return np.stack([self.sorted[self._place(share, times)] for share in self.shares])

    def _place(self, share: float, times: "np.ndarray") -> "np.ndarray":
        """Find, by bisection, the first sorted sample at or below which SHARE of each resample lies.

        TIMES says how often each resample has each trial.
        """
        import numpy as np

        wanted = share * (times * self.reached[:, -1]).sum(axis=-1)
        low, high = np.zeros_like(wanted, dtype=int), np.full_like(wanted, len(self.sorted) - 1, dtype=int)
        for _ in range(len(self.sorted).bit_length()):
            middle = (low + high) // 2
            enough = (times * np.moveaxis(self.reached[:, middle], 0, -1)).sum(axis=-1) >= wanted
            low, high = np.where(enough, low, middle + 1), np.where(enough, middle, high)
        return high

    def values(self) -> tuple[float, ...]:
        return tuple(float(value) for value in self._at(self.trials))

    def bounds(self) -> tuple[tuple[float, float], ...]:
        import numpy as np
        from scipy import stats

        found = stats.bootstrap(
            (self.trials,),
            self._at,
            n_resamples=RESAMPLES,
            confidence_level=LEVEL,
            method="percentile",
            vectorized=True,
            rng=np.random.default_rng(0),
        ).confidence_interval
        lows, highs = np.atleast_1d(found.low), np.atleast_1d(found.high)
        return tuple((float(low), float(high)) for low, high in zip(lows, highs, strict=True))


def _logs(values: Sequence[float]) -> list[float] | None:
    return [math.log(value) for value in values] if min(values) > 0 else None


def _share(count: int) -> float | None:
    """Give the share to trim a side of COUNT values, None for nothing.

    It is the share that g = floor(COUNT / 10) values really are, so that the standard error fits what was trimmed; the next
    float up keeps g whole when scipy multiplies it back.
    """
    if count < LEAST_TO_TRIM:
        return None
    return math.nextafter(int(TRIMMED * count) / count, 1.0)
