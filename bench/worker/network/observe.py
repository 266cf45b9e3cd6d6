"""What was got: facts read off the loaded model and the realised inputs, never off the request.

Some facts exist only while the model runs (the cache's class, the mask that arrives, autocast). They are read by hooks that ride
on the first call and are gone before anything is timed.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.domain import lengths
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.network import attention, returned
from bench.worker.precision import casting, quantized

_CACHES = {"DynamicCache": "dynamic", "StaticCache": "static", "QuantizedCache": "quantized"}
NOT_AXES = frozenset({"model", "task", "num_labels", "scenario", "environment", "page_cache", "capacity", "endurance", "requests"})
_LISTED: Mapping[str, str] = {
    "prompt_tokens": "prompt_lengths",
    "images": "images_of_items",
    "image_size": "image_sizes",
    "video_frames": "video_frames_of_items",
    "audio_seconds": "audio_seconds_of_items",
}
"""Axes that take distributions, and the fact that lists what was realised where items differ."""
_MOOT = (("ranks", 1, "parallel"), ("workers", 0, "prefetch"), ("batching", "packed", "mask"), ("prompt_tokens", 0, "mask"))
"""An axis and its value, and the axis that means nothing beside it."""
_MASK_RANK = 2
_CACHE_NAMES = ("past_key_values", "cache_params")


def of_model(loaded: Loaded) -> dict[str, Json]:
    """Read classes, dtype, quantization, attention, device, engine and placement off the loaded model."""
    import torch

    model, processor = loaded.model, loaded.processor
    dtypes = _dtypes(model)
    parts = {type(getattr(processor, name)).__name__ for name in ("tokenizer", "image_processor") if hasattr(processor, name)}
    facts: dict[str, Json] = {
        "model_class": type(model).__name__,
        "processor_class": type(processor).__name__,
        "processor_parts": sorted(parts),
        "dtype": dtypes[0],
        "dtypes": list(dtypes),
        **quantized.facts(model),
        "attention": joined(sorted(set(_attention(model).values()))),
        "attention_by_component": _attention(model),
        "engine": _engine(model),
        "device": _device(model),
        "device_map": "none",
        "ranks": torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1,
        "threads": torch.get_num_threads(),
        "training": bool(model.training),
        "grad_mode": "inference" if torch.is_inference_mode_enabled() else "enabled" if torch.is_grad_enabled() else "no_grad",
        "environment": sys.executable,
        **returned.by_config(model),
        **loaded.facts,
    }
    tokenizer = getattr(processor, "tokenizer", processor if hasattr(processor, "convert_tokens_to_ids") else None)
    if tokenizer is not None:
        facts["tokenizer_class"] = type(tokenizer).__name__
    image_processor = getattr(processor, "image_processor", processor if hasattr(processor, "image_mean") else None)
    if image_processor is not None:
        facts["processor_backend"] = _backend(image_processor)
    return facts


def _backend(image_processor: Any) -> str:
    """Give the library that IMAGE_PROCESSOR resizes with, by the class that it is made from; one from elsewhere by its own name."""
    kinds = {kind.__name__ for kind in type(image_processor).__mro__}
    return "pil" if "PilBackend" in kinds else "torchvision" if "TorchvisionBackend" in kinds else type(image_processor).__name__


def _dtypes(model: Any) -> list[str]:
    """Give the dtypes of MODEL's floating-point parameters, the one that holds most bytes first. Those of a byte are quantized."""
    held: dict[str, int] = {}
    for parameter in model.parameters():
        if parameter.is_floating_point() and parameter.element_size() > 1:
            name = str(parameter.dtype).removeprefix("torch.")
            held[name] = held.get(name, 0) + parameter.numel() * parameter.element_size()
    return sorted(held, key=lambda name: -held[name]) or ["none"]


def _attention(model: Any) -> dict[str, str]:
    """Give the attention implementation of every sub-model that has one, by its name; the whole is called `model`."""
    from transformers import PreTrainedModel

    found = {}
    for name, module in model.named_modules():
        if isinstance(module, PreTrainedModel):
            found[name or "model"] = attention.spelled(str(module.config._attn_implementation))  # noqa: SLF001 -- there is no public one
    towers = {name: value for name, value in found.items() if name != "model"}
    return towers or found


def _engine(model: Any) -> str:
    import torch

    whole = isinstance(model, torch._dynamo.eval_frame.OptimizedModule) or model._compiled_call_impl is not None  # noqa: SLF001
    compiled = whole or hasattr(vars(model).get("forward"), "_torchdynamo_orig_callable")
    return "compile" if compiled else "eager"


