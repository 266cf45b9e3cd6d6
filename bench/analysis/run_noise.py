"""How far runs of unchanged code lie apart on one machine: what a difference of two saved runs has to exceed.

The spread of a metric is the standard deviation of the logs of its runs' values, pooled over cases. Cases of one run share its
minute, so that the runs alone count for the degrees of freedom: k - 1. The scatter of the trials within a run is part of what is
seen here and is added again when two runs are compared, so that a verdict errs on the side of silence.
"""

import datetime as dt
import math
import statistics
from collections.abc import Mapping, Sequence

from bench.analysis.compare import PARITY, RATES
from bench.analysis.summarize import summarize
from bench.analysis.unlike import between
from bench.domain.comparison import RunNoise, Spread
from bench.domain.errors import UsageError
from bench.domain.metric import Metric
from bench.domain.record import Record
from bench.domain.summary import Row

LEAST_RUNS = 8
LEAST_APART_S = 600.0
"""Two runs closer than ten minutes share too much of the same weather."""
SAME = ("procedure.", "suite.commit", "settings.BENCH")
"""Differences that change no code."""


def run_noise(records: Sequence[Record]) -> tuple[RunNoise, tuple[str, ...]]:
    """Measure the spread between the runs of RECORDS; the second value says which runs were left out, and why.

    Raises UsageError below 8 runs that are ten minutes apart, and where their machine or code is not the same.
    """
    by_run: dict[str, list[Record]] = {}
    for record in sorted((one for one in records if one.paired is None), key=lambda one: one.started_at):
        by_run.setdefault(record.run, []).append(record)
    kept, left_out = _apart(by_run)
    sides = dict.fromkeys(record.run for record in records if record.paired is not None)
    left_out += [f"{run} is left out: it is a side of an A/B run." for run in sides]
    if len(kept) < LEAST_RUNS:
        raise UsageError(
            f"{len(kept)} runs at least {LEAST_APART_S / 60:.0f} minutes apart: the spread between runs needs {LEAST_RUNS}. "
            + " ".join(left_out or ("Run the same suite again, ten minutes and more after the last",))
        )
    _refuse_changed(kept)
    chosen = {run for run, _ in kept}
    rows = summarize([record for record in records if record.run in chosen]).rows
    fingerprint = str(kept[0][1][0].environment.get("fingerprint"))
    noise = RunNoise(
        fingerprint=fingerprint,
        runs=tuple(run for run, _ in kept),
        first_at=kept[0][1][0].started_at,
        last_at=kept[-1][1][0].started_at,
        spreads=_spreads(rows),
    )
    return noise, tuple(left_out)


def _apart(by_run: Mapping[str, list[Record]]) -> tuple[list[tuple[str, list[Record]]], list[str]]:
    """Keep, in the order of their beginnings, the runs that begin long enough after the one kept before."""
    kept: list[tuple[str, list[Record]]] = []
    left_out: list[str] = []
    for run, records in by_run.items():
        began = dt.datetime.fromisoformat(records[0].started_at)
        last = None if not kept else dt.datetime.fromisoformat(kept[-1][1][0].started_at)
        if last is not None and (began - last).total_seconds() < LEAST_APART_S:
            left_out.append(f"{run} is left out: it began {(began - last).total_seconds():.0f} s after {kept[-1][0]}.")
        else:
            kept.append((run, records))
    return kept, left_out


def _refuse_changed(kept: Sequence[tuple[str, list[Record]]]) -> None:
    """Raise UsageError where the machine, the libraries or the settings of a run are not those of the first."""
    first, records = kept[0]
    for run, others in kept[1:]:
        changed = [one for one in between(records, others) if not one.what.startswith(SAME)]
        if changed:
            what = ", ".join(f"{one.what} {one.base} → {one.head}" for one in changed[:3])
            raise UsageError(f"{run} is not of the same code and machine as {first}: {what}")


def _spreads(rows: Sequence[Row]) -> dict[str, Spread]:
    """Pool over cases what eight runs have by one definition, the newest, where every value has a logarithm."""
    by_definition: dict[Metric, dict[str, list[float]]] = {}
    for row in rows:
        for name, estimate in row.metrics.items():
            if name not in RATES and not estimate.metric.deterministic and not name.startswith(PARITY):
                by_definition.setdefault(estimate.metric, {}).setdefault(row.case.id, []).append(estimate.value)
    spreads: dict[str, Spread] = {}
    for metric in sorted(by_definition, key=lambda one: (len(one.definition), one.definition)):
        if (found := _pooled(metric, list(by_definition[metric].values()))) is not None:
            spreads[metric.name] = found
    return spreads


def _pooled(metric: Metric, cases: Sequence[Sequence[float]]) -> Spread | None:
    usable = [values for values in cases if len(values) >= LEAST_RUNS]
    if not usable or any(value <= 0 for values in usable for value in values):
        return None
    variance = statistics.fmean(statistics.variance([math.log(value) for value in values]) for values in usable)
    return Spread(sigma=math.sqrt(variance), degrees=min(map(len, usable)) - 1, definition=metric.definition)
