"""The libraries that every trial needs, imported once a nursery.

What is imported here is not part of any load time; docs/how-it-measures.md says so beside `load.import`.
"""

import gc
import importlib
import os
from collections.abc import Mapping
from importlib import metadata, util
from typing import Any

from bench.worker.host import capability

PRELOADED = (
    "torch",
    "transformers",
    "transformers.modeling_utils",
    "transformers.generation",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.processing_auto",
    "transformers.models.auto.image_processing_auto",
    "transformers.models.auto.tokenization_auto",
    "PIL.Image",
)
_OPTIONAL = frozenset({"PIL.Image"})
"""What an environment without Pillow lacks: models of text run there all the same."""
NAMED = (
    "torch", "transformers", "accelerate", "tokenizers", "safetensors", "huggingface-hub", "numpy", "pillow", "torchvision",
    "bitsandbytes", "torchao", "onnx", "onnxscript", "onnxruntime", "openvino", "optimum", "optimum-onnx", "psutil",
)  # fmt: skip

_kept: list[Any] = []


def preload() -> None:
    """Import what every trial needs, touching no device and starting no pool of torch's.

    torch.cuda.is_available() is answered through NVML, so that asking does not initialise CUDA: a fork after that would be useless.
    """
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    import_all()


def import_all() -> None:
    """Import what every load needs, so that no load's stages hold it, with torchvision's operators where they are missing."""
    importlib.import_module("torch")
    stand_in_for_torchvision_operators()
    with capability.known():
        for name in PRELOADED:
            if name not in _OPTIONAL or util.find_spec(name.partition(".")[0]) is not None:
                importlib.import_module(name)


def freeze() -> None:
    """Keep the collector away from all that lives now, so that a forked child does not copy the pages it would only look at."""
    gc.collect()
    gc.freeze()


def stand_in_for_torchvision_operators() -> bool:
    """Declare the torchvision operators that are missing beside a CPU build of torch; tell whether that was needed.

    PyPI's torchvision is built for CUDA. Beside a CPU torch its binary cannot load, its import fails for want of two declared
    operators, and transformers, which only looks whether the package is there, then cannot import any model. Declared without
    an implementation they fail only where they are called, which no model or processor of transformers does.
    """
    import torch

    if torch.version.cuda is not None or util.find_spec("torchvision") is None:
        return False
    missing = [name for name in ("nms", "qnms") if not hasattr(torch.ops.torchvision, name)]
    if missing:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in missing:
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)  # the operators live as long as the library object
    return bool(missing)


def unfit_to_fork() -> str | None:
    """Say why this process must not fork trials, None where it may."""
    import torch

    if torch.cuda.is_initialized():
        return "CUDA was initialised while the libraries were imported, and a fork after that cannot use it"
    return None


def versions() -> Mapping[str, str]:
    """Give the installed version of every library that can move a number."""
    found = {}
    for name in NAMED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
