"""Clips with a clock: frames at a stated number a second, of which the video processor takes its own.

With `video_fps: auto` a clip is of frames that were chosen before, and the processor takes all of them.
"""

from collections.abc import Mapping
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.material import media, parts

CLIPS = parts.ARGUMENTS[Trait.VIDEO]
_PATCHES = "video_grid_thw"
_PIXELS = ("pixel_values_videos", "pixel_values")
_CLIP_RANK = 5


def form_of(loaded: Loaded, requested: Mapping[str, Json]) -> str:
    """Give the form that clips are made in: video processors choose frames of an array only, not of a list.

    Raises Refused where frames a second are asked for and the processor knows of none, or the form is a list.
    """
    form, fps = str(requested.get("media", "auto")), requested.get("video_fps", "auto")
    if fps == "auto":
        return form
    whose = type(parts.video_processor(loaded)).__name__
    if not hasattr(parts.video_processor(loaded), "do_sample_frames"):
        raise Refused(f"video_fps {fps}: {whose} takes the frames that it is given, at any rate", ReasonCode.NOT_IN_CLASS)
    own = parts.video_processor(loaded)
    if getattr(own, "fps", None) is None and getattr(own, "num_frames", None) is None:
        msg = f"video_fps {fps}: {whose} of this checkpoint says neither how many frames it takes nor how many a second"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)
    if form not in {"auto", "numpy", "tensor"}:
        raise Refused(f"video_fps {fps}: {whose} chooses frames of an array, not of {form} frames", ReasonCode.INPUT_MISMATCH)
    return "numpy" if form == "auto" else form


def beside(made: Mapping[str, Any], requested: Mapping[str, Json]) -> dict[str, Any]:
    """Give what the processor has to know of the clips MADE to choose frames; nothing where they are chosen already."""
    fps = requested.get("video_fps", "auto")
    if CLIPS not in made or not isinstance(fps, int):
        return {}
    return {parts.METADATA: [metadata(clip, fps) for clip in made[CLIPS]]}


def metadata(clip: Any, fps: float) -> dict[str, Any]:
    """Say of CLIP how many frames it has, at FPS a second, and how large they are."""
    width, _, height = media.size_of(clip[0]).partition("x")
    return {
        "total_num_frames": len(clip),
        "fps": float(fps),
        "width": int(width),
        "height": int(height),
        "duration": len(clip) / fps,
    }


def facts(loaded: Loaded, tensors: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Json]:
    """Tell the frames a second of the clips in RAW, and how many frames of each the processor took, counted in its TENSORS."""
    if parts.METADATA not in raw:
        return {}
    rates = {held["fps"] for held in raw[parts.METADATA]}
    fps = rates.pop() if len(rates) == 1 else None
    found: dict[str, Json] = {"video_fps": int(fps) if fps is not None and fps == int(fps) else fps}
    taken = _taken(loaded, tensors)
    return found if taken is None else {**found, "sampled_frames": taken}


def _taken(loaded: Loaded, tensors: Mapping[str, Any]) -> list[int] | None:
    if _PATCHES in tensors:
        each = int(getattr(parts.video_processor(loaded), "temporal_patch_size", 1))
        return [int(row[0]) * each for row in tensors[_PATCHES]]
    clips = next((tensors[name] for name in _PIXELS if name in tensors), None)
    return None if clips is None or clips.dim() != _CLIP_RANK else [int(clips.shape[1])] * int(clips.shape[0])
