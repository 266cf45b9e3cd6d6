"""The way of a case's inputs: raw text and media in hand, through the model's own Processor, to tensors on the device."""

from collections.abc import Callable, Mapping
from typing import Any

from bench.domain import lengths
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.material import beside, parts, prompts
from bench.worker.material.making import Raw, whole


def process(loaded: Loaded, raw: Raw, requested: Mapping[str, Json], longest: int | None = None) -> Callable[[], dict[str, Any]]:
    """Give the step from RAW input in hand to tensors on the host, with what the model takes and no processor makes.

    Texts of the user's own are cut after LONGEST tokens; others are as long as the case says.
    """
    chosen = {**parts.options(loaded, raw), **_lengths(loaded, raw, requested, longest)}
    extra = beside.tensors(loaded, requested, whole(requested["batch_size"]))
    call = through(loaded, raw, chosen)
    return lambda: {**call(), **extra}


def through(loaded: Loaded, raw: Raw, chosen: Mapping[str, Any]) -> Callable[[], Mapping[str, Any]]:
    """Give the call of the processor with RAW input and the options CHOSEN."""
    if parts.joins(loaded.processor) or "text" in raw:
        return lambda: loaded.processor(**raw, **chosen)
    (only,) = raw.values()  # a part alone takes one thing, by a name of its own
    return lambda: loaded.processor(only, **chosen)


def first(process: Callable[[], dict[str, Any]], loaded: Loaded) -> dict[str, Any]:
    """Call PROCESS for the first time. Raises Refused where the processor cannot take what the case asks."""
    with parts.refusing(loaded):
        return process()


def _lengths(loaded: Loaded, raw: Raw, requested: Mapping[str, Json], longest: int | None) -> dict[str, Any]:
    """Give the options that make texts one length: cut, or where they are written to their own lengths padded to the longest."""
    if "text" not in raw:
        return {}
    held = {trait: 1 for trait, name in parts.ARGUMENTS.items() if name in raw}
    own = "prompt_tokens" not in requested
    if own or lengths.is_mixed(requested["prompt_tokens"]):
        if requested.get("mask") == "none" and requested["batch_size"] != 1:
            raise Refused("mask none: texts of different lengths need a mask, or padding counts as text", ReasonCode.INPUT_MISMATCH)
        _pad_as_needed(loaded)
        cut = own and longest is not None and not prompts.is_joined(loaded, held)
        return {"padding": True, **(_cut(raw, longest) if cut else {})}
    # Texts are of one length, so that a tokenizer without a padding token, as published decoders have, needs none.
    padding = getattr(parts.tokenizer(loaded), "pad_token", None) is not None
    if prompts.is_joined(loaded, held):
        return {"padding": padding}
    return {**_cut(raw, requested["prompt_tokens"]), "padding": padding}


def _cut(raw: Raw, tokens: Json) -> dict[str, Any]:
    """Give the options that cut texts after so many TOKENS. Beside sound they are the text's alone: an extractor has such too."""
    cut = {"truncation": True, "max_length": tokens}
    return {"text_kwargs": cut} if parts.ARGUMENTS[Trait.AUDIO] in raw else cut


def _pad_as_needed(loaded: Loaded) -> None:
    """Let the tokenizer pad on the left where the model goes on from the texts' ends, else on its own side.

    A tokenizer without a padding token pads with its end token: the mask hides it all the same.
    """
    tokenizer = parts.tokenizer(loaded)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if loaded.model.can_generate() and not loaded.model.config.is_encoder_decoder:
        tokenizer.padding_side = "left"


def to_device(loaded: Loaded, host: Mapping[str, Any]) -> Callable[[], dict[str, Any]]:
    """Give the step from tensors on the HOST to the device: those that the model takes, floating ones in its dtype."""
    import torch

    dtype, names = loaded.model.dtype, beside.taken(loaded.model)
    wanted = {name: value for name, value in host.items() if name in names}

    def move() -> dict[str, Any]:
        return {
            name: value
            if not isinstance(value, torch.Tensor)
            else value.to(loaded.device, dtype)
            if value.is_floating_point()
            else value.to(loaded.device)
            for name, value in wanted.items()
        }

    return move


def describe(tensors: Mapping[str, Any]) -> list[Json]:
    """Give name, shape, dtype and bytes of every tensor."""
    return [
        {
            "name": name,
            "shape": list(tensor.shape),
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "bytes": tensor.numel() * tensor.element_size(),
        }
        for name, tensor in tensors.items()
        if hasattr(tensor, "element_size")
    ]
