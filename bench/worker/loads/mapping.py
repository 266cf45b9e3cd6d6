"""Whether weights are mapped from their files or were read into memory of their own, seen in /proc/self/maps (Linux)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.worker.loads.stages import Stopwatch

LOOKING = "looking"
"""The stage in which a load is looked at: no part of it."""
_MAPS = Path("/proc/self/maps")
_FIELDS = 6


def places(files: Iterable[Path]) -> list[range]:
    """Give the addresses that FILES are mapped to in this process; none where the system does not tell."""
    wanted = {str(path.resolve()) for path in files}
    found = []
    for line in _MAPS.read_text().splitlines() if _MAPS.exists() else ():
        fields = line.split(maxsplit=_FIELDS - 1)
        if len(fields) == _FIELDS and fields[-1] in wanted:
            start, _, end = fields[0].partition("-")
            found.append(range(int(start, 16), int(end, 16)))
    return found


def held_bytes(tensors: Iterable[Any], files: Iterable[Path]) -> int:
    """Sum the bytes of TENSORS, each storage once, that lie in FILES' mappings: the rest is memory of the process's own."""
    mapped = places(files)
    sizes = {}
    for tensor in tensors:
        if tensor.device.type == "cpu":
            storage = tensor.untyped_storage()
            sizes[tensor.data_ptr()] = min(storage.nbytes(), tensor.numel() * tensor.element_size())
    return sum(size for address, size in sizes.items() if any(address in place for place in mapped))


@contextmanager
def seen(files: Iterable[Path], watch: Stopwatch, into: list[bool]) -> Iterator[None]:
    """Put into INTO whether FILES are mapped when a load in this block begins to take weights out of them.

    Only then can it be seen: weights that change their dtype leave no mapping behind. Nothing is put in where this version of
    transformers has no such moment.
    """
    from transformers import modeling_utils

    name = "convert_and_load_state_dict_in_model"
    if not hasattr(modeling_utils, name):
        yield
        return

    def looking(convert: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(convert)
        def look(*arguments: Any, **options: Any) -> Any:
            with watch.stage(LOOKING):
                into.append(bool(places(files)))
            return convert(*arguments, **options)

        return look

    with patch.object(modeling_utils, name, looking(getattr(modeling_utils, name))):
        yield
