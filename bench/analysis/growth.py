"""How times and memory grow with the length of the prompt: the exponent k of a cost that goes as length^k, fitted curve by curve.

A curve is made of the rows of one run that differ in their length alone. The fit is a straight line through the logarithms, all
lengths alike; what does not grow (calls, kernels' starts) pulls it down at short lengths, so the exponent of the last step stands
beside it.
"""

import math
from collections.abc import Iterator, Sequence

from bench.domain.summary import Estimate, Growth, Row
from bench.domain.values import canonical

OVER = "prompt_tokens"
TIMES = ("ttft_model", "tpot", "forward")
MEASURED = ("measure.ttft", "measure.forward")
PEAKS = dict.fromkeys(("memory.host_anonymous_peak", "memory.device_allocated_peak"), MEASURED)
"""Peaks of memory, and the phases of which the first that a row has is taken: loading does not grow with the prompt."""
LEAST = 3
"""Lengths of a curve: through two every line goes."""
SPAN = 4
"""What the longest is at least of the shortest."""


def growths(rows: Sequence[Row]) -> tuple[Growth, ...]:
    """Fit every curve among ROWS. There is none where fewer than 3 lengths, or less than a factor of 4, stand behind it."""
    curves: dict[tuple[str, str, str], dict[int, Row]] = {}
    for row in rows:
        length = row.case.requested.get(OVER)
        if isinstance(length, int) and length > 0 and row.metrics:
            rest = {axis: value for axis, value in row.case.requested.items() if axis != OVER}
            curves.setdefault((row.run, row.suite, canonical(rest)), {})[length] = row
    return tuple(found for curve in curves.values() for found in _of_curve(curve))


def _of_curve(curve: dict[int, Row]) -> Iterator[Growth]:
    named: dict[str, tuple[str, ...]] = {**dict.fromkeys(TIMES, ()), **PEAKS}
    for name, phases in named.items():
        points = {}
        for length, row in sorted(curve.items()):
            estimate = row.metrics.get(name)
            value = None if estimate is None else _value(estimate, phases)
            if value is not None and value > 0:
                points[length] = value
        if len(points) >= LEAST and max(points) >= SPAN * min(points):
            yield _fit(curve[min(points)], name, points)


def _value(estimate: Estimate, phases: Sequence[str]) -> float | None:
    return estimate.value if not phases else next((estimate.phases[name] for name in phases if name in estimate.phases), None)


def _fit(row: Row, name: str, points: dict[int, float]) -> Growth:
    """Fit log cost = k log length + c by least squares; the 95 % interval of k by Student's t with n - 2 degrees of freedom."""
    from scipy.stats import linregress, t

    lengths, costs = ([math.log(number) for number in some] for some in (points, points.values()))
    line = linregress(lengths, costs)
    half = float(t.ppf(0.975, len(points) - 2) * line.stderr)
    return Growth(
        run=row.run,
        suite=row.suite,
        label=" ".join(word for word in row.case.label.split() if not word.startswith(f"{OVER}=")),
        over=OVER,
        lengths=tuple(points),
        metric=row.metrics[name].metric,
        exponent=float(line.slope),
        low=float(line.slope) - half,
        high=float(line.slope) + half,
        last=(costs[-1] - costs[-2]) / (lengths[-1] - lengths[-2]),
    )
