"""Records become reports and tables: everything here is recomputed from what is on disk."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bench.domain.errors import UsageError

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    import pandas as pd

    from bench.domain.record import Record
    from bench.domain.summary import Summary


def read_records(paths: Iterable[Path]) -> "tuple[tuple[Record, ...], tuple[str, ...]]":
    """Read the newest record of every trial below PATHS, with a remark for each line that is none. Raises RecordsError."""
    from bench.store import select

    return select.read(tuple(paths))


def summarize(records: "Sequence[Record]", remarks: Sequence[str] = ()) -> "Summary":
    """Read RECORDS together: one row a case and run."""
    from bench.analysis.summarize import summarize as summary_of

    return summary_of(records, remarks)


def render(records: "Sequence[Record]", remarks: Sequence[str], form: str, seen_on: TextIO | None = None) -> str | bytes:
    """Render RECORDS in the form called FORM, for the stream that it will be SEEN_ON where that is one.

    Raises UsageError where there is no form of this name.
    """
    from bench.report import formats
    from bench.report.screen import PLAIN, screen

    where = PLAIN if seen_on is None else screen(seen_on)
    return formats.find(form).render(formats.Material(summary=summarize(records, remarks), records=tuple(records), screen=where))


def write(path: Path, content: str | bytes) -> None:
    """Have CONTENT in PATH, whole or not at all. Raises UsageError where it cannot be written."""
    from bench.store import whole

    try:
        whole.write(path, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def read(paths: Iterable[str | Path]) -> "pd.DataFrame":
    """Read run directories, record files or globs as a long-form table: one row a sample.

    Columns: run, suite, case, label, the axes, observed_*, outcome, phase, part, metric, unit, better, definition, trial,
    attempt, iteration, value (SI units). Raises RecordsError where a path holds no records.
    """
    from bench.report.long import frame

    records, _ = read_records(Path(path) for path in paths)
    return frame(records)


def summary(table: "pd.DataFrame") -> "pd.DataFrame":
    """Summarise a table that `read` gave, or a selection of its lines: one row a run, case and metric, derived metrics among them.

    Columns: run, suite, case, label, outcome, metric, unit, better, definition, value, low, high (the 95 % interval over trials,
    missing below five of them), least, most, n (samples), trials. Raises UsageError where TABLE is no such table.
    """
    from bench.report.long import estimates, records_of

    return estimates(summarize(records_of(table)))
