"""What was got: facts read off the loaded model and the realised inputs, never off the request.

Some facts exist only while the model runs (the cache's class, the mask that arrives, autocast). They are read by hooks that ride
on the first call and are gone before anything is timed.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loading import Loaded

_CACHES = {"DynamicCache": "dynamic", "StaticCache": "static", "QuantizedCache": "quantized", "EncoderDecoderCache": "dynamic"}
_QUANTIZED_LINEARS = {"Linear8bitLt": "bnb-int8", "Linear4bit": "bnb-4bit", "QLinear": "quanto"}
NOT_AXES = frozenset({"model", "task", "scenario", "environment", "page_cache"})
_MASK_RANK = 2


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
        "attention": _joined(sorted(set(_attention(model).values()))),
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
    return _joined(sorted(found)) or "none"


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
    return _joined(sorted(devices))


def _joined(values: list[str]) -> str:
    return "+".join(values)


@contextmanager
def riding_along(loaded: Loaded, facts: dict[str, Json]) -> Iterator[None]:
    """Read into FACTS what arrives at the model's forward while the block runs."""

    def before(_module: Any, _arguments: Any, options: Mapping[str, Any]) -> None:
        if "mask" in facts:
            return  # the first pass decides: prefill, or the only forward
        facts["mask"] = _mask(options.get("attention_mask"))
        facts["autocast"] = _autocast(loaded.device)
        if "past_key_values" in options or "use_cache" in options:
            cache = options.get("past_key_values")
            facts["cache"] = "none" if cache is None else _CACHES.get(type(cache).__name__, type(cache).__name__)
            facts["depth"] = 0 if cache is None else int(cache.get_seq_length())

    hook = loaded.model.register_forward_pre_hook(before, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def _mask(mask: Any) -> str:
    if mask is None:
        return "none"
    return "padding" if mask.dim() == _MASK_RANK else "explicit"


def _autocast(device: str) -> str:
    import torch

    kind = device.partition(":")[0]
    return str(torch.get_autocast_dtype(kind)).removeprefix("torch.") if torch.is_autocast_enabled(kind) else "none"


def of_generation(tokens: Any, prompt: int) -> dict[str, Json]:
    """Count the tokens that a generation really gave, a sequence."""
    return {"realised_new_tokens": int(tokens.shape[-1]) - prompt}


def of_inputs(tensors: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Json]:
    """Count what the inputs really hold: items, text tokens a sequence, images and their size."""
    facts: dict[str, Json] = {"batch_size": int(next(iter(tensors.values())).shape[0])}
    if "input_ids" in tensors:
        ids = tensors["input_ids"]
        mask = tensors.get("attention_mask")
        each = [int(ids.shape[1])] * int(ids.shape[0]) if mask is None else [int(row) for row in mask.sum(dim=1)]
        facts["realised_prompt_tokens"] = facts["prompt_tokens"] = each[0] if len(set(each)) == 1 else sum(each) / len(each)
        facts["prompt_units"] = sum(each)
        facts["padded_prompt_tokens"] = int(ids.numel())
    if "images" in raw:
        sizes = {f"{image.width}x{image.height}" for image in raw["images"]}
        facts["images"] = len(raw["images"]) // int(next(iter(tensors.values())).shape[0])
        facts["image_size"] = _joined(sorted(sizes))
    return facts


def of_outputs(outputs: Any, tensors: Mapping[str, Any]) -> dict[str, Json]:
    """Tell whether a forward computed the logits of all positions or of the last only."""
    logits = getattr(outputs, "logits", None)
    if logits is None or "input_ids" not in tensors or logits.dim() <= _MASK_RANK:
        return {"logits_positions": "none" if logits is None else "one an item"}
    return {"logits_positions": "all" if logits.shape[1] == tensors["input_ids"].shape[1] else str(int(logits.shape[1]))}


def refuse_differences(requested: Mapping[str, Json], observed: Mapping[str, Json]) -> None:
    """Raise Refused where an axis that was asked for is not what was observed. Only `auto` may differ.

    `sdpa:math` asks for the kernel too; which one ran is seen in a pass of its own, and compared there.
    """
    wrong = []
    for axis, asked in requested.items():
        wanted = asked.partition(":")[0] if axis == "attention" and isinstance(asked, str) else asked
        wanted = _indexed(wanted) if axis == "device" else wanted
        if axis not in NOT_AXES and wanted != "auto" and observed.get(axis) != wanted:
            seen = observed.get(axis, "nothing that could be observed")
            wrong.append(f"{axis} {asked!r} was asked for and {seen!r} was got")
    if wrong:
        raise Refused("; ".join(wrong), ReasonCode.NOT_AS_REQUESTED)


def _indexed(device: Json) -> Json:
    """Spell an accelerator's first device as torch does: cuda means cuda:0."""
    return f"{device}:0" if device in {"cuda", "xpu"} else device


def spell_as_requested(requested: Mapping[str, Json], observed: Mapping[str, Json]) -> dict[str, Json]:
    """Give what was observed in the suite's spelling, where both say the same (`cuda` for `cuda:0`)."""
    asked = requested.get("device")
    return {"device": asked} if asked in {"cuda", "xpu"} and observed.get("device") == _indexed(asked) else {}
