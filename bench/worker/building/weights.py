"""Seeded random weights, as a fresh model of the class has them, made and saved block by block.

The model is built on the meta device, and of each file that is being written only its own blocks are in memory, so that a
checkpoint larger than the memory can be written. Where there are several files, and cores and memory for it, processes make them
side by side. Every module has a seed of its own, made of the seed and its name, so that neither the order of
construction nor a changed neighbour changes it. Names and form of the tensors in the files are those that `save_pretrained` writes.
"""

import hashlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.worker.building import shards
from bench.worker.building.shards import Shard, Shards, size
from bench.worker.host import hardware

_SMALL = 1 << 16
"""Elements of the largest weight that may have its value from the constructor alone."""


def skeleton(model_class: type[Any], config: Any, dtype: str) -> Any:
    """Build MODEL_CLASS from CONFIG on the meta device, in DTYPE, with its weights tied: names and shapes, and no memory."""
    import torch

    with torch.device("meta"):
        model = model_class(config)
    model = model.to(getattr(torch, dtype)).eval()
    model.tie_weights()
    model.config.dtype = dtype
    return model


@dataclass(frozen=True, kw_only=True)
class _Checkpoint:
    """What is to be saved: the names `stored` of the tensors of a meta `model`, in files by the blocks that each holds.

    A block is the path of a repeated layer; the last, "", is everything that is in none.
    """

    model: Any
    folder: Path
    seed: int
    stored: frozenset[str]
    files: Sequence[Sequence[str]]

    def write(self, number: int) -> Shard:
        """Make the weights of the file NUMBER and write it. Raises RuntimeError where a weight gets no value."""
        from transformers.core_model_loading import revert_weight_conversion

        held: dict[str, Any] = {}
        for block in self.files[number]:
            held |= self._layer(block) if block else self._rest()
        return shards.write(self.folder, number, revert_weight_conversion(self.model, held))

    def _layer(self, path: str) -> dict[str, Any]:
        """Give the tensors of one repeated layer, which then loses its memory again."""
        layer = self.model.get_submodule(path)
        layer.to_empty(device="cpu")
        made = _filled(self.model, layer, path, self.stored, self.seed)
        layer.to(device="meta")
        return made

    def _rest(self) -> dict[str, Any]:
        repeated = dict(_repeated(self.model, ""))
        inside = {module for layer in repeated.values() for module in layer.modules()}
        for module in self.model.modules():
            if module not in inside:
                module.to_empty(device="cpu", recurse=False)
        self.model.tie_weights()
        left = {name for name in self.stored if not name.startswith(tuple(f"{path}." for path in repeated))}
        return _filled(self.model, self.model, "", left, self.seed)


def save(model: Any, folder: Path, seed: int, max_shard_bytes: int) -> None:
    """Make the weights of a meta MODEL and save them in FOLDER as safetensors, in files of at most MAX_SHARD_BYTES and a block.

    Raises RuntimeError where the model's class leaves a weight without a value.
    """
    from transformers.modeling_utils import remove_tied_weights_from_state_dict

    stored = remove_tied_weights_from_state_dict(model.state_dict(), model)
    paths = tuple(path for path, _ in _repeated(model, ""))
    files = _filed({path: size(_under(stored, path, paths)) for path in (*paths, "")}, max_shard_bytes)
    checkpoint = _Checkpoint(model=model, folder=folder, seed=seed, stored=frozenset(stored), files=files)
    written = Shards(folder)
    for shard in _each_written(checkpoint, _hands(len(files), max_shard_bytes)):
        written.take(shard)
    written.close()


def _under(stored: dict[str, Any], path: str, paths: tuple[str, ...]) -> dict[str, Any]:
    """Give what is STORED of the block PATH, of "" what is in none of PATHS."""
    if path:
        return {name: tensor for name, tensor in stored.items() if name.startswith(f"{path}.")}
    return {name: tensor for name, tensor in stored.items() if not name.startswith(tuple(f"{one}." for one in paths))}


def _filed(sizes: dict[str, int], most: int) -> list[list[str]]:
    """Put blocks of SIZES bytes into files, in their order, a new one where the next would make it larger than MOST."""
    files: list[list[str]] = [[]]
    held = 0
    for block, needed in sizes.items():
        if files[-1] and held + needed > most:
            files.append([])
            held = 0
        files[-1].append(block)
        held += needed
    return files


