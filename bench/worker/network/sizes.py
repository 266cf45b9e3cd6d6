"""How large a model is: parameters and their bytes as stored, by component and dtype. Tied parameters are counted once."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bench.worker.network import components, storages
from bench.worker.network.storages import Piece


@dataclass(slots=True, kw_only=True)
class Sizes:
    """Numbers and bytes of parameters, quantization state with them. Bytes are those of storages, each counted once.

    `size` tells the same bytes by kind (`component`, `dtype`, `device`), `count` the parameters: each kind sums to the whole.
    """

    parameters: int = 0
    trainable: int = 0
    bytes: int = 0
    buffers: int = 0
    count: "dict[str, Counter[str]]" = field(default_factory=dict)
    size: "dict[str, Counter[str]]" = field(default_factory=dict)

    def add(self, piece: Piece, size: int, **parts: str) -> None:
        """Count PIECE and its SIZE in bytes, and under each of PARTS by its kind."""
        self.bytes += size
        self.parameters += piece.elements
        self.trainable += piece.elements if piece.trainable else 0
        for kind, part in parts.items():
            self.count.setdefault(kind, Counter())[part] += piece.elements
            self.size.setdefault(kind, Counter())[part] += size


def of(model: Any) -> Sizes:
    """Measure MODEL, which may be on the meta device: its weights are not read."""
    every = storages.of(model)
    buffers = [piece for piece in every if piece.buffer]
    sizes = Sizes(buffers=sum(size for _, size in storages.sized(buffers)))
    part_of: dict[str, str] = components.of(model)
    for piece, size in storages.sized(piece for piece in every if not piece.buffer):
        if piece.name not in part_of:
            part_of[piece.name] = components.of_name(model, piece.name)
        dtype = str(piece.tensor.dtype).removeprefix("torch.")
        sizes.add(piece, size, component=part_of[piece.name], dtype=dtype, device=str(piece.tensor.device))
    return sizes


def stored(tensors: Iterable[Any]) -> int:
    """Sum the bytes of TENSORS' storages, each storage once. Those on the meta device have none and are counted by their form."""
    pieces = [Piece(name="", tensor=part) for tensor in tensors for part in storages.plain(tensor)]
    return sum(size for _, size in storages.sized(pieces))
