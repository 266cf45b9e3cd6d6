"""What optimum-onnx cannot run as it is asked for, or would run as something else: said before anything is loaded."""

import json
from collections.abc import Mapping

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.protocol.messages import Measure
from bench.worker import engines
from bench.worker.abroad import exporting
from bench.worker.failures import Refused
from bench.worker.loads import devices, loading

_KEPT: Mapping[str, Json] = {
    "autocast": "none", "quantization": "none", "device_map": "none", "ranks": 1, "cache": "dynamic", "depth": 0, "draft": "none",
    "prefill_chunk": "none", "mask": "padding", "output_attentions": False, "output_hidden_states": False, "experts": "auto",
}  # fmt: skip
"""Axes of which optimum's graphs know one value."""
_UNREAD = "rope_parameters"
"""A key of configs since transformers 5: an older one would take its own defaults, and say nothing."""


def refuse(request: Measure) -> None:
    """Raise Refused where optimum-onnx cannot run what REQUEST asks, before anything is loaded."""
    requested, task = request.case.requested, request.model.task
    engines.refuse(requested, devices.resolve(str(requested["device"])))
    if task not in exporting.HEADS:
        msg = f"engine optimum-onnx: {task} is not measured with it in this version (it measures {', '.join(exporting.HEADS)})"
        raise Refused(msg, ReasonCode.NOT_IN_VERSION)
    attention = str(requested["attention"])
    if attention not in {"auto", "eager", "sdpa"}:
        raise Refused(
            f"engine optimum-onnx has kernels of its own: attention {attention} names one of torch's", ReasonCode.NOT_IN_CLASS
        )
    for axis, kept in _KEPT.items():
        if requested.get(axis, kept) != kept:
            raise Refused(f"engine optimum-onnx: its graphs are exported for {axis} {kept} only", ReasonCode.NOT_IN_CLASS)
    config = loading.folder_of(request.model) / "config.json"
    if _holds(json.loads(config.read_text(encoding="utf-8")), _UNREAD):
        whose = request.model.ref.name
        msg = f"engine optimum-onnx: its transformers does not read {_UNREAD}, from which {whose} has its positions"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)


def _holds(held: Json, key: str) -> bool:
    """Tell whether a mapping in HELD has KEY, at any depth."""
    return isinstance(held, Mapping) and (key in held or any(_holds(one, key) for one in held.values()))
