"""How large a model is: parameters and their bytes as stored, by component and dtype. Tied parameters are counted once."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from bench.worker import components


@dataclass(slots=True, kw_only=True)
class Sizes:
    """Numbers and bytes of parameters. The bytes of the whole are those of its storages, each counted once."""

    parameters: int = 0
    trainable: int = 0
    bytes: int = 0
    buffers: int = 0
    count: "dict[str, Counter[str]]" = field(default_factory=dict)
    size: "dict[str, Counter[str]]" = field(default_factory=dict)

    def add(self, parameter: Any, **parts: str) -> None:
        """Count PARAMETER, and under each of PARTS by its kind (`component`, `dtype`, `device`)."""
        self.parameters += parameter.numel()
        self.trainable += parameter.numel() if parameter.requires_grad else 0
        for kind, part in parts.items():
            self.count.setdefault(kind, Counter())[part] += parameter.numel()
            self.size.setdefault(kind, Counter())[part] += parameter.numel() * parameter.element_size()


def of(model: Any) -> Sizes:
    """Measure MODEL, which may be on the meta device: its weights are not read."""
    sizes = Sizes(bytes=stored(model.parameters()), buffers=stored(model.buffers()))
    part_of = components.of(model)
    for name, parameter in model.named_parameters():  # which gives a tied one once
        dtype = str(parameter.dtype).removeprefix("torch.")
        sizes.add(parameter, component=part_of[name], dtype=dtype, device=str(parameter.device))
    return sizes


def stored(tensors: Any) -> int:
    """Sum the bytes of TENSORS' storages, each storage once. Those on the meta device have none and are counted by their form."""
    storages: dict[object, int] = {}
    for tensor in tensors:
        if tensor.is_meta:
            storages[id(tensor)] = tensor.numel() * tensor.element_size()
        else:
            storage = tensor.untyped_storage()
            storages[storage.data_ptr(), str(tensor.device)] = storage.nbytes()
    return sum(size for place, size in storages.items() if place != (0, "cpu"))
