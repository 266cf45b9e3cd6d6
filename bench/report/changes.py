"""How differences are spelled for people: a change in per cent or as a factor with its interval, and values side by side."""

from bench.domain.comparison import Contrast, Rules
from bench.domain.gating import Gating
from bench.domain.metric import Unit
from bench.report.spelling import number, scale, word

FACTOR = 1.9
"""Changes from here on, either way, are spelled as factors."""
MOST = 1000.0


def amount(value: float | None, unit: Unit, *, exactly: bool) -> str:
    """Spell VALUE with its unit; EXACTLY to the last digit, where one byte more has to be seen. An empty text for None."""
    if value is None:
        return ""
    if exactly:
        whole = f"{value:,.0f}" if value == int(value) else f"{value:.17g}"
        return whole if unit is Unit.ONE else f"{whole} {unit.value}"
    by = scale(unit, (value,))
    return f"{number(value / by.factor)} {by.unit}".rstrip()


def change(row: Contrast) -> str:
    """Spell how head stands to base, with the 95 % interval where there is one; what is exact by its difference."""
    if row.metric.deterministic and row.base is not None and row.head is not None:
        return f"{row.head - row.base:+,.17g}".replace("-", "−") if row.head != row.base else "0"  # noqa: RUF001 -- a minus sign
    if row.ratio is None:
        return ""
    spell = _factor if _far(row.ratio) else _percent
    bounds = "" if row.low is None or row.high is None else f" [{spell(row.low)}, {spell(row.high)}]"
    return f"{spell(row.ratio)}{bounds}"


def detectable(row: Contrast) -> str:
    """Spell the smallest slowdown that would have been found."""
    if row.smallest_detectable is None:
        return ""
    ratio = 1 + row.smallest_detectable
    if ratio > MOST:
        return f"over ×{MOST:.0f}"  # noqa: RUF001 -- a factor
    return _factor(ratio) if _far(ratio) else _percent(ratio)


def fact(value: object, longest: int = 60) -> str:
    """Spell one side of a difference between environments, cut where it is long."""
    spelled = "none" if value is None else word(value)  # type: ignore[arg-type]  # JSON by construction
    return spelled if len(spelled) <= longest else f"{spelled[: longest - 1]}…"


def _far(ratio: float) -> bool:
    return ratio >= FACTOR or ratio <= 1 / FACTOR


def _factor(ratio: float) -> str:
    return f"×{number(ratio)}"  # noqa: RUF001 -- a factor


def _percent(ratio: float) -> str:
    share = (ratio - 1) * 100
    digits = 2 if abs(share) < 1 else 1
    return f"{share:+.{digits}f} %".replace("-", "−")  # noqa: RUF001 -- a minus sign


def gating(gate: Gating, rules: Rules) -> str:
    """Spell what a suite says of its GATE beside RULES; nothing where it says nothing."""
    general = [
        f"{name} {value * 100:g} %"
        for name in ("margin", "equivalence")
        if (value := getattr(gate, name)) is not None and name not in rules.insisted
    ]
    own = []
    for metric, said in gate.metrics.items():
        parts = [] if said.gated is None else ["gated" if said.gated else "not gated"]
        parts += [f"{name} {value * 100:g} %" for name in ("margin", "equivalence") if (value := getattr(said, name)) is not None]
        own.append(f"{metric} {', '.join(parts)}")
    return "; ".join([*([", ".join(general)] if general else []), *own])
