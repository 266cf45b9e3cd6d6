"""What this version does not measure yet: said before anything is loaded, and never measured as something else."""

from collections.abc import Mapping
from functools import lru_cache

from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.values import Json, canonical
from bench.worker import scenarios

_ONLY: Mapping[str, frozenset[object]] = {
    "scenario": frozenset({"inference", *scenarios.names()}),
}


_OF_PARTS: Mapping[str, frozenset[object]] = {
    "scenario": frozenset({"inference"}),
    "engine": frozenset({"eager"}),
    "ranks": frozenset({1}),
}
"""What is measured of a sub-model by itself."""
_OF_OTHERS: Mapping[str, frozenset[object]] = {
    "engine": frozenset({"eager"}),
    "cache": frozenset({"dynamic", "static", "none"}),
    "depth": frozenset({0}),
}
"""What is measured in scenarios beside inference."""


def refusal(requested: Mapping[str, Json]) -> Refusal | None:
    """Say which of the values REQUESTED this version does not measure; None where it measures all."""
    values = tuple(map(requested.get, _ONLY))
    try:
        found = _of_values(values)
    except TypeError:  # a mapping or a list has no hash
        found = _first(values)
    if found is None and "submodel" in requested:
        return _among(requested, _OF_PARTS, "of a submodel")
    if found is None and (scenario := requested.get("scenario", "inference")) != "inference":
        return _among(requested, _OF_OTHERS, f"in the scenario {scenario}")
    return found


def _among(requested: Mapping[str, Json], table: Mapping[str, frozenset[object]], where: str) -> Refusal | None:
    """Judge the values REQUESTED by the TABLE of what is measured WHERE."""
    for axis, known in table.items():
        if (value := requested.get(axis)) is not None and not (isinstance(value, str | int) and value in known):
            said = f"{axis} {value if isinstance(value, str | int) else canonical(value)} {where}"
            reason = f"{said} is not measured in this version (it measures {', '.join(sorted(map(str, known)))})"
            return Refusal(reason=reason, reason_code=ReasonCode.NOT_IN_VERSION)
    return None


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
