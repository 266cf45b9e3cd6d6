"""From a checkpoint to a model of optimum-onnx: the model is traced and converted by its exporter, and a session is started.

The source is loaded as every model is, so that its weights are checked against the checkpoint's and its attention is the one asked
for; what is exported is that very model. Torch's weights are let go before anything is timed.
"""

import gc
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from bench.domain.outcome import Outcome, ReasonCode
from bench.worker.exported import said
from bench.worker.failures import Refused, classify

HEADS: Mapping[str, tuple[str, str]] = {
    "text-generation": ("text-generation-with-past", "ORTModelForCausalLM"),
    "fill-mask": ("fill-mask", "ORTModelForMaskedLM"),
    "feature-extraction": ("feature-extraction", "ORTModelForFeatureExtraction"),
    "text-classification": ("text-classification", "ORTModelForSequenceClassification"),
    "token-classification": ("token-classification", "ORTModelForTokenClassification"),
    "question-answering": ("question-answering", "ORTModelForQuestionAnswering"),
}
"""What optimum calls the export for a task of ours, and its class that runs it."""

PROVIDER = "CPUExecutionProvider"
_Result = TypeVar("_Result")


def export(network: Any, task: str) -> tuple[Any, dict[str, float]]:
    """Export NETWORK for TASK and start it; give the model of optimum-onnx, and the seconds of both parts.

    Raises Refused in the exporter's or the runtime's words where they cannot.
    """
    seconds: dict[str, float] = {}
    name, folder = type(network).__name__, Path(tempfile.mkdtemp(prefix="bench-optimum-onnx-"))
    _timed("convert", seconds, lambda: _convert(network, folder, HEADS[task][0]), f"{name} cannot be exported")
    started = _timed("start", seconds, lambda: _start(folder, HEADS[task][1]), f"what was exported of {name} does not start")
    return started, seconds


def let_go() -> None:
    """Return to the system what nothing holds any more of a model that was exported."""
    gc.collect()


def _timed(part: str, seconds: dict[str, float], run: Callable[[], _Result], wrong: str) -> _Result:
    start = time.perf_counter()
    try:
        result = run()
    except Exception as error:  # exporters raise whatever the libraries below them do
        if classify(error).outcome is Outcome.OUT_OF_MEMORY:
            raise
        raise Refused(f"engine optimum-onnx: {wrong}: {said(error)}", ReasonCode.NOT_IN_CLASS) from error
    seconds[part] = time.perf_counter() - start
    return result


def _convert(network: Any, folder: Path, task: str) -> None:
    import torch
    from optimum.exporters.onnx import onnx_export_from_model

    with torch.no_grad():
        onnx_export_from_model(network, output=folder, task=task, do_validation=False, device="cpu")


def _start(folder: Path, name: str) -> Any:
    import onnxruntime
    import torch
    from optimum import onnxruntime as runtime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return getattr(runtime, name).from_pretrained(folder, provider=PROVIDER, session_options=options, local_files_only=True)
