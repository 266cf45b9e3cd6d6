"""ONNX Runtime through optimum-onnx, which needs a transformers older than the range of this package, and so lives abroad.

It has a recipe of its own, bench/worker/abroad: its model is no module of torch, and another environment prepares its inputs.
"""

from importlib import metadata, util

from bench.domain.outcome import ReasonCode
from bench.protocol.messages import Measure
from bench.worker.clock import Clock
from bench.worker.engines import Engaged, Work
from bench.worker.failures import Refused
from bench.worker.wire import Send

NEEDS = "an environment of its own with optimum-onnx, which pins transformers below 4.58"
DEVICES = ("cpu",)
OPTIONS: tuple[str, ...] = ()
WRITE = (
    'write `environments: {optimum: ["optimum-onnx[onnxruntime]==0.1.0", "torch==2.13.0"]}` and the axis `environment: [optimum]` '
    "in the suite, as suites/optimum-onnx.yaml does"
)


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Measure the case of REQUEST once. Raises Refused where this environment is none that optimum-onnx lives in."""
    refuse()
    if request.handed is None:
        msg = "engine optimum-onnx takes inputs that `bench run` prepares in its own environment, and none were handed over"
        raise Refused(msg, ReasonCode.NO_ENVIRONMENT)
    from bench.worker.abroad import measuring

    measuring.measure(request, request.handed, send, clock)


def engage(work: Work) -> Engaged:
    """Refuse: the model of WORK is one of torch, loaded by the common recipe, and optimum-onnx loads its own."""
    del work
    refuse()
    raise Refused("engine optimum-onnx loads its model itself: it is measured by `bench run` alone", ReasonCode.NOT_IN_VERSION)


def refuse() -> None:
    """Raise Refused where optimum-onnx is not here, or cannot be imported."""
    version = metadata.version("transformers")
    try:
        metadata.version("optimum-onnx")
    except metadata.PackageNotFoundError as error:
        msg = f"engine optimum-onnx needs {NEEDS}, and this one has transformers {version} and no optimum-onnx: {WRITE}"
        raise Refused(msg, ReasonCode.NO_ENVIRONMENT) from error
    if util.find_spec("onnxruntime") is None:
        msg = f"engine optimum-onnx needs onnxruntime beside optimum-onnx, which is not installed here: {WRITE}"
        raise Refused(msg, ReasonCode.MISSING_PACKAGE)
    try:
        import optimum.onnxruntime  # noqa: F401 -- so that no load's stages hold it
    except ImportError as error:
        said = " ".join(str(error).split())[:300]
        msg = f"engine optimum-onnx cannot be imported beside transformers {version}: {said}"
        raise Refused(msg, ReasonCode.NO_ENVIRONMENT) from error
