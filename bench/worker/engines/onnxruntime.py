"""ONNX Runtime, through transformers' own ONNX exporter, fused into the runtime's own operators where that computes the same.

What the exporter fuses can be wrong, or fail to start: without `fusions` in the suite such a graph is exported once more unfused,
and the record says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker import exported
from bench.worker.engines import Engaged, Work
from bench.worker.failures import Refused

NEEDS = "onnx, onnxscript and onnxruntime (pip install 'transformers-bench[onnx]')"
DEVICES = ("cpu", "cuda")
OPTIONS = ("dynamic", "fusions")
_OF_ONNX = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_CONTRIBUTED = frozenset({"SimplifiedLayerNormalization"})
"""Operators of ONNX Runtime's own that stand in the standard's domain."""


def engage(work: Work) -> Engaged:
    """Export the model of WORK, with open sizes unless `dynamic` is false, fused for where it runs. Raises Refused."""
    dynamic = work.options.get("dynamic", True) is True
    if not dynamic and Trait.GENERATES in work.traits:
        msg = "engine onnxruntime: dynamic false exports fixed sizes, and the cache of a generation grows with every token"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise Refused(f"engine onnxruntime needs {', '.join(missing)}: {NEEDS}", ReasonCode.MISSING_PACKAGE)
    exported.refuse_version("onnxruntime")
    if "fusions" in work.options:
        return exported.engage(work, _runtime(work, fused=work.options["fusions"] is True, dynamic=dynamic))
    try:
        return exported.engage(work, _runtime(work, fused=True, dynamic=dynamic))
    except Refused as refusal:
        why = refusal.refusal.reason
    engaged = exported.engage(work, _runtime(work, fused=False, dynamic=dynamic))  # out there the first graphs are let go
    return replace(engaged, observe=lambda: {**engaged.observe(), "engine_unfused_for": why})


def _runtime(work: Work, *, fused: bool, dynamic: bool) -> exported.Runtime:
    import onnxruntime
    import torch
    from transformers.exporters import OnnxConfig, OnnxExporter  # type: ignore[attr-defined]  # its exports are lazy

    kind = work.loaded.device.partition(":")[0]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return exported.Runtime(
        name="onnxruntime",
        exporter=OnnxExporter(),
        config=OnnxConfig(dynamic=dynamic, ort_fusions=None if not fused else "cuda" if kind == "cuda" else "cpu"),
        start={"session_options": options},
        seen=lambda graph: _seen(graph, work.requested["engine"]),
    )


def _seen(graph: exported.Graph, asked: Json) -> Mapping[str, Json]:
    """Read off GRAPH where it runs, which of its operators are the runtime's own, and what was ASKED of it."""
    session, fused = graph.runner.session, sorted(set(_fused(graph.program)))
    spelled: Mapping[str, Json] = {
        "name": "onnxruntime",
        "dynamic": any(not isinstance(size, int) for one in session.get_inputs() for size in one.shape),
        "fusions": bool(fused),
    }
    facts: dict[str, Json] = {"engine_devices": list(session.get_providers()), "engine_fused_operators": list(fused)}
    return {**facts, "engine": {key: spelled[key] for key in asked}} if isinstance(asked, Mapping) else facts


def _fused(program: Any) -> Iterator[str]:
    for node in program.graph.all_nodes():
        if node.domain not in _OF_ONNX or node.op_type in _CONTRIBUTED:
            yield node.op_type
