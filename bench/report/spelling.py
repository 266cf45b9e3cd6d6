"""How amounts are spelled for people: readable prefixes, three significant digits, and the spread beside the value.

Prefixes appear here only; records and programs' formats hold SI units.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bench.domain.metric import Unit
from bench.domain.summary import Estimate
from bench.domain.values import Json, canonical

_THOUSANDS = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_NONE = ((1.0, ""),)
_SMALL = ((1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
_PREFIXES: dict[Unit, tuple[tuple[float, str], ...]] = {
    Unit.SECOND: _SMALL,
    Unit.BYTE: ((2.0**40, "Ti"), (2.0**30, "Gi"), (2.0**20, "Mi"), (2.0**10, "Ki"), (1.0, "")),
    Unit.ONE: _THOUSANDS,
    Unit.JOULE: (*_THOUSANDS, *_SMALL[1:]),
    Unit.WATT: (*_THOUSANDS, *_SMALL[1:]),
}
DIGITS = 3
WIDE = 0.2
"""Half widths from here on say too little as ±: the interval of a logarithm is then visibly not symmetric."""
EXACT_DIGITS = 4
RATES = frozenset({Unit.PER_SECOND, Unit.TOKEN_PER_SECOND})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A unit with its prefix, and what one of it is in the SI unit."""

    unit: str
    factor: float


def scale(unit: Unit, values: Iterable[float]) -> Scale:
    """Choose the prefix in which the middle one of VALUES, in UNIT, is a number from one on, or the smallest prefix there is."""
    sizes = sorted(abs(value) for value in values if value)
    middle = sizes[(len(sizes) - 1) // 2] if sizes else 1.0
    prefixes = _PREFIXES.get(unit, _NONE)
    factor, prefix = next((found for found in prefixes if middle >= found[0]), prefixes[-1])
    return Scale(unit=prefix if unit is Unit.ONE else f"{prefix}{unit}", factor=factor)


def number(value: float, digits: int = DIGITS) -> str:
    """Spell VALUE with DIGITS significant digits, whole above them, very small ones as powers of ten."""
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -DIGITS:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - magnitude)}f}"


def cell(estimate: Estimate, by: Scale) -> str:
    """Spell ESTIMATE on the scale BY with its spread: half its interval in per cent, or the range of its trials.

    A wide interval is spelled by its bounds in square brackets. Exact values and rates have none: a rate's relative spread is
    that of the time it comes from.
    """
    if estimate.metric.deterministic:
        return exact(estimate.value / by.factor)
    value = number(estimate.value / by.factor)
    if estimate.metric.unit in RATES or estimate.least == estimate.most:
        return value
    width = estimate.half_width
    if width is not None and estimate.low is not None and estimate.high is not None:
        bounds = f"[{number(estimate.low / by.factor)}, {number(estimate.high / by.factor)}]"
        return f"{value} ±{percent(width)}" if width < WIDE else f"{value} {bounds}"
    return f"{value} ({number(estimate.least / by.factor)}–{number(estimate.most / by.factor)})"  # noqa: RUF001 -- a range


def exact(value: float) -> str:
    """Spell VALUE, which is known exactly: whole numbers as they are where four digits hold them, others in four digits."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 10**EXACT_DIGITS else number(value, EXACT_DIGITS)


def percent(share: float) -> str:
    """Spell SHARE in per cent, one digit after the point where it is below ten."""
    shown = share * 100
    if 0 < shown < 0.05:  # noqa: PLR2004 -- would be shown as none at all
        return "<0.1 %"
    return f"{shown:.1f} %" if 0 < shown < 10 else f"{shown:.0f} %"  # noqa: PLR2004


def word(value: Json) -> str:
    """Spell a VALUE of an axis as suites do."""
    return value if isinstance(value, str) else canonical(value)


def size(count: float) -> str:
    """Spell COUNT bytes."""
    by = scale(Unit.BYTE, (count,))
    return f"{number(count / by.factor)} {by.unit}"
