"""Presets, one data file each: the file name is the name users write."""

import difflib
import json
from functools import cache
from importlib import resources

from bench.domain.errors import UsageError
from bench.models.preset import Preset, content
from bench.protocol.codec import from_json

__all__ = ["content", "find", "names"]


@cache
def names() -> tuple[str, ...]:
    """List the presets that there are, reading none."""
    files = resources.files(__name__).iterdir()
    return tuple(sorted(file.name.removesuffix(".json") for file in files if file.name.endswith(".json")))


@cache
def find(name: str) -> Preset:
    """Read the preset called NAME.

    Raises UsageError with the nearest name where there is none, CodecError where its file does not have the form of a Preset.
    """
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f'. Did you mean "{near[0]}"?' if near else ""
        raise UsageError(f'preset "{name}" is not known (knows: {", ".join(names())}){hint}')
    text = resources.files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8")
    return from_json(Preset, {"name": name, **json.loads(text)})
