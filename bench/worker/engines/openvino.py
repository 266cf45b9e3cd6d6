"""OpenVINO, through transformers' own exporter for it. What it computes in is said, for by default it may round to bfloat16."""

from collections.abc import Mapping
from importlib.util import find_spec

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker import exported
from bench.worker.engines import Engaged, Work
from bench.worker.failures import Refused

NEEDS = "openvino (pip install 'transformers-bench[openvino]')"
DEVICES = ("cpu",)
OPTIONS: tuple[str, ...] = ()
_PRECISION = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}


def engage(work: Work) -> Engaged:
    """Export the model of WORK, with open sizes, to be computed in its own dtype. Raises Refused."""
    if find_spec("openvino") is None:
        raise Refused(f"engine openvino needs {NEEDS}", ReasonCode.MISSING_PACKAGE)
    exported.refuse_version("openvino")
    import torch
    from transformers.exporters import OpenVINOConfig, OpenVINOExporter  # type: ignore[attr-defined]  # its exports are lazy

    dtype = str(work.loaded.model.dtype).removeprefix("torch.")
    config = OpenVINOConfig(dynamic=True, stateful=False)
    properties = {"INFERENCE_PRECISION_HINT": _PRECISION[dtype], "INFERENCE_NUM_THREADS": torch.get_num_threads()}

    def seen(graph: exported.Graph) -> Mapping[str, Json]:
        compiled = graph.runner.compiled_model
        return {
            "engine_devices": [str(one) for one in compiled.get_property("EXECUTION_DEVICES")],
            "engine_precision": str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string()),
        }

    runtime = exported.Runtime(name="openvino", exporter=OpenVINOExporter(), config=config, start={"config": properties}, seen=seen)
    return exported.engage(work, runtime)
