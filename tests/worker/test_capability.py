"""The capability of GPUs that the driver's tool tells, where there is no GPU: what a library asks while it is imported."""

import os
from pathlib import Path

import pytest
import torch

from bench.worker.host import capability

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make torch a build that sees a GPU, and fail where it is initialised."""

    def initialise() -> None:
        raise AssertionError("CUDA was initialised")

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "_lazy_init", initialise)


def the_tool_says(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\nprintf '{text}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_the_capability_is_told_without_initialising_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._dynamo.device_interface import CudaInterface

    the_tool_says("9.0\\n9.0\\n", tmp_path, monkeypatch)
    with capability.known():
        assert torch.cuda.get_device_capability() == (9, 0)
        assert torch.cuda.get_device_capability(0) == (9, 0)
        assert CudaInterface.Worker.get_device_properties().major == 9
        with pytest.raises(AssertionError, match="initialised"):
            torch.cuda.get_device_properties(0)
    with pytest.raises(AssertionError, match="initialised"):
        torch.cuda.get_device_capability()


@pytest.mark.parametrize("said", ["9.0\\n8.6\\n", "[N/A]\\n", ""])
def test_what_is_not_one_for_all_is_not_told(said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    the_tool_says(said, tmp_path, monkeypatch)
    with capability.known(), pytest.raises(AssertionError, match="initialised"):
        torch.cuda.get_device_capability()
