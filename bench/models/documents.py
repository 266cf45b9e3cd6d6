"""JSON files of a checkpoint, read as what they are: text of strangers, that may be torn, huge, deep, or not JSON at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.models.refused import RefusedError

LARGEST_CONFIG = 16 * 2**20
"""Bytes of a configuration file; the largest known have a few hundred kilobytes."""

LARGEST_VOCABULARY = 256 * 2**20
"""Bytes of a tokenizer's file; the largest known have 40 MB."""

_LARGEST_WHOLE = 2**53
_SHOWN = 80


def read(path: Path, largest: int = LARGEST_CONFIG) -> Mapping[str, Json]:
    """Read the JSON object in the file PATH, of at most LARGEST bytes.

    Raises RefusedError, naming the file and what is wrong with it.
    """
    return parse(read_bytes(path, largest), path.name)


def read_bytes(path: Path, largest: int) -> bytes:
    """Read the whole file PATH, of at most LARGEST bytes. Raises RefusedError where it is larger or cannot be read."""
    try:
        if not path.is_file():
            raise _unreadable(path.name, "it is not a file")
        with path.open("rb") as file:
            data = file.read(largest + 1)
    except OSError as error:
        raise _unreadable(path.name, error.strerror or type(error).__name__) from error
    if len(data) > largest:
        raise _unreadable(path.name, f"it has more than {largest} bytes")
    return data


def parse(data: bytes, name: str) -> Mapping[str, Json]:
    """Read DATA, of the file called NAME, as one JSON object. Raises RefusedError where it is none."""
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _unreadable(name, f"it is not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise _unreadable(name, "it is nested too deep") from error
    except ValueError as error:
        raise _unreadable(name, f"it is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise _unreadable(name, "it is JSON, but not an object")
    return cast("Mapping[str, Json]", value)


def whole(value: Json) -> int | None:
    """Give VALUE where it is a whole number that can be a size or an id, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST_WHOLE else None


def mapping(value: Json) -> Mapping[str, Json]:
    """Give VALUE where it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def text(value: Json) -> str:
    """Give VALUE where it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def shown(value: Json) -> str:
    """Spell VALUE for a sentence: ASCII on one line, cut where it is long, since a stranger wrote it."""
    spelled = json.dumps(value)
    return spelled if len(spelled) <= _SHOWN else spelled[:_SHOWN] + "..."


def _unreadable(name: str, why: str) -> RefusedError:
    return RefusedError(f"{name} of the checkpoint cannot be read: {why}", ReasonCode.MODEL_NOT_FOUND)