def _hands(files: int, most: int) -> int:
    """Count the processes that FILES of at most MOST bytes each are written by: what cores and half of the free memory allow."""
    return max(min(files, len(os.sched_getaffinity(0)), (hardware.free_memory_bytes() or 0) // (2 * most)), 1)


def _each_written(checkpoint: _Checkpoint, hands: int) -> Iterator[Shard]:
    numbers = range(len(checkpoint.files))
    if hands == 1:
        yield from map(checkpoint.write, numbers)
        return
    # Forked, so that each has the model's skeleton, and hands back no more than names.
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(hands, mp_context=context, initializer=partial(_take, checkpoint)) as pool:
        yield from pool.map(_write, numbers)


_taken: list[_Checkpoint] = []


def _take(checkpoint: _Checkpoint) -> None:
    import torch

    torch.set_num_threads(1)  # a pool of threads that the parent has had is not there any more, and waiting for it never ends
    _taken.append(checkpoint)


def _write(number: int) -> Shard:
    return _taken[0].write(number)


def _repeated(module: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Find the members of the outermost lists of modules: the layers of a transformer."""
    import torch

    for name, child in module.named_children():
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(module, torch.nn.ModuleList):
            yield path, child
        else:
            yield from _repeated(child, path)


def _filled(model: Any, block: Any, prefix: str, stored: AbstractSet[str], seed: int) -> dict[str, Any]:
    """Give every weight of BLOCK the value that a fresh model has, and the stored ones with their names in the model."""
    import torch

    tensors = {f"{prefix}.{name}" if prefix else name: tensor for name, tensor in block.state_dict().items()}
    mine = {name: tensor for name, tensor in tensors.items() if name in stored}
    with torch.no_grad():
        for tensor in mine.values():
            tensor.fill_(torch.nan if tensor.is_floating_point() else 0)
        _initialize(_owner(model, prefix), block, prefix, seed)
    left = _without_value(mine)
    if left:
        mine.update(_constructed(model, left, seed))
    if _without_value(mine):
        msg = f"{type(model).__name__} gives no value to {', '.join(_without_value(mine))}"
        raise RuntimeError(msg)
    return mine


def _without_value(tensors: dict[str, Any]) -> list[str]:
    return [name for name, tensor in tensors.items() if tensor.is_floating_point() and bool(tensor.sum().isnan())]


def _constructed(model: Any, names: list[str], seed: int) -> dict[str, Any]:
    """Give the values of the weights NAMES that only the constructor sets, not a number where it sets none.

    The whole model is built for it, but what it does not write takes no memory.
    """
    import torch
    from torch.overrides import TorchFunctionMode
    from transformers import initialization

    class Marked(TorchFunctionMode):
        """Marks small tensors that are made without values; large ones would have to be written for it."""

        def __torch_function__(self, call: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = call(*args, **kwargs or {})
            return made.fill_(torch.nan) if call is torch.empty and made.numel() <= _SMALL and made.is_floating_point() else made

    large = [name for name in names if model.get_parameter(name).numel() > _SMALL]
    if large:
        msg = f"{type(model).__name__} gives no value to {', '.join(large)}"
        raise RuntimeError(msg)
    torch.default_generator.manual_seed(seed)
    with initialization.no_init_weights(), Marked():
        made = type(model)(model.config).state_dict()
    return {name: made[name].to(model.dtype) for name in names}


def _owner(model: Any, prefix: str) -> Any:
    """Find the innermost sub-model around PREFIX: it is the one that knows how its modules begin."""
    from transformers import PreTrainedModel

    owner = model
    parts = prefix.split(".") if prefix else []
    for end in range(1, len(parts)):
        outer = model.get_submodule(".".join(parts[:end]))
        owner = outer if isinstance(outer, PreTrainedModel) else owner
    return owner


def _initialize(owner: Any, module: Any, prefix: str, seed: int) -> None:
    """Initialise MODULE and what is inside, the inner ones first, each by the sub-model that it belongs to."""
    import torch
    from transformers import PreTrainedModel

    if any(tensor.is_meta for tensor in module.parameters(recurse=False)):
        return  # a layer that was saved before
    owner = module if isinstance(module, PreTrainedModel) else owner
    for name, child in module.named_children():
        _initialize(owner, child, f"{prefix}.{name}" if prefix else name, seed)
    digest = hashlib.sha256(f"{seed}:{prefix}".encode()).digest()
    torch.default_generator.manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    owner._init_weights(module)  # noqa: SLF001 -- the public way initialises a whole model at once
