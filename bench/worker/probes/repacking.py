"""A quantized model after its calls: some kernels repack weights in place, and some libraries unpack them in the first call."""

from bench.domain.values import Json
from bench.worker.metrics import PARAMS_BYTES_AFTER_CALL, sample
from bench.worker.network import sizes
from bench.worker.precision import quantized
from bench.worker.probes import Cost, Reading, Subject

COST = Cost.OWN_PASS


def read(subject: Subject) -> Reading:
    """Look at what SUBJECT's model stores now, after all calls; nothing is read where nothing was asked to be quantized.

    Layers that are in `quantized_share` and not in `quantized_share_after_call` were unpacked, and compute in full precision.
    """
    if subject.requested.get("quantization", "none") == "none":
        return Reading()
    model = subject.loaded.model
    samples = (sample(PARAMS_BYTES_AFTER_CALL, "probe.repacking", sizes.of(model).bytes),)
    facts: dict[str, Json] = {"quantized_share_after_call": quantized.facts(model)["quantized_share"]}
    return Reading(samples=samples, facts=facts)
