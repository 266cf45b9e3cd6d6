"""The linear layers of a model, whatever class they have: those that could be quantized, and those that nothing quantizes.

GPT-2's Conv1D is a linear layer with its weights the other way round; a mixture of experts keeps those of all experts in one tensor
of three dimensions, which stands for one layer an expert. Both are counted, since quantizers leave them out without a word.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_EXPERTS = 3
"""Dimensions of a tensor that holds a layer for each expert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A linear layer called `name`, from `inputs` to `outputs` features; `number` of them where experts share a tensor.

    `kind` is for people: the name of its class, or `fused experts`. `module` is the layer, None for experts, which are none.
    """

    name: str
    kind: str
    inputs: int
    outputs: int
    module: Any = None
    number: int = 1

    @property
    def parameters(self) -> int:
        """Weights, without biases."""
        return self.number * self.inputs * self.outputs


def of(model: Any) -> tuple[Layer, ...]:
    """Give the linear layers of MODEL, which may be on the meta device, in its own order."""
    return tuple(layer for name, module in model.named_modules() for layer in _of_module(name, module))


def _of_module(name: str, module: Any) -> Iterator[Layer]:
    kind = type(module).__name__
    if kind == "Conv1D" and getattr(module, "weight", None) is not None:
        inputs, outputs = module.weight.shape
        yield Layer(name=name, kind=kind, inputs=inputs, outputs=outputs, module=module)
    elif hasattr(module, "in_features") and hasattr(module, "out_features"):
        yield Layer(name=name, kind=kind, inputs=module.in_features, outputs=module.out_features, module=module)
    elif "Expert" in kind:
        for short, tensor in module.named_parameters(recurse=False):
            if tensor.dim() == _EXPERTS:
                number, outputs, inputs = tensor.shape
                yield Layer(name=f"{name}.{short}", kind="fused experts", inputs=inputs, outputs=outputs, number=number)
