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
    told = [name for name in ("run", "suite") if len({getattr(one, name) for one in found}) > 1]
    keys = [Column(title=name, key=True) for name in (*told, "case", "metric", "lengths")]
    return Section(
        title=f"Growth with {' and '.join(dict.fromkeys(one.over for one in found))}",
        table=Table(
            columns=(*keys, Column(title="exponent"), Column(title="last step")),
            rows=tuple((*(getattr(one, name) for name in told), *_row(one)) for one in found),
        ),
        notes=_NOTES,
    )


def _row(one: Growth) -> tuple[str, ...]:
    lengths = f"{one.lengths[0]} to {one.lengths[-1]}, {len(one.lengths)} of them"
    return one.label, one.metric.name, lengths, f"{one.exponent:.2f} [{one.low:.2f}, {one.high:.2f}]", f"{one.last:.2f}"
