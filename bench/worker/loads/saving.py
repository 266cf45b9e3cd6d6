"""Saving a loaded model so that it reloads equal: what was written is loaded again and compared, weight by weight."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.domain.errors import UsageError
from bench.domain.listing import some
from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused
from bench.worker.loads import keys
from bench.worker.loads.loading import Loaded
from bench.worker.network import storages
from bench.worker.precision import quantized


def save(loaded: Loaded, folder: Path) -> None:
    """Write LOADED's model and processor into FOLDER, which must not exist or be empty.

    Raises UsageError where FOLDER holds something, Refused where what was written does not load equal; nothing is left then.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder: name another one, or remove it first")
    if (why := _cannot_be_saved(loaded.model)) is not None:
        raise Refused(why, ReasonCode.NOT_IN_CLASS)
    unfinished = folder.parent / f".{folder.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        _write(loaded.model, unfinished)
        if loaded.processor is not None:
            loaded.processor.save_pretrained(unfinished)
        different = _different(loaded.model, unfinished)
        if different:
            msg = f"{type(loaded.model).__name__} does not reload equal and was not saved: {some(different)} differ"
            raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write(network: Any, folder: Path) -> None:
    try:
        network.save_pretrained(folder)
    except ValueError as error:
        if not any(method.startswith("torchao") for method in quantized.methods(network).values()):
            raise
        raise Refused(f"{type(network).__name__} was not saved: torchao says {error}", ReasonCode.NOT_IN_CLASS) from error


def _cannot_be_saved(network: Any) -> str | None:
    """Say why the quantized layers of NETWORK have no form on disk, None where they have one."""
    found = set(quantized.methods(network).values())
    if any(getattr(state, "packing_format_for_cpu", False) for state in _states(network)):
        return "4-bit weights were repacked by the first call on this CPU: load the model again and save it before it is called"
    if "dynamic-int8" in found:
        return "layers that torch quantizes dynamically are not saved: save the model without quantization"
    quantizer = getattr(network, "hf_quantizer", None)
    if quantizer is not None and not quantizer.is_serializable():
        named = " and ".join(sorted(found - {"none"}))
        return f"transformers does not save {named} weights: save the model without quantization"
    return None


def _states(network: Any) -> Iterator[Any]:
    return (state for one in network.parameters() if (state := getattr(one, "quant_state", None)) is not None)


def _same(one: Any, other: Any) -> bool:
    """Tell whether two tensors are equal to the byte, wrapped or not."""
    import torch

    mine, again = tuple(storages.plain(one)), tuple(storages.plain(other))
    return len(mine) == len(again) and all(
        left.dtype == right.dtype and torch.equal(_bytes(left), _bytes(right)) for left, right in zip(mine, again, strict=True)
    )


def _bytes(tensor: Any) -> Any:
    import torch

    return tensor.detach().cpu().contiguous().view(-1).view(torch.uint8)


def _different(network: Any, folder: Path) -> list[str]:
    """Name the weights that are not equal in a copy of NETWORK loaded from FOLDER."""
    copy, report = type(network).from_pretrained(folder, dtype="auto", output_loading_info=True, local_files_only=True)
    found = keys.read(report)
    again = copy.state_dict()
    mine = network.state_dict()
    unequal = {name for name, tensor in mine.items() if name not in again or not _same(tensor, again[name])}
    return sorted(unequal | set(found.made_up) | set(found.unexpected))
