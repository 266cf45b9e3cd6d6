"""Which transformers trials run with: those of version 5. What is older loads, calls and names things in other ways."""

from importlib import metadata

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused

LEAST = 5


def refuse() -> None:
    """Raise Refused where this environment's transformers is too old to be measured by the common recipe."""
    version = metadata.version("transformers")
    if int(version.partition(".")[0]) < LEAST:
        msg = (
            f"transformers {version} is older than {LEAST}.0, the first that this version measures with: "
            "with an older one it measures engine optimum-onnx alone"
        )
        raise Refused(msg, ReasonCode.NO_ENVIRONMENT)
