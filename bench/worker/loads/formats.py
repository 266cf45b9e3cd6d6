"""A checkpoint in another format: the same weights in one file, in several, or pickled; everything else is linked to."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.worker.building.shards import Shards, size
from bench.worker.host import page_cache

SHARDS = 4
_INDEX = ".index.json"


def of(folder: Path) -> str:
    """Name the format of the weights in FOLDER: safetensors, sharded (of these several) or pickle."""
    files = page_cache.weight_files(folder)
    if any(path.suffix == ".bin" for path in files):
        return "pickle"
    return "sharded" if len(files) > 1 else "safetensors"


@contextmanager
def converted(folder: Path, asked: str) -> Iterator[Path]:
    """Give a folder that holds the checkpoint of FOLDER in the format ASKED, for the block: FOLDER itself where it is in that."""
    if asked in {"auto", of(folder)}:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="bench-format-") as made:
        other = Path(made)
        weights = set(page_cache.weight_files(folder))
        for path in folder.iterdir():
            if path not in weights and not path.name.endswith(_INDEX):
                (other / path.name).symlink_to(path.resolve())
        _write(_read(sorted(weights)), other, asked)
        yield other


def _read(files: list[Path]) -> dict[str, Any]:
    import torch
    from safetensors.torch import load_file

    tensors: dict[str, Any] = {}
    for path in files:
        tensors |= torch.load(path, weights_only=True) if path.suffix == ".bin" else load_file(path)
    return tensors


def _write(tensors: dict[str, Any], folder: Path, asked: str) -> None:
    import torch

    if asked == "pickle":
        torch.save(tensors, folder / "pytorch_model.bin")
        return
    shards, part = Shards(folder), {}
    most = size(tensors) / SHARDS if asked == "sharded" else float("inf")
    for name, tensor in tensors.items():
        part[name] = tensor
        if size(part) >= most:
            shards.add(part)
            part = {}
    if part:
        shards.add(part)
    shards.close()
