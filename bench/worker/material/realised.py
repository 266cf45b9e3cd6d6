"""What the inputs really hold: items, tokens of text and those that stand for media, and the media's number, size and form.

Counted in the tensors that the processor gave and in the media in hand, never read off the request.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bench.domain.model import SequenceLimit
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.material import batch, beside, frames, inputs, masks, media, padding, parts
from bench.worker.network.observe import joined, mask_of

_CLOSE_S = 1e-3


def of_inputs(loaded: Loaded, tensors: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Json]:
    """Count what the inputs really hold: items, text tokens and placeholders a sequence, media and their size."""
    facts: dict[str, Json] = {"batch_size": _items(tensors), "inputs": inputs.describe(tensors)}
    if "input_ids" in tensors:
        facts |= _of_sequences(loaded, tensors["input_ids"], tensors.get("attention_mask"))
    elif "input_ids" in beside.taken(loaded.model):
        facts |= {"realised_prompt_tokens": 0, "prompt_tokens": 0}
    if "visual_feats" in tensors:
        facts["regions"] = int(tensors["visual_feats"].shape[1])
    if "decoder_input_ids" in tensors:
        facts["realised_decoder_tokens"] = int(tensors["decoder_input_ids"].shape[1])
    if "input_features" in tensors and hasattr(parts.feature_extractor(loaded), "n_samples"):
        extractor = parts.feature_extractor(loaded)
        facts["padded_audio_seconds"] = int(tensors["input_features"].shape[-1]) * extractor.hop_length / extractor.sampling_rate
    facts["truncated_items"] = padding.truncated(loaded, tensors, raw, facts)
    return {**facts, **_of_media(loaded, raw, _items(tensors)), **batch.of_raw(loaded, raw), **frames.facts(loaded, tensors, raw)}


def _items(tensors: Mapping[str, Any]) -> int:
    """Give the number of items: of sequences where there are some, since patches of images may stand in one row each."""
    named = ("input_ids", "input_features", "input_values", "pixel_values")
    first = next((tensors[name] for name in named if name in tensors), None)
    return int((next(iter(tensors.values())) if first is None else first).shape[0])


def _of_sequences(loaded: Loaded, ids: Any, given: Any) -> dict[str, Json]:
    """Count the tokens of each sequence, padding apart, and those that stand for media; the mask GIVEN tells them apart."""
    mask = masks.flat(given)
    lengths = [int(ids.shape[1])] * int(ids.shape[0]) if mask is None else [int(row) for row in mask.sum(dim=1)]
    standing = {trait: [int(row) for row in (ids == number).sum(dim=1)] for number, trait in parts.standing_numbers(loaded).items()}
    words = [length - sum(rows[item] for rows in standing.values()) for item, length in enumerate(lengths)]
    facts: dict[str, Json] = {
        "realised_prompt_tokens": _each(words),
        "prompt_tokens": _each(words),
        "prompt_units": sum(lengths),
        "batch_text_tokens": sum(words),
        "padded_prompt_tokens": int(ids.numel()),
        "mask": mask_of(given),
    }
    masked = getattr(parts.tokenizer(loaded), "mask_token_id", None)
    if masked is not None and bool((ids == masked).any()):
        facts["masked_tokens"] = _each([int(row) for row in (ids == masked).sum(dim=1)])
    if len(set(words)) > 1:
        facts["prompt_lengths"] = words
    if len(set(lengths)) > 1:
        facts["padding_side"] = "left" if int(mask[:, 0].min()) == 0 else "right"
    return {**facts, **{f"realised_{trait.value}_tokens": _each(rows) for trait, rows in standing.items() if any(rows)}}


def _each(counts: Sequence[int | float]) -> int | float:
    """Give the number of each item where they are equal, else their mean."""
    return counts[0] if len(set(counts)) == 1 else sum(counts) / len(counts)


def _of_media(loaded: Loaded, raw: Mapping[str, Any], items: int) -> dict[str, Json]:
    """Tell number, size and form of the media in hand."""
    facts: dict[str, Json] = {}
    forms = {media.form_of(value) for name, value in raw.items() if name in media.NAMES}
    if forms:
        facts["media"] = joined(sorted(forms))
    if "images" in raw:
        flat = media.flat(raw["images"])
        nested = [len(own) for own in raw["images"] if isinstance(own, list)]
        facts |= _several("images", nested or [len(flat) // items] * items)
        facts |= _sizes([media.size_of(image) for image in flat])
    if "videos" in raw:
        facts |= _several("video_frames", [len(clip) for clip in raw["videos"]])
        facts |= _sizes([media.size_of(frame) for clip in raw["videos"] for frame in clip])
    if "audio" in raw:
        own = parts.feature_extractor(loaded).sampling_rate
        rate = raw.get(media.RATE, own)
        facts["sampling_rate"] = own
        facts["audio_rate"] = _each([media.rate_of(clip, rate) for clip in raw["audio"]])
        facts |= _several("audio_seconds", [_whole_where_it_is(media.seconds_of(clip, rate)) for clip in raw["audio"]])
    return facts


def _several(axis: str, amounts: list[Any]) -> dict[str, Json]:
    """Tell what each item has of AXIS, and where the AMOUNTS differ all of them too."""
    differ = {f"{axis}_of_items": amounts} if len(set(amounts)) > 1 else {}
    return {axis: _each(amounts), **differ}


def _sizes(found: list[str]) -> dict[str, Json]:
    """Tell the sizes of all images or frames, and where they differ how many there are of each."""
    counted = {size: found.count(size) for size in sorted(set(found))}
    return {"image_size": joined(list(counted)), **({"image_sizes": counted} if len(counted) > 1 else {})}


def _whole_where_it_is(seconds: float) -> float | int:
    return round(seconds) if abs(seconds - round(seconds)) < _CLOSE_S else round(seconds, 3)


def refuse_too_long(limits: Sequence[SequenceLimit], requested: Mapping[str, Json], observed: Mapping[str, Json]) -> None:
    """Raise Refused where text and the tokens that stand for media make a longer sequence than the model takes.

    Before the media were processed only the text could be held against the limits.
    """
    names = tuple(f"realised_{trait.value}_tokens" for trait in (Trait.IMAGE, Trait.VIDEO, Trait.AUDIO))
    standing = sum(_number(observed.get(name)) for name in names)
    lengths = observed.get("prompt_lengths")
    text = max(map(_number, lengths)) if isinstance(lengths, list) else _number(observed.get("realised_prompt_tokens"))
    for limit in limits if standing else ():
        prompt = text + standing if limit.counts_prompt else 0
        new = _number(requested.get("new_tokens")) + _number(requested.get("depth")) if limit.counts_new else 0
        if prompt + new > limit.tokens:
            written = f"{new:g} new ones" if new else "none after them"
            held = f"{prompt - standing:g} text tokens, {standing:g} that stand for media and {written}"
            msg = f"{held} make a sequence of {prompt + new:g}, but {limit.key} of the model allows {limit.tokens}"
            raise Refused(msg, ReasonCode.INPUT_MISMATCH)


def _number(value: Json) -> float:
    return value if isinstance(value, int | float) else 0
