"""The files of a checkpoint's weights: written one after the other, named when it is known how many there are."""

import json
from pathlib import Path
from typing import Any

_NAME = "model.safetensors"


class Shards:
    """The files of one checkpoint: a single file where there is one, else numbered ones with an index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: list[tuple[Path, tuple[str, ...]]] = []
        self._bytes = 0

    def add(self, tensors: dict[str, Any]) -> None:
        """Write TENSORS as the next file."""
        from safetensors.torch import save_file

        path = self._folder / f"{len(self._written)}.{_NAME}"
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})
        self._written.append((path, tuple(sorted(tensors))))
        self._bytes += size(tensors)

    def close(self) -> None:
        """Give the files their names, which tell how many there are, and write the index that several need."""
        total = len(self._written)
        if total == 1:
            self._written[0][0].rename(self._folder / _NAME)
            return
        placed = {}
        for number, (path, names) in enumerate(self._written, start=1):
            called = f"model-{number:05d}-of-{total:05d}.safetensors"
            path.rename(self._folder / called)
            placed.update(dict.fromkeys(names, called))
        index = {"metadata": {"total_size": self._bytes}, "weight_map": placed}
        text = json.dumps(index, indent=2, sort_keys=True) + "\n"
        (self._folder / f"{_NAME}.index.json").write_text(text, encoding="utf-8")


def size(tensors: dict[str, Any]) -> int:
    """Give the bytes of TENSORS."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
