"""Saving a loaded model so that it reloads equal: what was written is loaded again and compared, weight by weight."""

import shutil
from pathlib import Path
from typing import Any

from bench.domain.errors import UsageError
from bench.domain.outcome import ReasonCode
from bench.worker import keys
from bench.worker.failures import Refused
from bench.worker.loading import Loaded


def save(loaded: Loaded, folder: Path) -> None:
    """Write LOADED's model and processor into FOLDER, which must not exist or be empty.

    Raises UsageError where FOLDER holds something, Refused where what was written does not load equal; nothing is left then.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(f"{folder} is not an empty folder: name another one, or remove it first")
    unfinished = folder.parent / f".{folder.name}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        loaded.model.save_pretrained(unfinished)
        if loaded.processor is not None:
            loaded.processor.save_pretrained(unfinished)
        different = _different(loaded.model, unfinished)
        if different:
            msg = f"{type(loaded.model).__name__} does not reload equal and was not saved: {keys.some(different)} differ"
            raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _different(network: Any, folder: Path) -> list[str]:
    """Name the weights that are not equal in a copy of NETWORK loaded from FOLDER."""
    import torch

    copy, report = type(network).from_pretrained(folder, dtype="auto", output_loading_info=True, local_files_only=True)
    found = keys.read(report)
    again = copy.state_dict()
    mine = network.state_dict()
    unequal = {
        name
        for name, tensor in mine.items()
        if name not in again
        or again[name].dtype != tensor.dtype
        or not torch.equal(again[name].view(-1).view(torch.uint8), tensor.detach().cpu().contiguous().view(-1).view(torch.uint8))
    }
    return sorted(unequal | set(found.made_up) | set(found.unexpected))
