"""Inputs of a caller's own, prepared as a trial prepares its synthetic ones: through the model's own Processor."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.domain.errors import UsageError
from bench.domain.task import Trait
from bench.worker.loads.loading import Loaded
from bench.worker.material import inputs, media, parts, prompts
from bench.worker.material.prompts import Frame

_FRAME_RANK, _CLIP_RANK, _SOUND_RANK = 3, 4, 1


def prepare(loaded: Loaded, text: Any, of_media: Mapping[Trait, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Give the tensors that LOADED's model is called with, on its device and floating ones in its dtype.

    TEXT and each of OF_MEDIA is one thing or a list of them; EXTRA are tensors that no processor makes. Placeholders, or the chat
    template where there is one, are put around texts that have none. Raises UsageError where the model takes no such input, or the
    numbers of texts and media do not fit.
    """
    if loaded.processor is None:
        raise UsageError("the model was loaded without its processor (load_processor=False): prepare its tensors yourself")
    given = {trait: _several(value, trait) for trait, value in of_media.items() if value is not None}
    texts = [text] if isinstance(text, str) else None if text is None else list(text)
    if texts is None and not given:
        raise UsageError("there is nothing to prepare: give text, images, audio or video")
    raw: dict[str, Any] = {parts.ARGUMENTS[trait]: value for trait, value in given.items()}
    raw = (media.decoder(raw, parts.own_rate(loaded)) or (lambda: raw))()
    if texts is not None:
        raw = beside(loaded, texts, raw)
    _refuse_foreign(loaded, raw)
    return inputs.to_device(loaded, {**_call(loaded, raw), **extra})()


def _several(value: Any, trait: Trait) -> list[Any]:
    """Give a list of media of TRAIT, opened where they are paths: a clip is a list of frames or one array of them."""
    if trait is Trait.VIDEO:
        one = not isinstance(value, list | tuple) or not _is_clip(value[0])
    elif trait is Trait.AUDIO:
        one = not isinstance(value, list | tuple) or isinstance(value[0], int | float)
    else:
        one = not isinstance(value, list | tuple)
    return [_open(item) for item in ([value] if one else value)]


def _is_clip(value: Any) -> bool:
    return isinstance(value, list | tuple) or getattr(value, "ndim", 0) == _CLIP_RANK


def _open(item: Any) -> Any:
    if isinstance(item, list | tuple):
        return [_open(one) for one in item]
    return Path(item).read_bytes() if isinstance(item, str | Path) else item


def beside(loaded: Loaded, texts: list[str], raw: dict[str, Any]) -> dict[str, Any]:
    """Put TEXTS beside the media in RAW; where they share a sequence each text gets its media and what stands for them.

    Raises UsageError where the numbers of texts and media do not fit.
    """
    held = {trait: raw[name] for trait, name in parts.ARGUMENTS.items() if name in raw}
    if not prompts.is_joined(loaded, dict.fromkeys(held, 1)):
        return {"text": texts, **raw}
    shares = {trait: _shared(values, len(texts), trait) for trait, values in held.items()}
    grouped: dict[str, Any] = {
        parts.ARGUMENTS[trait]: share if trait is Trait.IMAGE else [one for item in share for one in item]
        for trait, share in shares.items()
    }
    frames: dict[tuple[int, ...], Frame] = {}
    written = []
    for number, words in enumerate(texts):
        own = {trait: share[number] for trait, share in shares.items()}
        counts = tuple(len(values) for values in own.values())
        if counts not in frames:
            frames[counts] = _frame(loaded, own)
        written.append(words if _has_placeholder(loaded, words) else frames[counts].around(words))
    return {"text": written, **grouped}


def _frame(loaded: Loaded, own: Mapping[Trait, list[Any]]) -> Frame:
    """Choose what stands around a text with its OWN media."""
    there = {trait: values for trait, values in own.items() if values}
    one = {parts.ARGUMENTS[trait]: [values] if trait is Trait.IMAGE else values for trait, values in there.items()}
    counts = {trait: len(values) for trait, values in there.items()}
    return prompts.choose(loaded, counts, {**one, **parts.options(loaded, one)}, sys.maxsize)


def _shared(values: list[Any], texts: int, trait: Trait) -> list[list[Any]]:
    """Share media among TEXTS: as many for each."""
    if all(isinstance(value, list) for value in values) and trait is Trait.IMAGE and len(values) == texts:
        return values
    if not values or len(values) % texts:
        raise UsageError(f"{len(values)} {parts.ARGUMENTS[trait]} cannot be shared among {texts} texts: give as many for each")
    each = len(values) // texts
    return [values[start : start + each] for start in range(0, len(values), each)]


def _has_placeholder(loaded: Loaded, words: str) -> bool:
    found = (parts.placeholder(loaded, trait) for trait in parts.ARGUMENTS)
    return any(one is not None and one.token in words for one in found)


def _refuse_foreign(loaded: Loaded, raw: Mapping[str, Any]) -> None:
    """Refuse what the processor has no part for; it might leave it out and say nothing."""
    names = {"text": "tokenizer", "images": "image_processor", "videos": "video_processor", "audio": "feature_extractor"}
    here = {"text": loaded.tokenizer, "images": loaded.image_processor, "videos": _clips(loaded), "audio": _sound(loaded)}
    for name in raw:
        if here[name] is None:
            whose = f"{type(loaded.processor).__name__} of {type(loaded.model).__name__}"
            raise UsageError(f"{whose} has no {names[name]}: it takes no {name}")


def _clips(loaded: Loaded) -> Any:
    found = parts.video_processor(loaded)
    return found if hasattr(found, "image_mean") else None


def _sound(loaded: Loaded) -> Any:
    found = parts.feature_extractor(loaded)
    return found if hasattr(found, "sampling_rate") else None


def _call(loaded: Loaded, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Call the processor, with texts padded to one length: on the left where the model goes on from their ends."""
    options = parts.options(loaded, raw)
    if "text" in raw:
        options |= _padding(loaded, len(raw["text"]))
    with parts.refusing(loaded):
        return dict(inputs.through(loaded, raw, options)())


def _padding(loaded: Loaded, texts: int) -> dict[str, Any]:
    """Give the options that make TEXTS one length. A tokenizer without a padding token pads with its end token, behind the mask."""
    tokenizer = parts.tokenizer(loaded)
    if texts > 1 and tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    goes_on = loaded.model.can_generate() and not loaded.model.config.is_encoder_decoder
    joined = any(parts.placeholder(loaded, trait) is not None for trait in parts.ARGUMENTS)
    side = {"padding_side": "left"} if goes_on and not joined else {}
    return {"padding": texts > 1, **side}
