"""What freezing saves: a training case against the same one in which everything is trained."""

from collections.abc import Mapping, Sequence

from bench.domain.summary import Estimate, Row
from bench.domain.values import Json, canonical

_PATTERNS = ("freeze", "train")
_KEPT = ("memory.gradients", "memory.optimizer_state", "memory.activations")
_MIB = 1 << 20


def of_freezing(rows: Sequence[Row]) -> str | None:
    """Say for each of ROWS that freezes something what that saves, where the same case without is among them."""
    whole = {_key(row): row for row in rows if "freeze" in row.case.requested and not _patterns(row)}
    said = []
    for row in rows:
        base = whole.get(_key(row)) if _patterns(row) else None
        if base is not None and (saved := _saved(base.metrics, row.metrics)):
            said.append(f"{row.case.label}: {saved}")
    return f"what freezing saves: {'; '.join(said)}" if said else None


def _patterns(row: Row) -> str:
    return "".join(canonical(given) for name in _PATTERNS if (given := row.case.requested.get(name)))


def _key(row: Row) -> tuple[str, str, str]:
    rest: dict[str, Json] = {name: value for name, value in row.case.requested.items() if name not in _PATTERNS}
    return row.run, row.suite, canonical(rest)


def _saved(base: Mapping[str, Estimate], frozen: Mapping[str, Estimate]) -> str:
    parts = []
    if all("params.trainable" in metrics for metrics in (base, frozen)):
        before, after = (metrics["params.trainable"].value for metrics in (base, frozen))
        parts.append(f"{after:,.0f} of {before:,.0f} parameters are trained")
    if all("train.step" in metrics for metrics in (base, frozen)):
        share = 1 - frozen["train.step"].value / base["train.step"].value
        parts.append(f"train.step is {abs(share):.0%} {'shorter' if share >= 0 else 'longer'}")
    if all(name in metrics for name in _KEPT for metrics in (base, frozen)):
        saved = sum(base[name].value - frozen[name].value for name in _KEPT)
        parts.append(f"{saved / _MIB:,.1f} MiB of gradients, optimizer state and activations are saved")
    return ", ".join(parts)
