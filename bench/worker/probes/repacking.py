"""Bytes of a quantized model after its first call: kernels for 4 bits repack weights in place on some machines."""

from bench.worker.metrics import PARAMS_BYTES_AFTER_CALL, sample
from bench.worker.network import sizes
from bench.worker.probes import Cost, Reading, Subject

COST = Cost.OWN_PASS


def read(subject: Subject) -> Reading:
    """Sum what SUBJECT's model stores now, after all calls; nothing is read where nothing was asked to be quantized."""
    if subject.requested.get("quantization", "none") == "none":
        return Reading()
    return Reading(samples=(sample(PARAMS_BYTES_AFTER_CALL, "probe.repacking", sizes.of(subject.loaded.model).bytes),))
