"""What batching unlike items costs: the share of a batch that is padding, by modality, and the items that were cut to fit.

Both are told by what the processor gave: its masks, the window of sound that it fills up, and the lengths that it left.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.domain.metric import Samples
from bench.domain.values import Json
from bench.worker.loads.loading import Loaded
from bench.worker.material import masks, media, parts, prompts, text
from bench.worker.metrics import PADDING_WASTE, sample

PHASE = "inputs"
_OF_IMAGES = ("pixel_mask", "pixel_attention_mask", "image_attention_mask")
_TILED = "pixel_values"
_RANK_OF_TILES = 5
_WAVE = "input_values"
_RANK_OF_WAVES = 2
_OF_SOUND = ("feature_attention_mask", "input_features_mask", "audio_attention_mask")
_CLOSE_S = 1e-3


def waste(
    tensors: Mapping[str, Any], observed: Mapping[str, Json], others: Sequence[Mapping[str, Any]] = ()
) -> tuple[Samples, ...]:
    """Sample the share of the batch that is padding: of each modality that tells it, and of the whole.

    The whole is that of the sequences of tokens; where the model reads none, that of its only modality. TENSORS are the model's
    inputs, those of OTHERS of further batches, OBSERVED what was counted in all of them.
    """
    shares = {modality: share for modality, share in _shares([tensors, *others], observed) if share is not None}
    if not shares:
        return ()
    whole = sample(PADDING_WASTE, PHASE, shares.get("text", next(iter(shares.values()))))
    return (whole, *(sample(PADDING_WASTE, PHASE, share, part=f"modality={modality}") for modality, share in shares.items()))


def _shares(each: Sequence[Mapping[str, Any]], observed: Mapping[str, Json]) -> Iterator[tuple[str, float | None]]:
    yield "text", _less(observed.get("prompt_units"), observed.get("padded_prompt_tokens"))
    tensors = each[0]
    of_images = _masked(each, _OF_IMAGES)
    yield "image", _empty_tiles(each, observed) if of_images is None else of_images
    window = observed.get("padded_audio_seconds")
    if isinstance(window, int | float):
        yield "audio", _less(observed.get("batch_audio_seconds"), window * int(tensors["input_features"].shape[0]))
    else:
        alone = ("attention_mask",) if tensors.keys() & {_WAVE, "input_features"} and "input_ids" not in tensors else ()
        of_sound = _masked(each, (*_OF_SOUND, *alone))
        yield "audio", _silence(each, observed) if of_sound is None else of_sound


def _less(realised: Json, padded: Json) -> float | None:
    """Give 1 - REALISED/PADDED, no less than 0: what is cut off was not padded."""
    if not isinstance(realised, int | float) or not isinstance(padded, int | float):
        return None
    return max(1 - realised / padded, 0.0)


def _masked(each: Sequence[Mapping[str, Any]], names: tuple[str, ...]) -> float | None:
    """Give the share that the first mask of NAMES leaves out, of all batches together."""
    found = [next((tensors[name] for name in names if name in tensors), None) for tensors in each]
    masks = [mask for mask in found if mask is not None]
    return 1 - sum(int((mask != 0).sum()) for mask in masks) / sum(int(mask.numel()) for mask in masks) if masks else None


def _silence(each: Sequence[Mapping[str, Any]], observed: Mapping[str, Json]) -> float | None:
    """Give the share of samples that no clip has, of extractors that pad waveforms and give no mask, as the first Wav2Vec2's."""
    waves = [tensors[_WAVE] for tensors in each if _WAVE in tensors and len(tensors[_WAVE].shape) == _RANK_OF_WAVES]
    seconds, rate = observed.get("batch_audio_seconds"), observed.get("sampling_rate")
    if not waves or not isinstance(seconds, int | float) or not isinstance(rate, int):
        return None
    return _less(seconds * rate, sum(int(one.numel()) for one in waves) / len(waves))


def _empty_tiles(each: Sequence[Mapping[str, Any]], observed: Mapping[str, Json]) -> float | None:
    """Give the share of tiles without a picture: images cut into fewer tiles than another are filled up with black ones."""
    tiles = [tensors[_TILED] for tensors in each if _TILED in tensors]
    if not tiles or "batch_images" not in observed or len(tiles[0].shape) != _RANK_OF_TILES:
        return None
    drawn = sum(int(one.flatten(2).any(dim=-1).sum()) for one in tiles)
    return 1 - drawn / sum(int(one.shape[0] * one.shape[1]) for one in tiles)


def truncated(loaded: Loaded, tensors: Mapping[str, Any], raw: Mapping[str, Any], observed: Mapping[str, Json]) -> int:
    """Count the items of RAW whose text or sound the processor cut."""
    return len({*_cut_texts(loaded, tensors, raw), *_cut_sounds(loaded, raw, observed)})


def _cut_texts(loaded: Loaded, tensors: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[int]:
    """Give the items whose text has more tokens than were left of it; a text that media stand in is never cut."""
    held = {trait: 1 for trait, name in parts.ARGUMENTS.items() if name in raw}
    if "text" not in raw or "input_ids" not in tensors or prompts.is_joined(loaded, held):
        return
    ids, mask = tensors["input_ids"], masks.flat(tensors.get("attention_mask"))
    left = [int(ids.shape[1])] * int(ids.shape[0]) if mask is None else mask.sum(dim=1).tolist()
    columns = (raw[name] for name in ("text", "text_pair") if name in raw)
    for item, (written, kept) in enumerate(zip(zip(*columns, strict=True), left, strict=True)):
        if len(text.ids(parts.tokenizer(loaded), *written)) > kept:
            yield item


def _cut_sounds(loaded: Loaded, raw: Mapping[str, Any], observed: Mapping[str, Json]) -> Iterator[int]:
    """Give the items whose sound is longer than the window it was put into."""
    window = observed.get("padded_audio_seconds")
    if "audio" not in raw or not isinstance(window, int | float):
        return
    rate = raw.get(media.RATE) or parts.feature_extractor(loaded).sampling_rate
    for item, clip in enumerate(raw["audio"]):
        if media.seconds_of(clip, rate) > window + _CLOSE_S:
            yield item
