"""How a loaded model is quantized: read off its layers, never off the config that it was loaded with."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bench.domain.values import Json
from bench.worker import quantization
from bench.worker.network import components
from bench.worker.precision import layers
from bench.worker.precision.layers import Layer

_PLAIN = frozenset({"Parameter", "Tensor"})


def method_of(layer: Layer) -> str:
    """Name what quantized LAYER: a method, `none`, or the class of what holds its weights where no method does it so."""
    if layer.module is None:
        return "none"
    found = next((name for name in quantization.names() if quantization.find(name).recognises(layer.module)), None)
    if found is not None:
        return found
    weight = getattr(layer.module, "weight", None)
    weight = getattr(weight, "_local_tensor", weight)  # of ranks that share a layer, what this one holds
    kind = type(weight).__name__
    return "none" if weight is not None and kind in _PLAIN and weight.is_floating_point() else kind


def methods(model: Any) -> dict[Layer, str]:
    """Give every linear layer of MODEL with what quantized it."""
    return {layer: method_of(layer) for layer in layers.of(model)}


def facts(model: Any) -> dict[str, Json]:
    """Read off MODEL the method, and where there is one how much it took: in all, by component, and what it left.

    A share is of linear layers: by number, and by their weights. Layers of fused experts and Conv1D are among them.
    """
    found = methods(model)
    taken = {layer for layer, method in found.items() if method != "none"}
    seen = sorted({found[layer] for layer in taken})
    told: dict[str, Json] = {"quantization": _name(model, seen), "quantized_share": _share(taken, found, _number)}
    if not taken:
        return told
    part_of = {layer: components.of_name(model, f"{layer.name}.weight") for layer in found}
    by_part = {
        part: _share(taken & (mine := {layer for layer in found if part_of[layer] == part}), mine, _number)
        for part in sorted(set(part_of.values()))
    }
    compute = sorted({str(dtype).removeprefix("torch.") for layer in taken if (dtype := _compute(layer)) is not None})
    return {
        **told,
        "quantized_share_of_weights": _share(taken, found, _weights),
        "quantized_share_by_component": by_part,
        "quantized_layers": "+".join(seen),
        "high_precision_modules": list(_left([one.name for one in found if one not in taken], {one.name for one in taken})),
        **({"quantization_compute_dtype": "+".join(compute)} if compute else {}),
    }


def _name(model: Any, seen: list[str]) -> str:
    """Name the method as the axis does: a checkpoint that was quantized before it was loaded is `checkpoint`, whatever did it."""
    quantizer = getattr(model, "hf_quantizer", None)
    if seen and quantizer is not None and quantizer.pre_quantized:
        return "checkpoint"
    return "+".join(seen) or "none"


def _compute(layer: Layer) -> Any:
    return getattr(layer.module, "compute_dtype", None)


def _number(layer: Layer) -> int:
    return layer.number


def _weights(layer: Layer) -> int:
    return layer.parameters


def _share(taken: Iterable[Layer], of: Iterable[Layer], size: Any) -> float:
    """Give the part of the layers OF that TAKEN are, 0 where there are none."""
    whole = sum(size(layer) for layer in of)
    return sum(size(layer) for layer in taken) / whole if whole else 0.0


def grouped(names: Iterable[str]) -> tuple[str, ...]:
    """Give NAMES with a * for each number, those that become equal once."""
    return tuple(dict.fromkeys(map(_starred, names)))


def _starred(name: str) -> str:
    return re.sub(r"(?<![^.])\d+(?![^.])", "*", name)


def _left(names: Iterable[str], taken: Iterable[str]) -> tuple[str, ...]:
    """Give NAMES, grouped where none of a group is among those TAKEN."""
    mixed = set(grouped(taken))
    return tuple(dict.fromkeys(name if _starred(name) in mixed else _starred(name) for name in names))


def spelled(asked: Mapping[str, Json], observed: Mapping[str, Json]) -> dict[str, Json]:
    """Spell what was OBSERVED with the keys of the mapping ASKED: method and compute dtype. What it skips was seen on loading."""
    compute = asked.get("compute_dtype")
    seen: dict[str, Json] = {
        "method": observed.get("quantization"),
        "skip": asked.get("skip"),
        "compute_dtype": compute if compute == "auto" else observed.get("quantization_compute_dtype"),
    }
    return {key: seen[key] for key in asked}
