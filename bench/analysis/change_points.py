"""Where a series changes and stays changed: PELT with a squared-error cost (Killick, Fearnhead and Eckley 2012, in ruptures).

The logs of the values are put on the scale of their own scatter, taken from the steps between neighbours so that a change does not
count as scatter, and every change point has to pay 3 log n. Neighbours are never compared with each other.
"""

import itertools
import math
import statistics
from collections.abc import Sequence

from bench.analysis.welch import difference
from bench.domain.history import ChangePoint

LEAST_POINTS = 6
LEAST_BETWEEN = 2
PENALTY = 3.0
_NORMAL = 0.6745
"""The median of the absolute value of a standard normal variable."""


def change_points(values: Sequence[float]) -> tuple[ChangePoint, ...]:
    """Find the change points of VALUES, all above zero; none below 6 points."""
    if len(values) < LEAST_POINTS or min(values) <= 0:
        return ()
    logs = [math.log(value) for value in values]
    scatter = _scatter(logs)
    if scatter == 0:
        return _of_steps(values)
    import numpy as np
    import ruptures  # type: ignore[import-untyped]  # it carries no types

    middle = statistics.median(logs)
    signal = np.array([(value - middle) / scatter for value in logs]).reshape(-1, 1)
    finder = ruptures.KernelCPD(kernel="linear", min_size=LEAST_BETWEEN).fit(signal)
    ends = [int(end) for end in finder.predict(pen=PENALTY * math.log(len(values)))]
    return _described(values, ends[:-1])


def _scatter(logs: Sequence[float]) -> float:
    """Give the standard deviation of a point, from the median size of the steps between neighbours."""
    steps = [abs(after - before) for before, after in itertools.pairwise(logs)]
    return statistics.median(steps) / _NORMAL / math.sqrt(2)


def _of_steps(values: Sequence[float]) -> tuple[ChangePoint, ...]:
    """Where most neighbours are equal there is no scatter: every other value that stays is a change."""
    places, level = [], values[0]
    for place in range(1, len(values) - LEAST_BETWEEN + 1):
        if values[place] != level and len({*values[place : place + LEAST_BETWEEN]}) == 1:
            places.append(place)
            level = values[place]
    return _described(values, places)


def _described(values: Sequence[float], places: Sequence[int]) -> tuple[ChangePoint, ...]:
    edges = [0, *places, len(values)]
    found = []
    for start, place, end in zip(edges, places, edges[2:], strict=False):
        before, after = values[start:place], values[place:end]
        if min(len(before), len(after)) < LEAST_BETWEEN:
            continue
        change = difference(before, after, None)
        low, high = change.bounds()
        found.append(ChangePoint(at=place, ratio=math.exp(change.size), low=math.exp(low), high=math.exp(high)))
    return tuple(found)
