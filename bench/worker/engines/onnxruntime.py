"""ONNX Runtime, through transformers' own ONNX exporter."""

from collections.abc import Mapping
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
OPTIONS = ("dynamic",)


def engage(work: Work) -> Engaged:
    """Export the model of WORK, with open sizes unless `dynamic` is false, fused for where it runs. Raises Refused."""
    dynamic = work.options.get("dynamic", True) is True
    if not dynamic and Trait.GENERATES in work.traits:
        msg = "engine onnxruntime: dynamic false exports fixed sizes, and the cache of a generation grows with every token"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise Refused(f"engine onnxruntime needs {', '.join(missing)}: {NEEDS}", ReasonCode.MISSING_PACKAGE)
    import onnxruntime
    import torch
    from transformers.exporters import OnnxConfig, OnnxExporter  # type: ignore[attr-defined]  # its exports are lazy

    kind = work.loaded.device.partition(":")[0]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    config = OnnxConfig(dynamic=dynamic, ort_fusions="cuda" if kind == "cuda" else "cpu")
    asked = work.requested["engine"]

    def seen(runner: Any) -> Mapping[str, Json]:
        open_sizes = any(not isinstance(size, int) for one in runner.session.get_inputs() for size in one.shape)
        spelled: Mapping[str, Json] = {"name": "onnxruntime", "dynamic": open_sizes}
        facts: dict[str, Json] = {"engine_devices": list(runner.session.get_providers())}
        return {**facts, "engine": {key: spelled[key] for key in asked}} if isinstance(asked, Mapping) else facts

    runtime = exported.Runtime(
        name="onnxruntime", exporter=OnnxExporter(), config=config, start={"session_options": options}, seen=seen
    )
    return exported.engage(work, runtime)
