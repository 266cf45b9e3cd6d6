"""Many runs as series: one a case, metric and machine, with the changes that stayed and what else changed there.

A series of runs' own values resolves only what exceeds the spread between runs (docs/verdicts.md has how much that is).
"""

from collections.abc import Iterator, Sequence

from bench.analysis.change_points import change_points
from bench.analysis.compare import RATES
from bench.analysis.summarize import summarize
from bench.analysis.unlike import between
from bench.domain.history import Change, Point, Series
from bench.domain.record import Record
from bench.domain.summary import Row, Run

SHOWN = ("forward", "e2e", "ttft_model", "tpot", "train.step", "load.total", "params.bytes")
"""The metrics of a history for which none is named."""


def history(records: Sequence[Record], metrics: Sequence[str] = ()) -> tuple[Series, ...]:
    """Make the series of METRICS, where there are none those that matter most, from RECORDS of many runs."""
    summary = summarize(records)
    runs = {run.id: run for run in summary.runs}
    wanted = metrics or SHOWN
    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for row in summary.rows:
        for name in row.metrics:
            if name in wanted and (metrics or name not in RATES):
                key = (row.case.id, row.metrics[name].metric.definition, str(runs[row.run].environment.get("fingerprint")))
                grouped.setdefault(key, []).append(row)
    by_run: dict[str, list[Record]] = {}
    for record in records:
        by_run.setdefault(record.run, []).append(record)
    made = [_series(definition, fingerprint, rows, runs, by_run) for (_, definition, fingerprint), rows in grouped.items()]
    return tuple(sorted(made, key=lambda one: (one.case.label, wanted.index(one.metric.name), one.fingerprint)))


def _series(
    definition: str, fingerprint: str, rows: Sequence[Row], runs: dict[str, Run], by_run: dict[str, list[Record]]
) -> Series:
    ordered = sorted(rows, key=lambda row: (runs[row.run].started_at, row.run))
    estimates = [next(one for one in row.metrics.values() if one.metric.definition == definition) for row in ordered]
    points = tuple(
        Point(run=row.run, started_at=runs[row.run].started_at, value=estimate.value)
        for row, estimate in zip(ordered, estimates, strict=True)
    )
    return Series(
        case=ordered[-1].case,
        metric=estimates[-1].metric,
        fingerprint=fingerprint,
        points=points,
        changes=tuple(_changes(points, by_run)),
    )


def _changes(points: Sequence[Point], by_run: dict[str, list[Record]]) -> Iterator[Change]:
    for found in change_points([point.value for point in points]):
        before, after = points[found.at - 1].run, points[found.at].run
        yield Change(found=found, unlike=between(by_run[before], by_run[after]))
