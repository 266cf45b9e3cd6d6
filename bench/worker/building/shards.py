"""The files of a checkpoint's weights: written one after the other, named when it is known how many there are."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NAME = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Shard:
    """One file that was written, under a name that does not tell yet how many there are."""

    path: Path
    names: tuple[str, ...]
    bytes: int


def write(folder: Path, number: int, tensors: dict[str, Any]) -> Shard:
    """Write TENSORS as the file NUMBER of FOLDER, counted from 0."""
    from safetensors.torch import save_file

    path = folder / f"{number}.{_NAME}"
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})
    return Shard(path, tuple(sorted(tensors)), size(tensors))


class Shards:
    """The files of one checkpoint: a single file where there is one, else numbered ones with an index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: list[Shard] = []

    def add(self, tensors: dict[str, Any]) -> None:
        """Write TENSORS as the next file."""
        self.take(write(self._folder, len(self._written), tensors))

    def take(self, shard: Shard) -> None:
        """Take SHARD, which was written elsewhere, as the next file."""
        self._written.append(shard)

    def close(self) -> None:
        """Give the files their names, which tell how many there are, and write the index that several need."""
        total = len(self._written)
        if total == 1:
            self._written[0].path.rename(self._folder / _NAME)
            return
        placed = {}
        for number, shard in enumerate(self._written, start=1):
            called = f"model-{number:05d}-of-{total:05d}.safetensors"
            shard.path.rename(self._folder / called)
            placed.update(dict.fromkeys(shard.names, called))
        index = {"metadata": {"total_size": sum(shard.bytes for shard in self._written)}, "weight_map": placed}
        text = json.dumps(index, indent=2, sort_keys=True) + "\n"
        (self._folder / f"{_NAME}.index.json").write_text(text, encoding="utf-8")


def size(tensors: dict[str, Any]) -> int:
    """Give the bytes of TENSORS."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
