"""optimum-quanto: weights by rows or groups, unpacked in each call. It takes layers of torch only, and no Conv1D."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.domain.values import Json
from bench.worker.precision.layers import Layer
from bench.worker.quantization import Choice, Needs
from bench.worker.quantizers.plain import PLACES, Plain


@dataclass(frozen=True, kw_only=True)
class Quanto(Plain):
    """Weights of the type that quanto calls `weights`; activations stay as they are."""

    meaning: str
    weights: str

    def needs(self, stored: Mapping[str, Json] | None) -> Needs:
        """Need optimum-quanto."""
        del stored
        return Needs(meaning=self.meaning, packages=("optimum.quanto",), extra="quanto", devices=dict.fromkeys(PLACES, ""))

    def takes(self, layer: Layer) -> bool:
        """Take Linear and its subclasses."""
        import torch

        return isinstance(layer.module, torch.nn.Linear)

    def options(self, choice: Choice) -> Mapping[str, Any]:
        """Load with quanto's config."""
        from transformers import QuantoConfig

        keep = None if choice.keep is None else list(choice.keep)
        return {"quantization_config": QuantoConfig(weights=self.weights, modules_to_not_convert=keep)}

    @property
    def pieces(self) -> tuple[tuple[str, str], ...]:
        """Quantize weight by weight while the file is read."""
        return (("transformers.integrations.quanto:QuantoQuantize", "convert"),)

    def recognises(self, module: Any) -> bool:
        """Recognise a frozen layer by the type of its weights: before it is frozen it holds them in full."""
        return type(module).__name__ == "QLinear" and bool(module.frozen) and module.weight_qtype.name == f"q{self.weights}"
