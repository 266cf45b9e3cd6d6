"""How a loaded model is quantized: read off its layers, never off the config that it was loaded with."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.domain.values import Json
from bench.worker import quantization
from bench.worker.network import components
from bench.worker.parallel import sharing
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was read off one layer: how many it counts as, its weights, its part of the model, and what it computes in."""

    name: str
    number: int
    parameters: int
    method: str
    part: str
    compute_dtype: str | None

    @property
    def is_taken(self) -> bool:
        """Whether something quantized it."""
        return self.method != "none"


def facts(model: Any) -> dict[str, Json]:
    """Read off MODEL the method, and where there is one how much it took: in all, by component, and what it left.

    A share is of linear layers: by number, and by their weights. Layers of fused experts and Conv1D are among them, and of a
    pipeline those of every stage.
    """
    every = sharing.of_all_stages(model, [_seen(model, layer, method) for layer, method in methods(model).items()])
    names = {one.name for one in every if one.is_taken}
    found = sorted({one.method for one in every if one.is_taken})
    told: dict[str, Json] = {"quantization": _name(model, found), "quantized_share": _share(every, _number)}
    if not found:
        return told
    parts = {part: [one for one in every if one.part == part] for part in sorted({one.part for one in every})}
    compute = sorted({one.compute_dtype for one in every if one.is_taken and one.compute_dtype is not None})
    return {
        **told,
        "quantized_share_of_weights": _share(every, _weights),
        "quantized_share_by_component": {part: _share(own, _number) for part, own in parts.items()},
        "quantized_layers": "+".join(found),
        "high_precision_modules": list(_left([one.name for one in every if not one.is_taken], names)),
        **({"quantization_compute_dtype": "+".join(compute)} if compute else {}),
    }


def _seen(model: Any, layer: Layer, method: str) -> Seen:
    compute = getattr(layer.module, "compute_dtype", None)
    return Seen(
        name=layer.name,
        number=layer.number,
        parameters=layer.parameters,
        method=method,
        part=components.of_name(model, f"{layer.name}.weight"),
        compute_dtype=None if compute is None else str(compute).removeprefix("torch."),
    )


def _name(model: Any, seen: list[str]) -> str:
    """Name the method as the axis does: a checkpoint that was quantized before it was loaded is `checkpoint`, whatever did it."""
    quantizer = getattr(model, "hf_quantizer", None)
    if seen and quantizer is not None and quantizer.pre_quantized:
        return "checkpoint"
    return "+".join(seen) or "none"


def _number(one: Seen) -> int:
    return one.number


def _weights(one: Seen) -> int:
    return one.parameters


def _share(of: Iterable[Seen], size: Callable[[Seen], int]) -> float:
    """Give the part of the layers OF that was taken, 0 where there are none."""
    every = tuple(of)
    whole = sum(map(size, every))
    return sum(size(one) for one in every if one.is_taken) / whole if whole else 0.0


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
