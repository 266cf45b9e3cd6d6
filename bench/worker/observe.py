"""What was got: facts read off the loaded model and the realised inputs, never off the request.

Some facts exist only while the model runs (the cache's class, the mask that arrives, autocast). They are read by hooks that ride
on the first call and are gone before anything is timed.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.domain import lengths
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loading import Loaded

_CACHES = {"DynamicCache": "dynamic", "StaticCache": "static", "QuantizedCache": "quantized"}
_QUANTIZED_LINEARS = {"Linear8bitLt": "bnb-int8", "Linear4bit": "bnb-4bit", "QLinear": "quanto"}
NOT_AXES = frozenset({"model", "task", "scenario", "environment", "page_cache"})
_MASK_RANK = 2
_CACHE_NAMES = ("past_key_values", "cache_params")


def of_model(loaded: Loaded) -> dict[str, Json]:
    """Read classes, dtype, quantization, attention, device, engine and placement off the loaded model."""
    import torch

    model, processor = loaded.model, loaded.processor
    parts = {type(getattr(processor, name)).__name__ for name in ("tokenizer", "image_processor") if hasattr(processor, name)}
    facts: dict[str, Json] = {
        "model_class": type(model).__name__,
        "processor_class": type(processor).__name__,
        "processor_parts": sorted(parts),
        "dtype": _dtype(model),
        "quantization": _quantization(model),
        "attention": joined(sorted(set(_attention(model).values()))),
        "attention_by_component": _attention(model),
        "engine": _engine(model),
        "device": _device(model),
        "device_map": "none" if getattr(model, "hf_device_map", None) is None else "auto",
        "ranks": torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1,
        "threads": torch.get_num_threads(),
        "training": bool(model.training),
        "grad_mode": "inference" if torch.is_inference_mode_enabled() else "enabled" if torch.is_grad_enabled() else "no_grad",
        "environment": sys.executable,
        **loaded.facts,
    }
    tokenizer = getattr(processor, "tokenizer", processor if hasattr(processor, "convert_tokens_to_ids") else None)
    if tokenizer is not None:
        facts["tokenizer_class"] = type(tokenizer).__name__
    image_processor = getattr(processor, "image_processor", processor if hasattr(processor, "image_mean") else None)
    if image_processor is not None:
        facts["processor_backend"] = "pil" if type(image_processor).__name__.endswith("Pil") else "torchvision"
    return facts


def _dtype(model: Any) -> str:
    """Give the dtype that holds most bytes of floating-point parameters."""
    held: dict[str, int] = {}
    for parameter in model.parameters():
        if parameter.is_floating_point():
            name = str(parameter.dtype).removeprefix("torch.")
            held[name] = held.get(name, 0) + parameter.numel() * parameter.element_size()
    return max(held, key=lambda name: held[name]) if held else "none"


def _quantization(model: Any) -> str:
    found = {
        _QUANTIZED_LINEARS[kind] for kind in {type(module).__name__ for module in model.modules()} if kind in _QUANTIZED_LINEARS
    }
    if getattr(model, "hf_quantizer", None) is not None and not found:
        found = {str(model.hf_quantizer.quantization_config.quant_method)}
    return joined(sorted(found)) or "none"


def _attention(model: Any) -> dict[str, str]:
    """Give the attention implementation of every sub-model that has one, by its name; the whole is called `model`."""
    from transformers import PreTrainedModel

    found = {}
    for name, module in model.named_modules():
        if isinstance(module, PreTrainedModel):
            found[name or "model"] = str(module.config._attn_implementation)  # noqa: SLF001 -- there is no public one
    towers = {name: value for name, value in found.items() if name != "model"}
    return towers or found


def _engine(model: Any) -> str:
    import torch

    compiled = isinstance(model, torch._dynamo.eval_frame.OptimizedModule) or model._compiled_call_impl is not None  # noqa: SLF001
    return "compile" if compiled else "eager"


def _device(model: Any) -> str:
    devices = {str(parameter.device) for parameter in model.parameters()}
    return joined(sorted(devices))


def joined(values: list[str]) -> str:
    """Spell several values as one."""
    return "+".join(values)


@contextmanager
def riding_along(loaded: Loaded, facts: dict[str, Json]) -> Iterator[None]:
    """Read into FACTS what arrives at the model's forward while the block runs.

    The mask that arrives may be another than the one handed over: `generate` drops one of ones only.
    """

    def before(_module: Any, _arguments: Any, options: Mapping[str, Any]) -> None:
        if "mask_in_forward" in facts:
            return  # the first pass decides: prefill, or the only forward
        facts["mask_in_forward"] = mask_of(options.get("attention_mask"))
        facts["autocast"] = _autocast(loaded.device)
        if options.keys() & {*_CACHE_NAMES, "use_cache"}:
            cache = next((options[name] for name in _CACHE_NAMES if options.get(name) is not None), None)
            facts["cache"] = "none" if cache is None else _cache(cache)
            facts["depth"] = 0 if cache is None else _depth(cache)

    hooks = [module.register_forward_pre_hook(before, with_kwargs=True) for module in _generating(loaded.model)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _cache(cache: Any) -> str:
    """Name CACHE as the axis does: of an encoder with a decoder it is the decoder's own."""
    kind = type(getattr(cache, "self_attention_cache", cache)).__name__
    return _CACHES.get(kind, kind)


