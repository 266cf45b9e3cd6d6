"""Weight files, judged by their headers: which they are, how many numbers and bytes they hold, and whether they are whole.

A safetensors file says at its start where every tensor ends, so a torn copy is found without reading a weight
(https://github.com/huggingface/safetensors#format: 8 bytes of length, little-endian, then that much JSON, then the data).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.models.checkpoint import Checkpoint
from bench.models.documents import LARGEST_VOCABULARY, mapping, parse, read, shown, text, whole
from bench.models.refused import RefusedError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLE_INDEX = "pytorch_model.bin.index.json"

LARGEST_HEADER = 100_000_000
"""Bytes of a header: the library's own bound."""

DTYPES: Mapping[str, str] = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
"""Dtypes as safetensors spells them, and as torch does."""

_LENGTH = 8
_PICKLES = r"pytorch_model(-\d+-of-\d+)?\.bin(\.index\.json)?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The `files` that would be loaded, by name, an index among them.

    `elements` counts the floating-point numbers in them and `stored_bytes` all they store, None where the headers do not say;
    `dtypes` are those of the tensors, as torch spells them.
    """

    files: tuple[str, ...]
    dtypes: tuple[str, ...] = ()
    elements: int | None = None
    stored_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    elements: int
    stored_bytes: int
    names: frozenset[str]
    dtypes: frozenset[str]


def inspect(checkpoint: Checkpoint, *, allow_pickle: bool) -> Weights:
    """Find the weights of CHECKPOINT as transformers would, and read their headers.

    Raises RefusedError where there are none, only pickled ones and ALLOW_PICKLE is not set, one is missing, torn or no
    safetensors file at all.
    """
    named = text(checkpoint.config.values.get("transformers_weights"))
    single, index = (named, named) if named else (SINGLE, INDEX)
    if not single.endswith(".json") and single in checkpoint.files:
        return _add_up((single,), {single: read_header(checkpoint.folder / single)}, checkpoint)
    if index.endswith(".json") and index in checkpoint.files:
        return _sharded(checkpoint, index)
    if named:
        raise RefusedError(
            f"transformers_weights in config.json names {shown(named)}, which is missing", ReasonCode.MISSING_WEIGHTS
        )
    return _pickled(checkpoint, allow_pickle=allow_pickle)


def wanted(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Name the files of weights that CHECKPOINT's index, where it has one, lists. Raises RefusedError where it cannot be read."""
    index = text(checkpoint.config.values.get("transformers_weights")) or INDEX
    if not index.endswith(".json") or index not in checkpoint.files or SINGLE in checkpoint.files:
        return ()
    return tuple(sorted(set(_weight_map(checkpoint.folder / index).values())))


def read_header(path: Path) -> _Header:
    """Read the header of the safetensors file PATH. Raises RefusedError where the file is torn or is none."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            length = int.from_bytes(file.read(_LENGTH), "little")
            if size < _LENGTH or length > min(LARGEST_HEADER, size - _LENGTH):
                raise _broken(
                    path.name, f"it has {size} bytes and a header of {length}, at most {LARGEST_HEADER} and within the file"
                )
            data = file.read(length)
    except OSError as error:
        raise _broken(path.name, error.strerror or type(error).__name__) from error
    try:
        header = parse(data, path.name)
    except RefusedError as error:
        raise _broken(path.name, f"its header is none: {error}") from error
    tensors = {name: _tensor(path.name, name, mapping(value)) for name, value in header.items() if name != "__metadata__"}
    end = max((stop for _, _, stop in tensors.values()), default=0)
    if _LENGTH + length + end != size:
        raise _broken(path.name, f"its header describes {_LENGTH + length + end} bytes and the file has {size}")
    return _Header(
        elements=sum(elements for elements, _, _ in tensors.values()),
        stored_bytes=sum(stop - start for _, start, stop in tensors.values()),
        names=frozenset(tensors),
        dtypes=frozenset(text(mapping(value).get("dtype")) for name, value in header.items() if name in tensors),
    )


def _tensor(file: str, name: str, entry: Mapping[str, Json]) -> tuple[int, int, int]:
    """Give a tensor's floating-point elements, and where its bytes start and stop."""
    shape, offsets = entry.get("shape"), entry.get("data_offsets")
    sizes = [whole(size) for size in shape] if isinstance(shape, list) else [None]
    ends = [whole(offset) for offset in offsets] if isinstance(offsets, list) else []
    match ends:
        case [int(start), int(stop)] if start <= stop and None not in sizes:
            floating = text(entry.get("dtype")).startswith(("F", "BF"))
            return math.prod(size for size in sizes if size is not None) if floating else 0, start, stop
        case _:
            raise _broken(file, f"its header does not say where tensor {shown(name)} lies")


def _sharded(checkpoint: Checkpoint, index: str) -> Weights:
    tensors = _weight_map(checkpoint.folder / index)
    shards = sorted(set(tensors.values()))
    missing = [shard for shard in shards if shard not in checkpoint.files]
    if missing:
        raise RefusedError(
            f"{index} names {', '.join(map(shown, missing[:4]))}, which the folder lacks", ReasonCode.MISSING_WEIGHTS
        )
    headers = {shard: read_header(checkpoint.folder / shard) for shard in shards}
    astray = next((name for name, shard in tensors.items() if name not in headers[shard].names), None)
    if astray is not None:
        raise _broken(tensors[astray], f"{index} says that it holds tensor {shown(astray)}, which it does not")
    return _add_up((index, *shards), headers, checkpoint)


def _weight_map(path: Path) -> dict[str, str]:
    """Read which shard holds each tensor; a shard is a file of the same folder, and nothing else."""
    found = mapping(read(path, LARGEST_VOCABULARY).get("weight_map"))
    tensors = {name: text(shard) for name, shard in found.items()}
    bad = next((shard for shard in tensors.values() if not shard.endswith(".safetensors") or "/" in shard or "\\" in shard), None)
    if bad is not None or not tensors:
        raise _broken(
            path.name, f"weight_map names {shown(bad)}, which is no safetensors file of its folder" if tensors else "no weight_map"
        )
    return tensors


def _add_up(files: tuple[str, ...], headers: Mapping[str, _Header], checkpoint: Checkpoint) -> Weights:
    """Sum over headers. Quantized weights are packed: how many parameters they stand for is not in the header."""
    packed = bool(checkpoint.quantization)
    return Weights(
        files=files,
        dtypes=tuple(sorted({DTYPES.get(one, one) for header in headers.values() for one in header.dtypes})),
        elements=None if packed else sum(header.elements for header in headers.values()),
        stored_bytes=sum(header.stored_bytes for header in headers.values()),
    )


def _pickled(checkpoint: Checkpoint, *, allow_pickle: bool) -> Weights:
    files = tuple(sorted(name for name in checkpoint.files if re.fullmatch(_PICKLES, name)))
    if not files:
        raise RefusedError(f"the folder holds no weights: neither {SINGLE} nor {INDEX}", ReasonCode.MISSING_WEIGHTS)
    if not allow_pickle:
        raise RefusedError(
            f"the weights are pickled ({files[0]}) and may run code when they are read: "
            "`allow_pickle: true` on the model in the suite allows it",
            ReasonCode.PICKLE,
        )
    return Weights(files=files)


def _broken(file: str, why: str) -> RefusedError:
    return RefusedError(f"{file} is broken: {why}", ReasonCode.BROKEN_WEIGHTS)
