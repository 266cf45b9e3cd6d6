"""ONNX Runtime through optimum-onnx, which needs a transformers older than the range of this package."""

from bench.domain.outcome import ReasonCode
from bench.worker.engines import Engaged, Work
from bench.worker.failures import Refused

NEEDS = "an environment of its own with optimum-onnx, which pins transformers below 4.58"
DEVICES = ("cpu", "cuda")
OPTIONS: tuple[str, ...] = ()


def engage(work: Work) -> Engaged:
    """Refuse: this worker's transformers is not one that optimum-onnx runs with."""
    import transformers

    del work
    msg = (
        f"engine optimum-onnx pins transformers below 4.58, and this is {transformers.__version__}: it needs {NEEDS}, "
        "which this version does not measure in"
    )
    raise Refused(msg, ReasonCode.NO_ENVIRONMENT)
