"""bench: how a Transformers model behaves on your hardware. The public names load on first use."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.domain.description import Description
    from bench.domain.errors import UsageError
    from bench.worker.failures import Refused
    from bench.worker.interface import describe, freeze, generate, load_model, move, prepare_inputs, save, unfreeze
    from bench.worker.loads.loading import Loaded
    from bench.workflow import read, summary

__version__ = "0.1.0"
__all__ = [
    "Description",
    "Loaded",
    "Refused",
    "UsageError",
    "__version__",
    "describe",
    "freeze",
    "generate",
    "load_model",
    "move",
    "prepare_inputs",
    "read",
    "save",
    "summary",
    "unfreeze",
]

_PLACES: Mapping[str, tuple[str, ...]] = {
    "bench.workflow": ("read", "summary"),
    "bench.worker.interface": ("describe", "freeze", "generate", "load_model", "move", "prepare_inputs", "save", "unfreeze"),
    "bench.worker.loads.loading": ("Loaded",),
    "bench.worker.failures": ("Refused",),
    "bench.domain.description": ("Description",),
    "bench.domain.errors": ("UsageError",),
}


def __getattr__(name: str) -> object:
    """Give the public NAME, importing where it lives. Raises AttributeError where there is none."""
    from importlib import import_module

    for place, names in _PLACES.items():
        if name in names:
            return getattr(import_module(place), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, importing none."""
    return __all__
