"""How a case generates: the options of transformers' generate that its axes mean, and what cannot be had together.

Everything is said outright, for what is left open is filled in from the model's own generation config: a `top_k` of 50, say. Where
tokens are drawn, every generation begins from the trial's seed, so that each draws the same ones.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from inspect import signature
from typing import Any, cast

from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.failures import Refused

GREEDY = "greedy"
_MEDIA = frozenset({Trait.IMAGE, Trait.VIDEO, Trait.AUDIO})
_IMPLEMENTATIONS = {"static": "static", "offloaded": "offloaded", "quantized": "quantized"}


def options(loaded: Any, requested: Mapping[str, Json]) -> dict[str, Any]:
    """Give what LOADED's generate is called with. The model's own generation config is changed too: it would fill in again."""
    from transformers import GenerationConfig

    own, until_end = loaded.model.generation_config, requested.get("stop", "fixed") == "eos"
    end, pad = own.eos_token_id, own.pad_token_id
    pad = pad if pad is not None else (end[0] if isinstance(end, list) else end) or 0
    own.pad_token_id = pad
    if not until_end:
        own.eos_token_id = own.forced_eos_token_id = end = None
    cache, depth, new = requested["cache"], requested.get("depth", 0), requested["new_tokens"]
    chunk = requested.get("prefill_chunk", "none")
    config = GenerationConfig(
        max_new_tokens=new,
        min_new_tokens=None if until_end else new,  # without an end token this costs nothing; BLIP names one past this config
        num_beams=requested.get("num_beams", 1),
        eos_token_id=end,
        pad_token_id=pad,
        use_cache=cache != "none",
        cache_implementation=None if depth else _IMPLEMENTATIONS.get(str(cache)),
        cache_config={"backend": "quanto"} if cache == "quantized" and not depth else None,
        prefill_chunk_size=None if chunk == "none" else chunk,
        disable_compile=True,  # transformers would compile the steps of a static cache by itself: that is the engine's to say
        **_choosing(requested.get("sampling", GREEDY)),
    )
    drafting = {} if loaded.draft is None else {"assistant_model": loaded.draft}
    return {"generation_config": config, **drafting, **_beside_config(loaded.model, config)}


def _beside_config(model: Any, config: Any) -> dict[str, Any]:
    """Give what MODEL's generate is told beside CONFIG: Whisper's draws only where a temperature is an argument."""
    if config.do_sample and "temperature" in signature(model.generate).parameters:
        return {"temperature": config.temperature}
    return {}


def _choosing(asked: Json) -> dict[str, Any]:
    """Give how the next token is chosen."""
    if not isinstance(asked, Mapping):
        return {"do_sample": False}
    kept = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, **asked}
    return {"do_sample": True, **{name: float(cast("float", value)) if name != "top_k" else value for name, value in kept.items()}}


def reseed(requested: Mapping[str, Json]) -> None:
    """Begin from the trial's seed again, where tokens are drawn."""
    if requested.get("sampling", GREEDY) != GREEDY:
        import torch

        torch.manual_seed(torch.initial_seed())


def refuse(loaded: Any, traits: frozenset[Trait], requested: Mapping[str, Json]) -> None:
    """Raise Refused where LOADED cannot generate as REQUESTED, with what stands against it."""
    if Trait.GENERATES not in traits:
        return
    for said, code in _against(loaded, traits, requested):
        raise Refused(said, code)


def _against(loaded: Any, traits: frozenset[Trait], requested: Mapping[str, Json]) -> list[tuple[str, ReasonCode]]:
    model, cache = loaded.model, requested["cache"]
    name, no_cache = type(model).__name__, cache == "none"
    translates = bool(model.config.is_encoder_decoder)
    found: list[tuple[bool, str]] = [
        (
            cache == "quantized" and translates,
            f"cache quantized: {name} has an encoder, and transformers' quantized cache holds no such model",
        ),
        (requested.get("stop") == "eos" and model.generation_config.eos_token_id is None, f"stop eos: {name} names no end token"),
    ]
    for axis, default in (("depth", 0), ("prefill_chunk", "none")):
        if requested.get(axis, default) != default:
            found.append((no_cache, f"{axis} {requested[axis]}: without a cache there is nothing to fill"))
            found.append(
                (translates, f"{axis} {requested[axis]}: the decoder of {name} begins with one token, its encoder reads the prompt")
            )
            found.append(
                (
                    bool(traits & _MEDIA),
                    f"{axis} {requested[axis]}: what {name} reads beside text goes in with the first pass whole",
                )
            )
    if requested.get("depth", 0):
        found += [(bool(said), said) for said in _against_depth(requested)]
    if requested.get("draft", "none") != "none":
        found += [(bool(said), said) for said in _against_draft(requested)]
    missing = _against_library(loaded, cache)
    return missing + [(said, ReasonCode.NOT_IN_CLASS) for wrong, said in found if wrong]


def _against_library(loaded: Any, cache: Json) -> list[tuple[str, ReasonCode]]:
    if cache == "quantized" and find_spec("optimum.quanto" if find_spec("optimum") else "optimum") is None:
        said = "cache quantized needs optimum-quanto (pip install 'transformers-bench[quanto]')"
        return [(said, ReasonCode.MISSING_PACKAGE)]
    if cache == "offloaded" and loaded.device == "cpu":
        return [("cache offloaded moves keys and values to the host, and on a CPU they are there", ReasonCode.NO_DEVICE)]
    return []


def _against_depth(requested: Mapping[str, Json]) -> list[str]:
    """Say what the case asks for beside a depth and cannot have with it."""
    said = [
        f"depth with {axis} {requested[axis]}"
        for axis, plain in (("num_beams", 1), ("draft", "none"))
        if requested.get(axis, plain) != plain
    ]
    if requested.get("mask") == "explicit":
        said.append("depth with mask explicit")
    return [f"{one}: the filled cache holds one row a sequence, as its mask does" for one in said]


def _against_draft(requested: Mapping[str, Json]) -> list[str]:
    """Say what the case asks for beside a draft model and transformers' assisted generation does not take."""
    wanted = (("batch_size", 1), ("cache", "dynamic"), ("num_beams", 1), ("prefill_chunk", "none"))
    return [
        f"draft with {axis} {requested[axis]}: assisted generation takes {axis} {plain} only"
        for axis, plain in wanted
        if requested.get(axis, plain) != plain
    ]
