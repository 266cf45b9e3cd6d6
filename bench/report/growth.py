"""How costs grow with the length of the prompt: one row a curve and metric."""

from collections.abc import Sequence

from bench.domain.summary import Growth
from bench.report.document import Column, Section, Table

_NOTES = (
    "exponent: k of a cost that goes as length^k, fitted on the logarithms over all lengths, with its 95 % interval",
    "last step: k between the two longest; what does not grow weighs least there",
    "memory is the peak of anonymous memory, or of the device, while the time beside it was measured",
)


def growth(found: Sequence[Growth]) -> Section | None:
    """Show the exponents FOUND; None where there is no curve."""
    if not found:
        return None
    columns = (Column(title="case", key=True), Column(title="metric", key=True), Column(title="lengths", key=True))
    return Section(
        title=f"Growth with {' and '.join(dict.fromkeys(one.over for one in found))}",
        table=Table(columns=(*columns, Column(title="exponent"), Column(title="last step")), rows=tuple(map(_row, found))),
        notes=_NOTES,
    )


def _row(one: Growth) -> tuple[str, ...]:
    lengths = f"{one.lengths[0]} to {one.lengths[-1]}, {len(one.lengths)} of them"
    return one.label, one.metric.name, lengths, f"{one.exponent:.2f} [{one.low:.2f}, {one.high:.2f}]", f"{one.last:.2f}"
