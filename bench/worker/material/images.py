"""Synthetic images: a gradient with noise, so that resizing and encoding have something to do."""

import math
from typing import Any

NOMINAL_SIDE = 448
"""Side in pixels of an image for a processor that keeps any size: it says how many pixels it takes, not how wide."""


def draw(width: int, height: int, seed: int) -> Any:
    """Draw an RGB PIL image of WIDTH x HEIGHT pixels."""
    import numpy as np
    from PIL import Image

    source = np.random.default_rng(seed)
    across, down = np.linspace(0, 160, width), np.linspace(0, 60, height)
    base = (across[None, :, None] + down[:, None, None]) * np.array([1.0, 0.8, 0.6])
    noise = source.integers(0, 32, size=(height, width, 3))
    return Image.fromarray(np.clip(base + noise, 0, 255).astype("uint8"), mode=None)


def draw_clip(frames: int, size: tuple[int, int], seed: int) -> list[Any]:
    """Draw FRAMES images of SIZE (width, height) that follow each other."""
    return [draw(*size, seed * 4_099 + number) for number in range(frames)]


def own_size(processor: Any) -> tuple[int, int]:
    """Give the width and height that PROCESSOR makes of any image: its crop where it crops, its size otherwise.

    A processor that keeps the form of an image and bounds its area alone gets a square of 448 pixels a side, or the nearest that
    it would not resize.
    """
    sides = _sides(processor.crop_size if getattr(processor, "do_center_crop", False) else processor.size)
    if getattr(processor, "merge_size", None) is not None:
        least, most = math.isqrt(sides.get("shortest_edge", 1)), math.isqrt(sides.get("longest_edge", NOMINAL_SIDE**2))
        return (max(least, min(NOMINAL_SIDE, most)),) * 2
    edge = sides.get("shortest_edge") or sides.get("longest_edge") or NOMINAL_SIDE
    return int(sides.get("width") or edge), int(sides.get("height") or edge)


def _sides(size: Any) -> dict[str, int]:
    """Read a size, which is a mapping, an object like one, or one number for both sides."""
    if isinstance(size, int):
        return {"width": size, "height": size}
    return {name: value for name, value in dict(size or {}).items() if isinstance(value, int)}
