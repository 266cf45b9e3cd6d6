"""A method that does nothing where others do something: what a method does not need to say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.worker.precision.layers import Layer
from bench.worker.quantization import Choice

PLACES = ("cpu", "cuda", "mps", "xpu")


@dataclass(frozen=True, kw_only=True)
class Plain:
    """Loads a model as it is."""

    def takes(self, layer: Layer) -> bool:
        """Take no layer."""
        del layer
        return False

    def objection(self, layer: Layer, device: str) -> str | None:
        """Object to no shape."""
        del layer, device
        return None

    def refuses(self, model: Any) -> str | None:
        """Refuse no model."""
        del model
        return None

    def options(self, choice: Choice) -> Mapping[str, Any]:
        """Load with no options."""
        del choice
        return {}

    def convert(self, model: Any, names: tuple[str, ...]) -> Any:
        """Leave MODEL as loading made it."""
        del names
        return model

    @property
    def pieces(self) -> tuple[tuple[str, str], ...]:
        """Have no functions of its own."""
        return ()

    def recognises(self, module: Any) -> bool:
        """Recognise nothing."""
        del module
        return False
