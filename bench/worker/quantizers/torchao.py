"""torchao: weights as tensors that quantize themselves. It takes layers of torch only, and no Conv1D."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.domain.values import Json
from bench.worker.precision.layers import Layer
from bench.worker.quantization import Choice, Needs
from bench.worker.quantizers.plain import Plain


@dataclass(frozen=True, kw_only=True)
class TorchAo(Plain):
    """Weight-only quantization with the torchao config that `make` gives for a kind of device.

    Its tensors' class begins with `tensor`; by the kind of device, `shapes` are what numbers of inputs and outputs are multiples
    of, and `only` the one dtype that the kernel takes.
    """

    meaning: str
    make: Callable[[str], Any]
    tensor: str
    devices: Mapping[str, str]
    dtypes: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, int]]
    only: Mapping[str, str] = field(default_factory=dict)

    def needs(self, stored: Mapping[str, Json] | None) -> Needs:
        """Need torchao."""
        del stored
        return Needs(meaning=self.meaning, packages=("torchao",), extra="torchao", devices=self.devices, dtypes=self.dtypes)

    def takes(self, layer: Layer) -> bool:
        """Take Linear and its subclasses."""
        import torch

        return isinstance(layer.module, torch.nn.Linear)

    def objection(self, layer: Layer, device: str) -> str | None:
        """Object to what does not divide into groups: torchao would leave it out, or fail in the middle of a load."""
        inputs, outputs = self.shapes.get(device, (1, 1))
        if layer.inputs % inputs or layer.outputs % outputs:
            return f"the kernel on {device} takes a multiple of {inputs} inputs and of {outputs} outputs"
        if device in self.only and str(layer.module.weight.dtype) != f"torch.{self.only[device]}":
            return f"the kernel on {device} takes {self.only[device]} only"
        return None

    def refuses(self, model: Any) -> str | None:
        """Refuse a class that cannot name its input embeddings: transformers asks it for every weight."""
        try:
            model.get_input_embeddings()
        except NotImplementedError:
            return f"torchao in transformers asks for the input embeddings, which {type(model).__name__} does not name"
        return None

    def options(self, choice: Choice) -> Mapping[str, Any]:
        """Load with the config for the device."""
        from transformers import TorchAoConfig

        keep = None if choice.keep is None else list(choice.keep)
        return {"quantization_config": TorchAoConfig(self.make(choice.device), modules_to_not_convert=keep)}

    @property
    def pieces(self) -> tuple[tuple[str, str], ...]:
        """Quantize weight by weight while the file is read."""
        return (("transformers.integrations.torchao:TorchAoQuantize", "convert"),)

    def recognises(self, module: Any) -> bool:
        """Recognise a layer by the class of its weights."""
        kind = type(getattr(module, "weight", None))
        return kind.__module__.startswith("torchao") and kind.__name__.startswith(self.tensor)
