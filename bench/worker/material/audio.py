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


def header(data: bytes) -> tuple[int, int]:
    """Give samples a second and samples a channel of WAV."""
    with wave.open(io.BytesIO(data)) as file:
        return file.getframerate(), file.getnframes()


def from_wav(data: bytes) -> tuple[Any, int]:
    """Decode WAV of 8, 16, 24 or 32 bits into mono float32, channels averaged, and give its samples a second."""
    import numpy as np

    with wave.open(io.BytesIO(data)) as file:
        width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
        raw = np.frombuffer(file.readframes(file.getnframes()), dtype="u1").reshape(-1, width)
    if width == 1:  # the only width without a sign
        samples = (raw[:, 0].astype("float32") - 128) / 127
    else:
        wide: Any = np.zeros((len(raw), 4), dtype="u1")
        wide[:, 4 - width :] = raw  # the highest bytes, so that every width has the same full scale
        samples = (wide.view("<i4")[:, 0] / (2**31 - 2 ** (32 - 8 * width))).astype("float32")
    return samples.reshape(-1, channels).mean(axis=1), rate
