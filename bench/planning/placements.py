"""What may stand in a mapping of the axis `device_map`: bounds of devices, or branches of the model and their places."""

import re
from collections.abc import Mapping

from bench.domain.values import Json
from bench.planning.wording import quoted, unknown

_DEVICE = re.compile(r"cpu|mps|(cuda|xpu)(:[0-9]+)?|[0-9]+")
_DISK = "disk"
_AMOUNT = re.compile(r"[0-9]{1,15} ?(KB|MB|GB|KiB|MiB|GiB)")
"""Amounts as accelerate reads them: whole ones."""


def said(axis: str, value: Mapping[str, Json]) -> str | None:
    """Say what is wrong with VALUE, a mapping of AXIS; None where nothing is."""
    if "modules" in value and len(value) > 1:
        return f"{axis} takes either modules, or max_memory and offload"
    if value.get("offload", _DISK) != _DISK:
        return unknown(f"{axis} offload", value["offload"], [_DISK])
    for key in ("max_memory", "modules"):
        held = value.get(key)
        if key in value and not (isinstance(held, Mapping) and held):
            return f"{axis} {key} takes a mapping with at least one entry"
        if isinstance(held, Mapping) and (wrong := _entries_said(axis, key, held)) is not None:
            return wrong
    return None


def _entries_said(axis: str, key: str, held: Mapping[str, Json]) -> str | None:
    for name, one in held.items():
        place = str(name) if key == "max_memory" else one
        if not (isinstance(place, str | int) and (place == _DISK or _DEVICE.fullmatch(str(place)))):
            number = "N, " if key == "max_memory" else ""
            return f"{axis} {key} {quoted(place)} is no place (knows: cpu, cuda:N, xpu:N, {number}mps, {_DISK})"
        if key == "max_memory" and not _is_amount(one):
            return f"{axis} max_memory {quoted(one)} is not known (knows: bytes as an integer, whole amounts such as 8GiB or 500MB)"
    return None


def _is_amount(value: Json) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return value >= 0
    return isinstance(value, str) and _AMOUNT.fullmatch(value) is not None
