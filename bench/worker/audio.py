"""Synthetic sound: a few gliding tones with noise, in samples of an extractor's own rate."""

import io
import wave
from typing import Any

SECONDS = 5
"""Length of a clip for an extractor that takes any."""


def draw(seconds: float, rate: int, seed: int) -> Any:
    """Draw a mono clip of SECONDS at RATE samples a second: float32, within -1 and 1."""
    import numpy as np

    source = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    tones = sum(np.sin(2 * np.pi * (pitch + 20 * time) * time) for pitch in source.uniform(90, 900, size=3))
    noise = source.standard_normal(time.size)
    return (0.2 * tones + 0.02 * noise).clip(-1, 1).astype("float32")


def own_seconds(extractor: Any, *, alone: bool) -> int:
    """Give the seconds that EXTRACTOR makes of any clip where it cuts and pads to a window, and 5 otherwise.

    Beside text (not ALONE) processors take clips as they are, windows or not.
    """
    window = getattr(extractor, "chunk_length", None)
    return int(window) if alone and window and hasattr(extractor, "n_samples") else SECONDS


def to_wav(samples: Any, rate: int) -> bytes:
    """Encode SAMPLES as WAV of 16 bits."""
    import numpy as np

    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.asarray(samples) * 32767).astype("<i2").tobytes())
    return held.getvalue()


def from_wav(data: bytes) -> Any:
    """Decode WAV of 16 bits into float32."""
    import numpy as np

    with wave.open(io.BytesIO(data)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype("float32") / 32767
