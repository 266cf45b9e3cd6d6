"""What is seen of an ONNX model that optimum-onnx runs: its files and session, what arrives at its forward, and that it ran.

Such a model has no modules to put hooks on. Its forward and its session's `run` are looked at instead, in the first call only.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from bench.domain.values import Json
from bench.worker.generating import decoding
from bench.worker.loads.loading import Loaded
from bench.worker.network import observe

RUNS = "engine_runs"
"""The fact that counts how often the session ran while the first call was looked at."""
_RUNNERS = ("run", "run_with_iobinding")
_DTYPES = {
    "FLOAT": "float32", "FLOAT16": "float16", "BFLOAT16": "bfloat16", "DOUBLE": "float64", "INT64": "int64", "INT32": "int32",
    "INT16": "int16", "INT8": "int8", "UINT8": "uint8", "BOOL": "bool",
}  # fmt: skip
_QUANTIZED = ("Quantize", "Integer", "QLinear", "NBits")
_CACHE = "past_key_values"
_RETURNED: Mapping[str, str] = {"output_attentions": "attentions", "output_hidden_states": "hidden_states"}


def of_model(model: Any) -> dict[str, Json]:
    """Read classes, files, dtypes, device and threads off MODEL, its session and its files, not off what was asked."""
    graph = _graph(model.path)
    held = _held(graph)
    floating = [name for name in held if "float" in name]
    operators = {node.op_type for node in graph.node}
    names = (*model.input_names, *model.output_names)
    return {
        "model_class": type(model).__name__,
        "dtype": floating[0] if floating else "none",
        "dtypes": list[Json](floating) or ["none"],
        "quantization": "onnx" if any(mark in name for name in operators for mark in _QUANTIZED) else "none",
        "device": str(model.device),
        "device_map": "none",
        "ranks": 1,
        "threads": int(model.session.get_session_options().intra_op_num_threads),
        "environment": sys.executable,
        "engine_devices": list(model.session.get_providers()),
        "onnx_files": {path.name: path.stat().st_size for path in sorted(model.path.parent.glob(f"{model.path.name}*"))},
        "onnx_bytes": dict(held),
        "onnx_inputs": list(model.input_names),
        "onnx_outputs": list(model.output_names),
        **{axis: any(word in name for name in names) for axis, word in _RETURNED.items()},
    }


def _graph(path: Path) -> Any:
    import onnx

    return onnx.load(str(path), load_external_data=False).graph


def _held(graph: Any) -> dict[str, int]:
    """Sum the bytes of GRAPH's initializers and constants by dtype, the one that holds most first."""
    import onnx
    import torch

    held: dict[str, int] = {}
    constants = (one.t for node in graph.node if node.op_type == "Constant" for one in node.attribute if one.name == "value")
    for one in (*graph.initializer, *constants):
        name = _DTYPES.get(onnx.TensorProto.DataType.Name(one.data_type), "other")
        size = 1
        for length in one.dims:
            size *= int(length)
        held[name] = held.get(name, 0) + size * (1 if name == "other" else int(getattr(torch, name).itemsize))
    return dict(sorted(held.items(), key=lambda item: -item[1]))


@contextmanager
def seen(loaded: Loaded, facts: dict[str, Json]) -> Iterator[None]:
    """Read into FACTS what arrives at the forward of LOADED's model, how it generates, and its session's runs, in the block."""
    from unittest.mock import patch

    model = loaded.model
    facts[RUNS] = 0
    with ExitStack() as undo:
        told = undo.enter_context(decoding.looping({type(model)}))
        for name in _RUNNERS:
            undo.enter_context(patch.object(model.session, name, _counted(getattr(model.session, name), facts)))
        undo.enter_context(patch.object(model, "forward", _looked_at(model.forward, facts, told)))
        yield
    if told:
        facts |= decoding.told_of(loaded, told)


def _counted(run: Callable[..., Any], facts: dict[str, Json]) -> Callable[..., Any]:
    @wraps(run)
    def counted(*arguments: Any, **options: Any) -> Any:
        facts[RUNS] = int(str(facts[RUNS])) + 1
        return run(*arguments, **options)

    return counted


def _looked_at(forward: Callable[..., Any], facts: dict[str, Json], told: dict[str, Any]) -> Callable[..., Any]:
    """Give FORWARD with someone beside it who notes what it gets and gives at its first call. Generations read its signature."""

    @wraps(forward)
    def look(*arguments: Any, **options: Any) -> Any:
        outputs = forward(*arguments, **options)
        first = "mask_in_forward" not in facts
        if first:
            facts["mask_in_forward"] = observe.mask_of(options.get("attention_mask"))
            facts["autocast"] = observe.autocast("cpu")
        if first and told:
            told["width"] = int(options["input_ids"].shape[1])
        if hasattr(outputs, _CACHE):
            _note_cache(facts, given=_length(options.get(_CACHE)), left=_length(outputs[_CACHE]), first=first)
        return outputs

    return look


def _note_cache(facts: dict[str, Json], *, given: int, left: int, first: bool) -> None:
    """Note the cache of a pass that was GIVEN one of so many tokens and LEFT one: it grows, or there is none."""
    if first:
        facts["depth"] = given
    kept = left > given and (first or given > 0)
    facts["cache"] = "dynamic" if kept and facts.get("cache", "dynamic") == "dynamic" else "none"


def _length(cache: Any) -> int:
    """Give the tokens that CACHE holds: plain tuples of keys and values, or an object of transformers around them."""
    if hasattr(cache, "get_seq_length"):
        return int(cache.get_seq_length())
    while isinstance(cache, tuple | list) and cache:
        cache = cache[0]
    return int(cache.shape[-2]) if hasattr(cache, "shape") else 0
