"""Records as a table of pandas: one line a sample, with everything that is known of it. The form that notebooks and csv take."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.domain.axes import BY_NAME
from bench.domain.errors import UsageError
from bench.domain.metric import Metric, Samples
from bench.domain.outcome import Outcome
from bench.domain.plan import Case
from bench.domain.record import Record, SuiteOrigin
from bench.domain.summary import Summary
from bench.domain.values import Json, canonical
from bench.protocol.codec import from_json, to_json

if TYPE_CHECKING:
    import pandas as pd

_CASE = ("run", "suite", "case", "label")
_TRIAL = ("outcome", "reason", "marked", "trial", "attempt")
DECLARED = "metrics"
"""Where a frame keeps the declarations of its metrics, by definition id, as JSON, so that they go with it into Parquet."""
SAMPLE = ("phase", "part", "metric", "unit", "better", "definition", "iteration", "value")
Text = str | None
Line = tuple[int, Text, Text, Text, Text, Text, Text, int | None, float | None]
_WHOLE = ("model", "task", "scenario", "page_cache", "mmap")


def frame(records: Sequence[Record], *, outcomes: bool = False) -> "pd.DataFrame":
    """Put the samples of RECORDS into long form: one line each, in the order measured.

    Columns: run, suite, case (its id), label; one an axis, as requested; observed_NAME for each observed fact that is one value;
    outcome, reason, marked, trial, attempt; phase, part, metric, unit (SI), better, definition, iteration (from 0 within a trial,
    phase and part), value. Where an axis does not apply its cell is missing. A record without samples has a line only where
    OUTCOMES is set, one without metric and value. Warm-up is in it: its phases begin with `warmup`.
    """
    import pandas as pd

    samples = pd.DataFrame(lines(records, outcomes=outcomes), columns=["record", *SAMPLE])
    about = trials(records)
    joined = samples.join(about, on="record")[[*about.columns, *SAMPLE]]
    joined["iteration"] = joined["iteration"].astype("Int64")
    joined["value"] = joined["value"].astype(float)
    # How a metric's samples become a trial's value is no fact of a sample, yet a summary of this table needs it.
    joined.attrs[DECLARED] = {some.metric.definition: to_json(some.metric) for record in records for some in record.samples}
    return joined


def trials(records: Sequence[Record]) -> "pd.DataFrame":
    """Put what is known of each of RECORDS into one line: the columns of `frame` up to attempt."""
    import pandas as pd

    found = [_facts(record) for record in records]
    return pd.DataFrame({name: _column([one.get(name) for one in found]) for name in _columns(records)})


def records_of(table: "pd.DataFrame") -> tuple[Record, ...]:
    """Make the records again that TABLE, a `frame` or a selection of its lines, has samples of, as far as summaries need them.

    Raises UsageError where TABLE is no `frame`: its metrics are declared nowhere.
    """
    declared = {definition: from_json(Metric, form) for definition, form in table.attrs.get(DECLARED, {}).items()}
    if missing := set(table.get("definition", ())) - declared.keys():
        raise UsageError(f"this is no table that bench.read gave: nothing declares {', '.join(sorted(map(str, missing)))}")
    keys = ["run", "suite", "case", "trial", "attempt"]
    return tuple(_record_of(group, declared) for _, group in table.groupby(keys, sort=False))


def _record_of(group: "pd.DataFrame", declared: Mapping[str, Metric]) -> Record:
    cells = {name: value.item() if hasattr(value, "item") else value for name, value in group.iloc[0].items()}
    first = {name: value for name, value in cells.items() if not _missing(value)}
    places = group.groupby(["definition", "phase", "part"], sort=False, dropna=False)
    samples = [
        Samples(
            metric=declared[str(definition)],
            phase=str(phase),
            values=tuple(float(value) for value in lines["value"]),
            part=None if _missing(part) else str(part),
        )
        for (definition, phase, part), lines in places
    ]
    axes = {str(name): value for name, value in first.items() if name in (*_WHOLE, *BY_NAME)}
    return Record(
        run=first["run"],
        suite=SuiteOrigin(name=first["suite"], file="", digest=""),
        case=Case(id=first["case"], label=first["label"], requested=axes),
        trial=int(first["trial"]),
        attempt=int(first["attempt"]),
        started_at="",
        outcome=Outcome(first["outcome"]),
        observed={str(name).removeprefix("observed_"): value for name, value in first.items() if str(name).startswith("observed_")},
        samples=tuple(samples),
    )


def _missing(value: object) -> bool:
    """Tell whether a cell is empty: None, NaN or NA, none of which equals itself or is anything else."""
    import pandas as pd

    return value is None or value is pd.NA or (isinstance(value, float) and value != value)  # noqa: PLR0124 -- NaN


def estimates(summary: Summary) -> "pd.DataFrame":
    """Put the estimates of SUMMARY into a table: one line a run, case and metric, the derived ones among them.

    Columns: run, suite, case, label, outcome, metric, unit, better, definition, value, low, high (the 95 % interval, missing where
    there is none), least, most, n (samples), trials.
    """
    import pandas as pd

    names = [*_CASE, "outcome", "metric", "unit", "better", "definition", "value", "low", "high", "least", "most", "n", "trials"]
    lines = [
        (
            *(row.run, row.suite, row.case.id, row.case.label, row.outcome.value),
            *(name, one.metric.unit.value, one.metric.better.value, one.metric.definition),
            *(one.value, one.low, one.high, one.least, one.most, one.n, one.trials),
        )
        for row in summary.rows
        for name, one in row.metrics.items()
    ]
    return pd.DataFrame(lines, columns=names).astype({"low": float, "high": float})


def _columns(records: Iterable[Record]) -> list[str]:
    """List the columns of facts: axes in the order of the vocabulary, observed facts as they come."""
    asked = {name for record in records for name in record.case.requested}
    axes = [name for name in dict.fromkeys((*_WHOLE, *BY_NAME)) if name in asked]
    seen = dict.fromkeys(f"observed_{name}" for record in records for name, value in record.observed.items() if _single(value))
    return [*_CASE, *axes, *sorted(asked.difference(axes)), *seen, *_TRIAL]


def _facts(record: Record) -> dict[str, Json]:
    observed = {f"observed_{name}": value for name, value in record.observed.items() if _single(value)}
    return {
        **{name: value if _single(value) else canonical(value) for name, value in record.case.requested.items()},
        **observed,
        "run": record.run,
        "suite": record.suite.name,
        "case": record.case.id,
        "label": record.case.label,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "marked": bool(record.noise.get("marks")),
        "trial": record.trial,
        "attempt": record.attempt,
    }


def _column(values: Sequence[Json]) -> "pd.Series[Any]":
    """Make a column of VALUES: a missing one turns no integer into a float, and values of several kinds stay as they are."""
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    if kinds == {int}:
        return pd.Series(values, dtype="Int64")
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean")
    return pd.Series(values, dtype=object) if len(kinds) > 1 and kinds != {int, float} else pd.Series(values)


def _single(value: Json) -> bool:
    return not isinstance(value, list | tuple | Mapping)


def lines(records: Iterable[Record], *, outcomes: bool) -> Iterator[Line]:
    """Give one line a sample: the place of its record, then the columns of SAMPLE; for OUTCOMES see `frame`."""
    for index, record in enumerate(records):
        counts: dict[tuple[str, str, str | None], int] = {}
        for some in record.samples:
            metric, place = some.metric, (some.metric.name, some.phase, some.part)
            for value in some.values:  # noqa: PD011 -- of Samples, not of pandas
                iteration = counts[place] = counts.get(place, -1) + 1
                declared = (metric.name, metric.unit.value, metric.better.value, metric.definition)
                yield (index, some.phase, some.part, *declared, iteration, value)
        if outcomes and not counts:
            yield (index, None, None, None, None, None, None, None, None)
