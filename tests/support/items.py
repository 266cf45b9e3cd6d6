"""Files of items as users keep them, with small media beside."""

import json
import wave
from collections.abc import Mapping
from pathlib import Path

from bench.domain.values import Json


def an_image(path: Path, size: tuple[int, int] = (40, 30), colour: int = 90) -> Path:
    from PIL import Image

    Image.new("RGB", size, (colour, 20, 20)).save(path)
    return path


def a_sound(path: Path, seconds: float = 1.0, rate: int = 8000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\x01\x00" * int(seconds * rate) * channels)
    return path


def lines(folder: Path, *items: Json | Mapping[str, object] | bytes, name: str = "items.jsonl") -> Path:
    """Write ITEMS, one a line; what is bytes is written as it is."""
    path = folder / name
    path.write_bytes(b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in items))
    return path