def _depth(cache: Any) -> int:
    """Give the tokens that CACHE holds. States of linear attention alone hold none that could be counted."""
    try:
        return int(cache.get_seq_length())
    except ValueError:
        return 0


def _generating(model: Any) -> list[Any]:
    """Give the whole MODEL and parts of it that generate by themselves: BLIP hands a generation over to its decoder."""
    from transformers import PreTrainedModel

    return [part for part in model.modules() if part is model or (isinstance(part, PreTrainedModel) and part.can_generate())]


def mask_of(mask: Any) -> str:
    """Name a MASK as the axis does."""
    if mask is None:
        return "none"
    return "padding" if mask.dim() == _MASK_RANK else "explicit"


def _autocast(device: str) -> str:
    import torch

    kind = device.partition(":")[0]
    return str(torch.get_autocast_dtype(kind)).removeprefix("torch.") if torch.is_autocast_enabled(kind) else "none"


def of_outputs(outputs: Any, tensors: Mapping[str, Any]) -> dict[str, Json]:
    """Tell whether a forward computed the logits of all positions or of the last only."""
    logits = getattr(outputs, "logits", None)
    read = next((tensors[name] for name in ("decoder_input_ids", "input_ids") if name in tensors), None)
    if logits is None or read is None or logits.dim() <= _MASK_RANK:
        return {"logits_positions": "none" if logits is None else "one an item"}
    return {"logits_positions": "all" if logits.shape[1] == read.shape[1] else str(int(logits.shape[1]))}


def refuse_differences(requested: Mapping[str, Json], observed: Mapping[str, Json]) -> None:
    """Raise Refused where an axis that was asked for is not what was observed. Only `auto` may differ.

    `sdpa:math` asks for the kernel too; which one ran is seen in a pass of its own, and compared there. One rank shares the model
    with none, so that `parallel` then means nothing.
    """
    wrong = []
    moot = NOT_AXES | {"parallel"} if requested.get("ranks") == 1 else NOT_AXES
    for axis, asked in requested.items():
        wanted = asked.partition(":")[0] if axis == "attention" and isinstance(asked, str) else asked
        wanted = _indexed(wanted) if axis == "device" else wanted
        if axis == "prompt_tokens" and _follows(asked, observed):
            continue
        if axis not in moot and wanted != "auto" and observed.get(axis) != wanted:
            seen = observed.get(axis, "nothing that could be observed")
            seen = observed.get("prompt_lengths", seen) if axis == "prompt_tokens" else seen
            wrong.append(f"{axis} {asked!r} was asked for and {seen!r} was got")
    if wrong:
        raise Refused("; ".join(wrong), ReasonCode.NOT_AS_REQUESTED)


def _follows(asked: Json, observed: Mapping[str, Json]) -> bool:
    """Tell whether ASKED is a distribution and every realised length one that it gives."""
    if not lengths.is_mixed(asked):
        return False
    got = observed.get("prompt_lengths", [observed.get("realised_prompt_tokens")])
    return isinstance(got, list) and all(lengths.allows(asked, length) for length in got)


def _indexed(device: Json) -> Json:
    """Spell an accelerator's first device as torch does: cuda means cuda:0."""
    return f"{device}:0" if device in {"cuda", "xpu"} else device


def spell_as_requested(requested: Mapping[str, Json], observed: Mapping[str, Json]) -> dict[str, Json]:
    """Give what was observed in the suite's spelling, where both say the same (`cuda` for `cuda:0`, lengths of a distribution)."""
    asked, text = requested.get("device"), requested.get("prompt_tokens")
    same: dict[str, Json] = {}
    if asked in {"cuda", "xpu"} and observed.get("device") == _indexed(asked):
        same["device"] = asked
    return {**same, "prompt_tokens": text} if _follows(text, observed) else same
