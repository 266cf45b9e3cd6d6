"""What a model stores: every plain tensor in memory behind its parameters, its quantization state and its buffers.

`get_memory_footprint` of transformers sums what parameters say of themselves, which for most quantized ones is the size before.
Here parameters are taken apart: tensor subclasses into the tensors that they wrap, those of bitsandbytes into codes and state, and
packed layers that have no parameters any more into what they unpack to.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.worker.network import compressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A plain tensor that a model holds under NAME.

    `elements` is the number of parameters that it stands for, 0 for state beside another piece and for buffers: a byte of 4-bit
    weights stands for two. A `shard` is one rank's part of a parameter: the storage that it lies in may be the mapped whole.
    """

    name: str
    tensor: Any
    elements: int = 0
    trainable: bool = False
    buffer: bool = False
    shard: bool = False


def of(model: Any) -> tuple[Piece, ...]:
    """Give every piece of MODEL, what is tied once. Pieces may share storages; `sized` tells each storage once."""
    seen: set[int] = set()
    return tuple(piece for name, module in model.named_modules() for piece in _of_module(name, module, seen))


def held(model: Any) -> Iterator[Any]:
    """Give the plain tensors behind MODEL's parameters alone."""
    return (part for parameter in model.parameters() for part in plain(parameter))


def sized(pieces: Iterable[Piece]) -> Iterator[tuple[Piece, int]]:
    """Give PIECES, which the caller holds, with the bytes of their storages: those of one that came before are 0.

    Tensors on the meta device have no storage and are told by their form.
    """
    seen: set[object] = set()
    for piece in pieces:
        key, size = _shard(piece.tensor) if piece.shard else _storage(piece.tensor)
        new = key not in seen
        seen.add(key)
        yield piece, size if new else 0


def plain(tensor: Any) -> Iterator[Any]:
    """Give the tensors with memory of their own that TENSOR wraps, itself where it wraps none."""
    flatten = getattr(tensor, "__tensor_flatten__", None)
    if flatten is None:
        yield tensor
        return
    for name in flatten()[0]:
        part = getattr(tensor, name)
        if hasattr(part, "untyped_storage"):  # one that is shared by ranks names their mesh here too
            yield from plain(part)


def _shard(tensor: Any) -> tuple[object, int]:
    return (tensor.data_ptr() or id(tensor), str(tensor.device)), tensor.numel() * tensor.element_size()


def _storage(tensor: Any) -> tuple[object, int]:
    if tensor.is_meta:
        return id(tensor), tensor.numel() * tensor.element_size()
    storage = tensor.untyped_storage()
    return (storage.data_ptr() or id(tensor), str(tensor.device)), storage.nbytes()


def _of_module(name: str, module: Any, seen: set[int]) -> Iterator[Piece]:
    """Give the pieces of MODULE alone, not of the modules inside."""
    prefix = f"{name}." if name else ""
    for short, parameter in module._parameters.items():  # noqa: SLF001 -- torch's own way skips what is no parameter any more
        if parameter is not None and id(parameter) not in seen:
            seen.add(id(parameter))
            yield from _of_parameter(f"{prefix}{short}", parameter, compressed.elements(module, short))
    for short, buffer in module._buffers.items():  # noqa: SLF001 -- see above
        if buffer is not None and id(buffer) not in seen:
            seen.add(id(buffer))
            yield from _of_buffer(f"{prefix}{short}", module, buffer)
    if _is_of_bitsandbytes(state := getattr(module, "state", None)):
        for part in _state(state):
            yield Piece(name=f"{prefix}weight", tensor=part)
    if hasattr(module, "_weight_bias") and hasattr(module, "in_features"):
        yield from _of_packed(prefix, module)


def _of_parameter(name: str, parameter: Any, elements: int | None) -> Iterator[Piece]:
    """Give the pieces of a PARAMETER that stands for so many ELEMENTS; None where its own form tells."""
    state = getattr(parameter, "quant_state", None)
    if elements is None:
        elements = parameter.numel() if state is None else math.prod(state.shape)
    shard = hasattr(parameter, "_local_tensor")
    for part in plain(parameter):
        yield Piece(name=name, tensor=part, elements=elements, trainable=parameter.requires_grad, shard=shard)
        elements = 0
    for held in (state, *(getattr(parameter, short, None) for short in ("CB", "SCB"))):
        for part in _state(held):
            yield Piece(name=name, tensor=part)


def _of_buffer(name: str, module: Any, buffer: Any) -> Iterator[Piece]:
    """Give the pieces of a BUFFER of MODULE. Those of a packed layer are its weights, and one of them stands for all."""
    packed = holds_packed_buffers(module)
    elements = module.in_features * module.out_features if packed and name.rpartition(".")[2] == "qweight" else 0
    for part in plain(buffer):
        yield Piece(name=name, tensor=part, elements=elements, buffer=not packed)
        elements = 0


def _state(held: Any) -> Iterator[Any]:
    """Give the tensors in HELD: one, or what bitsandbytes keeps in an object of its own, which may hold another one."""
    import torch

    if isinstance(held, torch.Tensor):
        yield from plain(held)
    elif _is_of_bitsandbytes(held):
        for value in vars(held).values():
            yield from _state(value)


def _is_of_bitsandbytes(held: Any) -> bool:
    return type(held).__module__.startswith("bitsandbytes")


def _of_packed(prefix: str, module: Any) -> Iterator[Piece]:
    """Give what a layer of torch's dynamic quantization unpacks to: the packed form itself does not tell its size."""
    weight, bias = module._weight_bias()  # noqa: SLF001 -- there is no public one
    yield Piece(name=f"{prefix}weight", tensor=weight, elements=weight.numel())
    if bias is not None:
        yield Piece(name=f"{prefix}bias", tensor=bias, elements=bias.numel())


def holds_packed_buffers(module: Any) -> bool:
    """Tell whether MODULE is a linear layer whose weights are in buffers: those of GPTQ and AWQ checkpoints are."""
    return "Linear" in type(module).__name__ and "qweight" in module._buffers and hasattr(module, "in_features")  # noqa: SLF001
