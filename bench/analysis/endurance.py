"""What a long run says: whether memory grows with the steps, and whether steps become slower.

Growth is the slope of Theil and Sen (the median of the slopes between all pairs of points), which single jumps do not move. The
first fifth of a run is left out: caches and pools fill there. It is above the noise where each later fifth of the run lies higher
than the one before it by more than the points of a fifth scatter, and by more than what an allocator takes at once.
"""

import statistics
from collections.abc import Sequence
from itertools import combinations, pairwise

from bench.analysis.reading import Reading
from bench.domain.metric import Better, Metric, Samples, Unit

STEPS = "endurance.steps"
TIMES = ("e2e", "forward")
PARTS = 5
PER = 100.0
LEAST = 20
"""Points below which nothing is said."""
FLOOR_BYTES = 256 * 1024
SCATTER = 3.0


def _growth(name: str) -> Metric:
    return Metric(name=name, unit=Unit.BYTE, better=Better.LOWER, definition=f"{name}.v1")


GROWTH = _growth("memory.growth")
DEVICE_GROWTH = _growth("memory.device_growth")
RESTING = {"memory.resting": GROWTH, "memory.device_resting": DEVICE_GROWTH}
"""What grows, in bytes per 100 steps, by what was read."""
DRIFT = Metric(name="endurance.drift", unit=Unit.ONE, better=Better.LOWER, definition="endurance.drift.v1")


def readings(samples: Sequence[Samples]) -> tuple[Reading, ...]:
    """Give growth and drift of one trial, from its SAMPLES; nothing where it was no long run."""
    steps = _series(samples, STEPS)
    if len(steps) < LEAST:
        return ()
    found = []
    for resting, metric in RESTING.items():
        points = _series(samples, resting)
        if len(points) == len(steps):
            settled = len(steps) // PARTS
            slope = theil_sen(steps[settled:], points[settled:]) * PER
            found.append(Reading(metric=metric, value=slope, values=(slope,)))
    for name in TIMES:
        times = _series(samples, name)
        if len(times) == len(steps):
            change = drift(times)
            found.append(Reading(metric=DRIFT, value=change, values=(change,)))
    return tuple(found)


def grows(samples: Sequence[Samples], resting: str = "memory.resting") -> bool:
    """Tell whether the memory of a trial with SAMPLES grows above the noise."""
    points = _series(samples, resting)
    return len(points) >= LEAST and rises(points)


def rises(points: Sequence[float]) -> bool:
    """Tell whether each fifth of POINTS after the first lies above the one before by more than noise and floor."""
    fifths = _fifths(points)[1:]
    centers = [statistics.median(fifth) for fifth in fifths]
    # Within a fifth a steady growth spreads the points as well: what scatters is what is left of their differences.
    steps = [later - early for fifth in fifths for early, later in pairwise(fifth)]
    usual = statistics.median(steps)
    scatter = statistics.median(abs(step - usual) for step in steps)
    least = max(FLOOR_BYTES, SCATTER * scatter)
    return all(later - early > least for early, later in pairwise(centers))


def theil_sen(steps: Sequence[float], points: Sequence[float]) -> float:
    """Give the median slope of POINTS over STEPS, between all pairs."""
    both = list(zip(steps, points, strict=True))
    return statistics.median((b - a) / (y - x) for (x, a), (y, b) in combinations(both, 2) if y > x)


def drift(times: Sequence[float]) -> float:
    """Give by which share the last fifth of TIMES is slower than the second, in the median of each."""
    fifths = _fifths(times)
    return statistics.median(fifths[-1]) / statistics.median(fifths[1]) - 1


def _fifths(values: Sequence[float]) -> list[Sequence[float]]:
    size = len(values) // PARTS
    return [values[part * size : (part + 1) * size] for part in range(PARTS)]


def _series(samples: Sequence[Samples], name: str) -> tuple[float, ...]:
    return next((some.values for some in samples if some.metric.name == name and some.phase == "measure.endurance"), ())
