"""What may stand in the mappings that axes of engines and of generation take: a sentence says what is wrong, if anything."""

from collections.abc import Callable, Mapping

from bench.domain.axes import BY_NAME
from bench.domain.values import Json
from bench.planning.wording import quoted, unknown

_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


def _engine(value: Mapping[str, Json]) -> str | None:
    engines = [choice for choice in BY_NAME["engine"].choices if isinstance(choice, str)]
    if value.get("name") not in engines:
        return unknown("engine name", value.get("name"), engines)
    if value.get("mode", "default") not in _MODES:
        return unknown("engine mode", value["mode"], list(_MODES))
    for key in ("dynamic", "fullgraph", "fusions"):
        if not isinstance(value.get(key, True), bool):
            return f"engine {key} takes true or false, not {quoted(value[key])}"
    return None


def _sampling(value: Mapping[str, Json]) -> str | None:
    temperature, share, kept = value.get("temperature", 1), value.get("top_p", 1), value.get("top_k", 1)
    if not _is_number(temperature) or not float(str(temperature)) > 0:
        return f"sampling temperature takes a number above zero, not {quoted(temperature)} (greedy takes the likeliest token)"
    if not _is_number(share) or not 0 < float(str(share)) <= 1:
        return f"sampling top_p takes a number above 0 and up to 1, not {quoted(share)}"
    if type(kept) is not int or kept < 1:
        return f"sampling top_k takes a whole number of at least 1, not {quoted(kept)}"
    return None


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def simplest(axis: str, value: Json) -> Json:
    """Give VALUE of AXIS in the one spelling of what it means: a mapping that says no more than its name is the name."""
    if not isinstance(value, Mapping) or axis not in _NAMED:
        return value
    told = dict(value)
    if isinstance(skip := told.get("skip"), list):
        told["skip"] = sorted(set(map(str, skip)))
    own = {key: one for key, one in told.items() if (key, one) not in (("skip", []), ("compute_dtype", "auto"))}
    return own[_NAMED[axis]] if own.keys() == {_NAMED[axis]} else own


_NAMED: Mapping[str, str] = {"engine": "name", "quantization": "method"}
SAID: Mapping[str, Callable[[Mapping[str, Json]], str | None]] = {"engine": _engine, "sampling": _sampling}
"""By the axis's name: what is wrong in a mapping of it."""
