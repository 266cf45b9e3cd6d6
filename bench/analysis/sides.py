"""The two sides of a comparison, aligned by case: of each case the newest run counts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.summarize import summarize
from bench.domain.comparison import Ending
from bench.domain.record import Record
from bench.domain.summary import Row, Run, Summary
from bench.domain.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side: its records, what they say, and of each case, by id, the row of its newest run; `by_row` is by run, suite and case.

    Of an A/B run whose sides set an axis otherwise, the id is that of the case in base.
    """

    records: Sequence[Record]
    summary: Summary
    rows: Mapping[str, Row]
    runs: Mapping[str, Run]
    by_row: Mapping[tuple[str, str, str], Sequence[Record]]

    @property
    def ids(self) -> tuple[str, ...]:
        """The runs that count."""
        counted = {row.run for row in self.rows.values()}
        return tuple(run for run in self.runs if run in counted)

    @property
    def counted(self) -> tuple[Record, ...]:
        """The records of the rows that count."""
        wanted = {(row.run, row.suite, row.case.id) for row in self.rows.values()}
        return tuple(record for record in self.records if (record.run, record.suite.name, record.case.id) in wanted)

    def trials(self, row: Row) -> Sequence[Record]:
        """Give the records that ROW is made of."""
        return self.by_row.get((row.run, row.suite, row.case.id), ())

    def fingerprint(self, row: Row) -> Json:
        """Give the fingerprint of the machine that ROW was measured on; a list where there were several."""
        return self.runs[row.run].environment.get("fingerprint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A case in base and head; None where a side does not have it."""

    base: Row | None
    head: Row | None

    @property
    def either(self) -> Row:
        """The row of head, or else of base."""
        found = self.head or self.base
        assert found is not None  # noqa: S101 -- a pair has at least one side
        return found


def own(records: Sequence[Record]) -> Sequence[Record]:
    """Leave the sides of A/B runs out of RECORDS where there are other runs: what took turns has numbers of its own."""
    return tuple(record for record in records if record.paired is None) or records


def side(records: Sequence[Record]) -> Side:
    """Make a side of RECORDS, of which each is the one that counts for its trial."""
    summary = summarize(records)
    runs = {run.id: run for run in summary.runs}
    called = {record.case.id: record.paired.base_case for record in records if record.paired is not None}
    newest: dict[str, Row] = {}
    for row in summary.rows:
        case = called.get(row.case.id, row.case.id)
        kept = newest.get(case)
        if kept is None or runs[row.run].started_at >= runs[kept.run].started_at:
            newest[case] = row
    by_row: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        by_row.setdefault((record.run, record.suite.name, record.case.id), []).append(record)
    return Side(records=records, summary=summary, rows=newest, runs=runs, by_row=by_row)


def pairs(base: Side, head: Side) -> Iterator[Pair]:
    """Give every case that BASE or HEAD has: first those of base, in its order."""
    for case in dict.fromkeys((*base.rows, *head.rows)):
        yield Pair(base=base.rows.get(case), head=head.rows.get(case))


def endings(found: Sequence[Pair]) -> tuple[Ending, ...]:
    """Give the cases of FOUND that did not end alike on both sides."""
    ended = []
    for pair in found:
        before, after = (None if row is None else row.outcome for row in (pair.base, pair.head))
        if before is not after:
            row = pair.either
            ended.append(Ending(case=row.case, base=before, head=after, reason=row.reason, reason_code=row.reason_code))
    return tuple(ended)


def remarks(base: Side, head: Side) -> tuple[str, ...]:
    """Say what people should know of BASE and HEAD as a whole."""
    said = []
    for name, one in (("base", base), ("head", head)):
        if (count := len({(row.run, row.suite, row.case.id) for row in one.summary.rows}) - len(one.rows)) > 0:
            said.append(f"{name}: {count} rows of older runs are left out; of each case the newest run counts")
        other = head if one is base else base
        said += [f"{name}: {remark}" for remark in one.summary.remarks if remark not in other.summary.remarks]
    both = [f"base and head: {remark}" for remark in base.summary.remarks if remark in head.summary.remarks]
    return (*said, *both)
