"""Files of media that a data set names: whether they are what they should be, told by their headers and their ends.

Nothing is decoded here, so that a small file which would become a huge picture is told from its header alone. What only decoding
finds is told by the worker.
"""

import warnings
import wave
from collections.abc import Callable, Mapping
from pathlib import Path

LARGEST = 2**28
"""Bytes of one file."""

MOST_PIXELS = 89_478_485
"""Pixels of one picture: the number from which on PIL warns of a decompression bomb."""

MOST_SECONDS = 3600
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
_RATES = range(1_000, 384_001)
_MOST_CHANNELS = 8
_TAIL = 2**16
_JPEG_END = b"\xff\xd9"


def said(path: Path, kind: str) -> str | None:
    """Say what is wrong with the file PATH as an `image`, a `frame` or a `sound`; None where nothing is. Raises OSError."""
    if not path.exists():
        return "does not exist (paths are relative to the data file)"
    if not path.is_file():
        return "is not a file"
    size = path.stat().st_size
    if size == 0:
        return "is empty"
    if size > LARGEST:
        return f"has {size >> 20} MiB: media may have {LARGEST >> 20} MiB a file"
    return _CHECKS[kind](path)


def _image(path: Path) -> str | None:
    """Look at a picture's header, and at its end where a cut shows there."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as opened:
                pixels, kind = opened.width * opened.height, opened.format
                if pixels > MOST_PIXELS:
                    return _bomb(pixels)
                opened.verify()
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return f"would become a picture of more than {MOST_PIXELS:,} pixels, which may be a decompression bomb"
    except UnidentifiedImageError:
        return f"is no picture that can be read ({', '.join(FORMATS)} can)"
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, MemoryError) as error:
        return f"is a broken picture: {' '.join(str(error).split()) or type(error).__name__}"
    return "is a broken picture: its end is missing" if kind == "JPEG" and _JPEG_END not in _tail(path) else None


def _bomb(pixels: int) -> str:
    return f"would become a picture of {pixels:,} pixels: one may have {MOST_PIXELS:,}"


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _TAIL, 0))
        return file.read()


def _frame(path: Path) -> str | None:
    if path.suffix.lower() in {".mp4", ".mkv", ".mov", ".avi", ".webm"}:
        return "is a video: this version takes a clip as a list of pictures, its frames in order"
    return _image(path)


def _sound(path: Path) -> str | None:
    """Look at the header of WAV, and whether the file is as long as it says."""
    try:
        with wave.open(str(path)) as file:
            rate, channels, width, count = file.getframerate(), file.getnchannels(), file.getsampwidth(), file.getnframes()
    except (wave.Error, EOFError) as error:
        return f"is no sound that can be read (WAV of whole numbers can): {str(error) or 'it ends too early'}"
    if rate not in _RATES or not 1 <= channels <= _MOST_CHANNELS or not 1 <= width <= 4:  # noqa: PLR2004 -- bytes a sample
        return f"is WAV of a strange form: {channels} channels of {8 * width} bits at {rate} samples a second"
    if count == 0:
        return "holds no sound"
    if count * channels * width > path.stat().st_size:
        return "is broken WAV: it ends before its header says"
    return f"lasts {count / rate:.0f} s: a clip may last {MOST_SECONDS} s" if count / rate > MOST_SECONDS else None


_CHECKS: Mapping[str, Callable[[Path], str | None]] = {"image": _image, "frame": _frame, "sound": _sound}