def _device(model: Any) -> str:
    devices = {str(parameter.device) for parameter in model.parameters()}
    return joined(sorted(devices - {"meta"} or devices))  # what is offloaded is there between two calls; `placed_bytes` has it


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
        facts["autocast"] = autocast(loaded.device)
        if options.keys() & {*_CACHE_NAMES, "use_cache"}:
            cache = next((options[name] for name in _CACHE_NAMES if options.get(name) is not None), None)
            facts["cache"] = "none" if cache is None else _cache(cache)
            facts["depth"] = 0 if cache is None else _depth(cache)

    hooks = [module.register_forward_pre_hook(before, with_kwargs=True) for module in generating(loaded.model)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _cache(cache: Any) -> str:
    """Name CACHE as the axis does: of an encoder with a decoder it is the decoder's own."""
    own = getattr(cache, "self_attention_cache", cache)
    kind = "offloaded" if getattr(own, "offloading", False) is True else type(own).__name__
    return _CACHES.get(kind, kind)


def _depth(cache: Any) -> int:
    """Give the tokens that CACHE holds. States of linear attention alone hold none that could be counted."""
    try:
        return int(cache.get_seq_length())
    except ValueError:
        return 0


def generating(model: Any) -> list[Any]:
    """Give the whole MODEL and parts of it that generate by themselves: BLIP hands a generation over to its decoder."""
    from transformers import PreTrainedModel

    return [part for part in model.modules() if part is model or (isinstance(part, PreTrainedModel) and part.can_generate())]


def mask_of(mask: Any) -> str:
    """Name a MASK as the axis does; one by kind of layer, as a generation with a static cache prepares them, by what is in it."""
    if isinstance(mask, Mapping):
        mask = next((one for one in mask.values() if one is not None), None)
    if mask is None:
        return "none"
    return "padding" if mask.dim() == _MASK_RANK else "explicit"


def autocast(device: str) -> str:
    """Name the dtype of the autocast that this is inside of, `none` where there is none."""
    import torch

    kind = device.partition(":")[0]
    return str(torch.get_autocast_dtype(kind)).removeprefix("torch.") if torch.is_autocast_enabled(kind) else "none"


def of_outputs(outputs: Any, tensors: Mapping[str, Any]) -> dict[str, Json]:
    """Tell whether a forward computed the logits of all positions or of the last only, and in which dtype it gave its outputs."""
    logits = getattr(outputs, "logits", None)
    dtype = casting.dtype_of(outputs)
    facts: dict[str, Json] = {} if dtype is None else {"output_dtype": dtype}
    read = next((tensors[name] for name in ("decoder_input_ids", "input_ids") if name in tensors), None)
    if logits is None or read is None or logits.dim() <= _MASK_RANK:
        return {**facts, "logits_positions": "none" if logits is None else "one an item"}
    return {**facts, "logits_positions": "all" if logits.shape[1] == read.shape[1] else str(int(logits.shape[1]))}


def refuse_differences(requested: Mapping[str, Json], observed: Mapping[str, Json]) -> None:
    """Raise Refused where an axis that was asked for is not what was observed. Only `auto` may differ.

    `sdpa:math` asks for the kernel too; which one ran is seen in a pass of its own, and compared there. One rank shares the model
    with none, so that `parallel` then means nothing; where no process loads ahead `prefetch` does, of texts that are packed
    the borders are in their positions and not in a `mask`, and without text there is none.
    """
    wrong = []
    moot = NOT_AXES | {axis for name, value, axis in _MOOT if requested.get(name) == value}
    for axis, asked in requested.items():
        wanted = asked.partition(":")[0] if axis == "attention" and isinstance(asked, str) else asked
        if axis in _LISTED and _follows(axis, asked, observed):
            continue
        if axis == "device" and _indexed(wanted) == _indexed(observed.get(axis)):
            continue
        if axis not in moot and wanted != "auto" and observed.get(axis) != wanted:
            seen = observed.get(axis, "nothing that could be observed")
            seen = observed.get(_LISTED[axis], seen) if axis in _LISTED else seen
            wrong.append(f"{axis} {_told(asked)} was asked for and {_told(seen)} was got")
    stored, dtypes = observed.get("checkpoint_dtype"), observed.get("dtypes")
    if requested.get("dtype") == "auto" and stored and isinstance(dtypes, list) and stored not in dtypes:
        wrong.append(f"dtype auto is the checkpoint's {stored!r} and {observed.get('dtype')!r} was got")
    if wrong:
        raise Refused("; ".join(wrong), ReasonCode.NOT_AS_REQUESTED)


def _told(value: Json) -> str:
    return repr(value) if isinstance(value, str) else json.dumps(value)


def _follows(axis: str, asked: Json, observed: Mapping[str, Json]) -> bool:
    """Tell whether ASKED is a distribution and everything realised of AXIS one that it gives."""
    if not lengths.is_mixed(asked):
        return False
    got = observed.get(_LISTED[axis], [observed.get(f"realised_{axis}", observed.get(axis))])
    return isinstance(got, list | dict) and all(lengths.allows(asked, one) for one in got)


def _indexed(device: Json) -> Json:
    """Spell an accelerator's first device as torch does: cuda means cuda:0."""
    return f"{device}:0" if device in {"cuda", "xpu"} else device


def spell_as_requested(requested: Mapping[str, Json], observed: Mapping[str, Json]) -> dict[str, Json]:
    """Give what was observed in the suite's spelling, where both say the same (`cuda` for `cuda:0`, lengths of a distribution)."""
    asked, quantization = requested.get("device"), requested.get("quantization")
    same: dict[str, Json] = {axis: requested[axis] for axis in _LISTED if _follows(axis, requested.get(axis), observed)}
    if isinstance(quantization, Mapping):
        same["quantization"] = quantized.spelled(quantization, observed)
    return {**same, "device": asked} if asked in {"cuda", "xpu"} and observed.get("device") == _indexed(asked) else same
