"""Checkpoints whose linear layers are quantized by other tools: written from a plain one, by the formats' own definitions.

`int8` and `int4` are "int-quantized" (inputs too, in each call) and "pack-quantized" of compressed-tensors, `gptq` and `awq` files
of those names (version 1, and gemm). Weights are rounded to the nearest step, by rows or groups of 32 inputs; eight of 4 bits are
one int32.
"""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

GROUP = 32
_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
_PLAIN = {"type": "int", "symmetric": True}
_ROWS = {
    "targets": ["Linear"],
    "format": "int-quantized",
    "weights": {**_PLAIN, "num_bits": 8, "strategy": "channel"},
    "input_activations": {**_PLAIN, "num_bits": 8, "strategy": "token", "dynamic": True},
}
_GROUPS = {
    "targets": ["Linear"],
    "format": "pack-quantized",
    "weights": {**_PLAIN, "num_bits": 4, "strategy": "group", "group_size": GROUP},
}
_COMPRESSED = {"quant_method": "compressed-tensors", "quantization_status": "compressed", "ignore": ["lm_head"]}
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "int8": {**_COMPRESSED, "format": "int-quantized", "config_groups": {"group_0": _ROWS}},
    "int4": {**_COMPRESSED, "format": "pack-quantized", "config_groups": {"group_0": _GROUPS}},
    "gptq": {"quant_method": "gptq", "bits": 4, "group_size": GROUP, "desc_act": False, "sym": True, "checkpoint_format": "gptq"},
    "awq": {"quant_method": "awq", "bits": 4, "group_size": GROUP, "zero_point": True, "version": "gemm"},
}


def write(plain: Path, out: Path, name: str) -> Path:
    """Write into OUT the checkpoint in PLAIN with the projections of its layers quantized as NAME says, and give OUT."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(plain, out)
    tensors: dict[str, Any] = {}
    for key, tensor in load_file(plain / "model.safetensors").items():
        stem = key.removesuffix("weight")
        if ".layers." in key and key.endswith("proj.weight"):
            tensors |= {f"{stem}{short}": one.contiguous() for short, one in _PACKERS[name](tensor).items()}
        else:
            tensors[key] = tensor
    save_file(tensors, out / "model.safetensors", {"format": "pt"})
    say(out, CONFIGS[name])
    return out


def say(folder: Path, quantization: Mapping[str, Any]) -> Path:
    """Have the config in FOLDER say that its weights are quantized so."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": quantization}))
    return folder


def stored_bytes(folder: Path) -> int:
    """Sum the bytes of the tensors in the file, by its header."""
    with (folder / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(entry["data_offsets"][1] - entry["data_offsets"][0] for name, entry in header.items() if name != "__metadata__")


def _int8(weight: Any) -> dict[str, Any]:
    import torch

    scale = weight.float().abs().amax(1, keepdim=True) / 127
    return {"weight": (weight.float() / scale).round().to(torch.int8), "weight_scale": scale.to(weight.dtype)}


def _int4(weight: Any) -> dict[str, Any]:
    import torch

    steps, scale = _steps(weight)
    packed = _packed(steps.view(weight.shape[0], -1, 8))
    return {"weight_packed": packed, "weight_scale": scale.to(weight.dtype), "weight_shape": torch.tensor(weight.shape)}


def _gptq(weight: Any) -> dict[str, Any]:
    import torch

    steps, scale = _steps(weight)
    outputs, inputs = weight.shape
    zeros = torch.full((inputs // GROUP, outputs // 8, 8), 7)  # one less than the 8 that stands for 0
    return {
        "qweight": _packed(steps.T.reshape(inputs // 8, 8, outputs).movedim(1, 2)),
        "qzeros": _packed(zeros),
        "scales": scale.T.half(),
        "g_idx": (torch.arange(inputs) // GROUP).int(),
    }


def _awq(weight: Any) -> dict[str, Any]:
    import torch

    steps, scale = _steps(weight)
    outputs, inputs = weight.shape
    zeros = torch.full((inputs // GROUP, outputs // 8, 8), 8)
    return {
        "qweight": _packed(steps.T.reshape(inputs, outputs // 8, 8)[..., list(_ORDER)]),
        "qzeros": _packed(zeros),
        "scales": scale.T.half(),
    }


_PACKERS: Mapping[str, Callable[[Any], dict[str, Any]]] = {"int8": _int8, "int4": _int4, "gptq": _gptq, "awq": _awq}


def _steps(weight: Any) -> tuple[Any, Any]:
    """Give the steps of WEIGHT from 0 to 15, 8 standing for 0, and the scales of its groups, outputs x groups."""
    wide = weight.float()
    scale = wide.view(wide.shape[0], -1, GROUP).abs().amax(2) / 7
    return (wide / scale.repeat_interleave(GROUP, 1)).round().clamp(-8, 7).long() + 8, scale


def _packed(steps: Any) -> Any:
    """Put the eight STEPS of the last dimension into one int32, the first one lowest."""
    import torch

    whole = (steps << (torch.arange(8) * 4)).sum(-1)
    return torch.where(whole >= 1 << 31, whole - (1 << 32), whole).int()
