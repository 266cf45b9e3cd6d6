"""Engines that live abroad: in an environment of their own, with a transformers older than this package measures with.

Their inputs are prepared here, by this environment's processor, and handed over; what they are compared with runs here too.
"""

from collections.abc import Mapping

from bench.domain.values import Json

ENGINES = frozenset({"optimum-onnx"})


def engine_of(requested: Mapping[str, Json]) -> str:
    """Give the name of the engine REQUESTED, which a mapping may hold; the default where none is named."""
    asked = requested.get("engine", "eager")
    return str(asked.get("name")) if isinstance(asked, Mapping) else str(asked)


def is_abroad(requested: Mapping[str, Json]) -> bool:
    """Tell whether the engine REQUESTED is one of these."""
    return engine_of(requested) in ENGINES
