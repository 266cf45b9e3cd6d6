"""The compute capability of the machine's GPUs, asked of the driver's own tool.

torch tells it only after it has initialised CUDA, and a process that has cannot fork children that use a GPU. A library that looks
while it is imported, as torchao does, would so take the fork from every trial.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace

_COMMAND = ("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader")
_LONGEST_S = 20


@contextmanager
def known() -> Iterator[None]:
    """Answer questions of the capability without initialising CUDA while the block runs, where it is one for all GPUs.

    Whatever else is asked of a GPU in the block initialises CUDA as it always does.
    """
    import torch

    found = _of_all() if torch.version.cuda is not None and torch.cuda.is_available() else None
    if found is None:
        yield
        return
    from unittest.mock import patch

    from torch._dynamo.device_interface import CudaInterface

    def properties(_device: object = None) -> SimpleNamespace:
        return SimpleNamespace(major=found[0], minor=found[1])

    with ExitStack() as answers:
        answers.enter_context(patch.object(torch.cuda, "current_device", lambda: 0))
        answers.enter_context(patch.object(torch.cuda, "get_device_capability", lambda _device=None: found))
        answers.enter_context(patch.object(CudaInterface.Worker, "get_device_properties", staticmethod(properties)))
        yield


def _of_all() -> tuple[int, int] | None:
    """Give the capability (major, minor) that all GPUs of this machine have; None where they differ or nothing tells it."""
    try:
        done = subprocess.run(_COMMAND, capture_output=True, text=True, timeout=_LONGEST_S, check=True)
        (said,) = set(done.stdout.split())
        major, minor = map(int, said.split("."))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return major, minor
