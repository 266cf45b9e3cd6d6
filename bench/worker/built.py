"""What this version does not measure yet: said before anything is loaded, and never measured as something else."""

from collections.abc import Mapping
from functools import lru_cache

from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.values import Json, canonical

_ONLY: Mapping[str, frozenset[object]] = {
    "scenario": frozenset({"inference"}),
    "autocast": frozenset({"none"}),
    "quantization": frozenset({"none"}),
    "engine": frozenset({"eager"}),
    "device_map": frozenset({"none"}),
    "ranks": frozenset({1}),
    "cache": frozenset({"dynamic", "static", "none"}),
    "depth": frozenset({0}),
    "mask": frozenset({"none", "padding"}),
    "environment": frozenset({"this"}),
    "experts": frozenset({"auto"}),
}


def refusal(requested: Mapping[str, Json]) -> Refusal | None:
    """Say which of the values REQUESTED this version does not measure; None where it measures all."""
    values = tuple(map(requested.get, _ONLY))
    try:
        return _of_values(values)
    except TypeError:  # a mapping or a list has no hash
        return _first(values)


def _first(values: tuple[Json, ...]) -> Refusal | None:
    """Judge VALUES, one an axis of the table, None where it does not apply."""
    for (axis, known), value in zip(_ONLY.items(), values, strict=True):
        single = isinstance(value, str | int)
        if value is not None and not (single and value in known):
            return Refusal(
                reason=f"{axis} {value if single else canonical(value)} is not measured in this version "
                f"(it measures {', '.join(sorted(map(str, known)))})",
                reason_code=ReasonCode.NOT_IN_VERSION,
            )
    return None


_of_values = lru_cache(maxsize=4096)(_first)
"""The cases of a large plan differ in other axes than these."""
