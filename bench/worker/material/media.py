"""The form in which media are in hand: objects of PIL, arrays, tensors, or encoded bytes that have to be decoded first."""

import io
from collections.abc import Callable, Mapping
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.worker.failures import Refused
from bench.worker.material import audio, resampling
from bench.worker.material.parts import ARGUMENTS

NAMES = frozenset(ARGUMENTS.values())
"""The keys of raw input that hold media."""

RATE = "sampling_rate"
"""The key of raw input with the rate of its sound, where that is another than the extractor's."""


def image(drawn: Any, form: str) -> Any:
    """Give a DRAWN PIL image in FORM: numpy is height x width x 3, tensor 3 x height x width, both uint8; encoded is JPEG."""
    import numpy as np

    if form in {"auto", "pil"}:
        return drawn
    if form in {"encoded", "png"}:
        return _encoded(drawn, "JPEG" if form == "encoded" else "PNG")
    array = np.array(drawn)  # a copy, since what PIL shows of its own memory cannot be written to
    return array if form == "numpy" else _tensor(array.transpose(2, 0, 1).copy())


def clip(frames: list[Any], form: str) -> Any:
    """Give a clip in FORM: a list of frames, or for numpy and tensor one array with the frames first."""
    import numpy as np

    if form == "numpy":
        return np.stack([np.asarray(frame) for frame in frames])
    if form == "tensor":
        return _tensor(np.stack([np.asarray(frame).transpose(2, 0, 1) for frame in frames]))
    return [image(frame, form) for frame in frames]


def sound(samples: Any, rate: int, form: str) -> Any:
    """Give SAMPLES in FORM; encoded is WAV of 16 bits. Raises Refused where sound has no such form."""
    if form in {"pil", "png"}:
        raise Refused(f"media {form}: sound has no such form (it has numpy, tensor, encoded)", ReasonCode.INPUT_MISMATCH)
    if form == "encoded":
        return audio.to_wav(samples, rate)
    return _tensor(samples) if form == "tensor" else samples


def form_of(one: Any) -> str:
    """Name the form that ONE medium, or a list of some, is in."""
    while isinstance(one, list):
        one = one[0]
    if isinstance(one, bytes):
        return "png" if one.startswith(b"\x89PNG") else "encoded"
    if type(one).__module__.startswith("PIL"):
        return "pil"
    return "tensor" if type(one).__module__.startswith("torch") else "numpy"


def flat(nested: Any) -> list[Any]:
    """Give the media of a list of media or of lists of them."""
    return [one for item in nested for one in (item if isinstance(item, list) else [item])]


def size_of(one: Any) -> str:
    """Give width x height of an image in any form."""
    if isinstance(one, bytes):
        one = _open(one)
    if form_of(one) == "pil":
        return f"{one.width}x{one.height}"
    height, width = one.shape[:2] if form_of(one) == "numpy" else one.shape[-2:]
    return f"{width}x{height}"


def samples_of(one: Any) -> int:
    """Count the samples of a clip of sound in any form."""
    return audio.header(one)[1] if isinstance(one, bytes) else len(one)


def seconds_of(one: Any, rate: int) -> float:
    """Give the seconds of a clip of sound: encoded at its own rate, in another form at RATE."""
    return samples_of(one) / rate_of(one, rate)


def rate_of(one: Any, rate: int) -> int:
    """Give the rate of a clip of sound: an encoded one says it, others are at RATE."""
    return audio.header(one)[0] if isinstance(one, bytes) else rate


def decoder(raw: Mapping[str, Any], own_rate: int | None = None) -> Callable[[], dict[str, Any]] | None:
    """Give the step from encoded media in RAW to decoded ones, with sound at OWN_RATE; None where there is nothing to do.

    Sound in tensors becomes the arrays that they hold, without a copy: most extractors of transformers 5.23 take a list of tensors
    for one clip of many channels, and fail or, with clips of one length, give features of other shapes.
    """
    sound = {ARGUMENTS[Trait.AUDIO]} & raw.keys()
    encoded = {name for name in NAMES & raw.keys() if form_of(raw[name]) in {"encoded", "png"}}
    names = encoded | {name for name in sound if RATE in raw or form_of(raw[name]) == "tensor"}
    if not names and RATE not in raw:
        return None
    rates = (raw.get(RATE, own_rate), own_rate)
    kept = raw.keys() - {RATE}
    return lambda: {name: _decode(name, raw[name], rates) if name in names else raw[name] for name in raw if name in kept}


def _decode(name: str, value: Any, rates: tuple[int | None, int | None]) -> Any:
    if isinstance(value, list):
        return [_decode(name, item, rates) for item in value]
    if name != ARGUMENTS[Trait.AUDIO]:
        return _open(value)
    samples, rate = audio.from_wav(value) if isinstance(value, bytes) else (value, rates[0])
    samples = samples.numpy(force=True) if form_of(samples) == "tensor" else samples
    return samples if rate is None or rates[1] is None else resampling.resample(samples, rate, rates[1])


def _open(data: bytes) -> Any:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as opened:
        return opened.convert("RGB")


def _encoded(drawn: Any, kind: str) -> bytes:
    held = io.BytesIO()
    drawn.save(held, kind, **({"quality": 90} if kind == "JPEG" else {}))
    return held.getvalue()


def _tensor(array: Any) -> Any:
    import torch

    return torch.from_numpy(array)
