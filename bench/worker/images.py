"""Synthetic images: a gradient with noise, so that resizing and encoding have something to do."""

from typing import Any


def draw(width: int, height: int, seed: int) -> Any:
    """Draw an RGB PIL image of WIDTH x HEIGHT pixels."""
    import numpy as np
    from PIL import Image

    source = np.random.default_rng(seed)
    across, down = np.linspace(0, 160, width), np.linspace(0, 60, height)
    base = (across[None, :, None] + down[:, None, None]) * np.array([1.0, 0.8, 0.6])
    noise = source.integers(0, 32, size=(height, width, 3))
    return Image.fromarray(np.clip(base + noise, 0, 255).astype("uint8"), mode=None)


def own_size(image_processor: Any) -> tuple[int, int]:
    """Give the width and height that IMAGE_PROCESSOR makes of any image: its crop where it crops, its size otherwise."""
    size = image_processor.crop_size if getattr(image_processor, "do_center_crop", False) else image_processor.size
    sides: dict[str, int] = dict(size)
    edge = sides.get("shortest_edge") or sides.get("longest_edge") or 0
    return int(sides.get("width") or edge), int(sides.get("height") or edge)
