"""What one trial says of each metric: samples of one phase and part become values.

Warm-up is recorded but is no part of a value, and a probe's own pass (a profiler's, say) is no part of a peak.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.analysis.statistics import of_trial
from bench.domain.metric import Metric, Reduce, Samples

_WARM_UP = "warmup"
_PROBE = "probe."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One metric in one trial: its `value`, the samples it is of, the value of each part, and of each phase of a peak."""

    metric: Metric
    value: float
    values: tuple[float, ...]
    parts: Mapping[str, float] = field(default_factory=dict)
    phases: Mapping[str, float] = field(default_factory=dict)


def readings(samples: Sequence[Samples]) -> tuple[Reading, ...]:
    """Read the SAMPLES of one trial: one reading a metric, in the order of their first samples.

    A metric of which there is no sample of the whole (part None) in a phase that counts has no reading.
    """
    by_metric: dict[Metric, list[Samples]] = {}
    for some in samples:
        if some.values:
            by_metric.setdefault(some.metric, []).append(some)
    found = (_reading(metric, group) for metric, group in by_metric.items())
    return tuple(reading for reading in found if reading is not None)


def _reading(metric: Metric, group: Sequence[Samples]) -> Reading | None:
    counted = [some for some in group if _counts(metric, some.phase)]
    whole = _values(some for some in counted if some.part is None)
    if not whole:
        return None
    parts = dict.fromkeys(some.part for some in counted if some.part is not None)
    phases = dict.fromkeys(some.phase for some in group if some.part is None and metric.reduce is Reduce.MAX)
    return Reading(
        metric=metric,
        value=of_trial(metric, whole),
        values=whole,
        parts={part: of_trial(metric, _values(some for some in counted if some.part == part)) for part in parts},
        phases={
            phase: of_trial(metric, _values(some for some in group if (some.phase, some.part) == (phase, None))) for phase in phases
        },
    )


def _counts(metric: Metric, phase: str) -> bool:
    """Tell whether samples of METRIC in PHASE are part of the trial's value."""
    if metric.reduce in {Reduce.MEDIAN, Reduce.MEAN}:
        return not phase.startswith(_WARM_UP)
    return metric.reduce is Reduce.LAST or not phase.startswith(_PROBE)


def _values(group: Iterable[Samples]) -> tuple[float, ...]:
    return tuple(value for some in group for value in some.values)
