"""Seeded random weights, as a fresh model of the class has them, made and saved block by block.

The model is built on the meta device, and only the blocks of one file are ever in memory, so that a checkpoint larger than the
memory can be written. Every module has a seed of its own, made of the seed and its name, so that neither the order of
construction nor a changed neighbour changes it. Names and form of the tensors in the files are those that `save_pretrained` writes.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.worker.building.shards import Shards, size

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


def save(model: Any, folder: Path, seed: int, max_shard_bytes: int) -> None:
    """Make the weights of a meta MODEL and save them in FOLDER as safetensors, in files of at most MAX_SHARD_BYTES and a block.

    Raises RuntimeError where the model's class leaves a weight without a value.
    """
    from transformers.core_model_loading import revert_weight_conversion
    from transformers.modeling_utils import remove_tied_weights_from_state_dict

    stored = set(remove_tied_weights_from_state_dict(model.state_dict(), model))
    files = Shards(folder)
    held: dict[str, Any] = {}
    for block in _blocks(model, stored, seed):
        if held and size(held) + size(block) > max_shard_bytes:
            files.add(revert_weight_conversion(model, held))
            held = {}
        held.update(block)
    files.add(revert_weight_conversion(model, held))
    files.close()


def _blocks(model: Any, stored: set[str], seed: int) -> Iterator[dict[str, Any]]:
    """Give the model's stored tensors: repeated layers one by one, which then lose their memory again, and last all the rest."""
    repeated = dict(_repeated(model, ""))
    for prefix, block in repeated.items():
        block.to_empty(device="cpu")
        yield _filled(model, block, prefix, stored, seed)
        block.to(device="meta")
    inside = {module for block in repeated.values() for module in block.modules()}
    for module in model.modules():
        if module not in inside:
            module.to_empty(device="cpu", recurse=False)
    model.tie_weights()
    left = {name for name in stored if not name.startswith(tuple(f"{prefix}." for prefix in repeated))}
    yield _filled(model, model, "", left, seed)


def _repeated(module: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Find the members of the outermost lists of modules: the layers of a transformer."""
    import torch

    for name, child in module.named_children():
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(module, torch.nn.ModuleList):
            yield path, child
        else:
            yield from _repeated(child, path)


def _filled(model: Any, block: Any, prefix: str, stored: set[str], seed: int) -> dict[str, Any]:
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
