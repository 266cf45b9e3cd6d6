"""Goodput of a stream of requests: the share of them that was served within the targets that its suite sets."""

from collections.abc import Mapping

from bench.analysis.reading import Reading
from bench.domain.metric import Better, Metric, Unit
from bench.domain.record import Record

GOODPUT = Metric(name="goodput", unit=Unit.ONE, better=Better.HIGHER, definition="goodput.v1")
MEASURED = {"ttft": "request.ttft", "itl": "request.tpot"}
"""The samples, one a request, that each target is held against."""


def readings(trial: Record) -> tuple[Reading, ...]:
    """Give the goodput of TRIAL; nothing where its case has no targets, or its requests have no times."""
    asked = trial.case.requested.get("requests")
    targets = asked.get("slo") if isinstance(asked, Mapping) else None
    if not isinstance(targets, Mapping):
        return ()
    held = [(limit, _values(trial, MEASURED[name])) for name, limit in targets.items() if isinstance(limit, int | float)]
    if not held or any(not values for _, values in held):
        return ()
    served = zip(*([value <= limit for value in values] for limit, values in held), strict=True)
    within = [all(one) for one in served]
    share = sum(within) / len(within)
    return (Reading(metric=GOODPUT, value=share, values=tuple(float(one) for one in within)),)


def _values(trial: Record, name: str) -> tuple[float, ...]:
    return next((one.values for one in trial.samples if one.metric.name == name and one.part is None), ())
