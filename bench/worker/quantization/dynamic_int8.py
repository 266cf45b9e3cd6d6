"""torch's own dynamic quantization on a CPU: weights of 8 bits by layers, activations quantized in each call."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.domain.values import Json
from bench.worker.precision.layers import Layer
from bench.worker.quantization import Needs
from bench.worker.quantizers.plain import Plain


@dataclass(frozen=True, kw_only=True)
class Dynamic(Plain):
    """Replaces layers of a loaded model."""

    def needs(self, stored: Mapping[str, Json] | None) -> Needs:
        """Need a CPU and weights in float32."""
        del stored
        meaning = "torch, 8 bits by layers, activations quantized in each call"
        return Needs(meaning=meaning, devices={"cpu": "dtype float32"}, dtypes=("float32",))

    def takes(self, layer: Layer) -> bool:
        """Take Linear, and none of its subclasses."""
        return layer.kind == "Linear"

    def refuses(self, model: Any) -> str | None:
        """Refuse every model where this build of torch has no kernels."""
        import torch

        del model
        engines = set(torch.backends.quantized.supported_engines) - {"none"}
        return None if engines else "this build of torch has no kernels for quantized layers on a CPU"

    def convert(self, model: Any, names: tuple[str, ...]) -> Any:
        """Replace the layers NAMES by torch's dynamically quantized ones."""
        from torch.ao.quantization import default_dynamic_qconfig, quantize_dynamic

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that this way is deprecated is no news to who asks for it
            return quantize_dynamic(model, dict.fromkeys(names, default_dynamic_qconfig), inplace=True)

    def recognises(self, module: Any) -> bool:
        """Recognise torch's layer."""
        kind = type(module)
        return kind.__name__ == "Linear" and kind.__module__.startswith("torch.ao.nn.quantized.dynamic")


METHOD = Dynamic()
