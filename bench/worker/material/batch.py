"""What one batch holds in all, in the units that rates are given in. Counted in the media and texts in hand and in the tensors.

The numbers an item, which `realised` tells, say less where items differ.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.domain.values import Json
from bench.worker.loads.loading import Loaded
from bench.worker.material import media, parts

TEXTS = ("text", "text_pair")
"""The keys of raw input that hold texts."""


def of_raw(loaded: Loaded, raw: Mapping[str, Any]) -> dict[str, Json]:
    """Count what RAW input holds: images, frames, pixels of both, seconds of sound, and bytes of text as UTF-8."""
    images = media.flat(raw.get("images", ()))
    frames = [frame for clip in raw.get("videos", ()) for frame in clip]
    facts: dict[str, Json] = {}
    if images:
        facts["batch_images"] = len(images)
    if frames:
        facts["batch_frames"] = len(frames)
    if images or frames:
        facts["batch_pixels"] = sum(_pixels(one) for one in (*images, *frames))
    if "audio" in raw:
        rate = raw.get(media.RATE) or parts.feature_extractor(loaded).sampling_rate
        facts["batch_audio_seconds"] = sum(media.seconds_of(clip, rate) for clip in raw["audio"])
    written = [text for name in TEXTS for text in texts(raw.get(name))]
    if written:
        facts["batch_text_bytes"] = sum(len(text.encode()) for text in written)
    return facts


def _pixels(one: Any) -> int:
    width, _, height = media.size_of(one).partition("x")
    return int(width) * int(height)


def texts(held: Any) -> Iterator[str]:
    """Give the texts in HELD: one, or a list of some or of lists of them."""
    if isinstance(held, str):
        yield held
    for inner in held if isinstance(held, list | tuple) else ():
        yield from texts(inner)
