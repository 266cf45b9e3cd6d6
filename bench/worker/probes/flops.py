"""Floating-point operations of one forward, by component."""

from bench.worker import engines
from bench.worker.metrics import FLOPS, sample
from bench.worker.network import attention, flops
from bench.worker.probes import Cost, Reading, Subject
from bench.worker.steps import forward_call

COST = Cost.OWN_PASS
PHASE = "probe.flops"


def read(subject: Subject) -> Reading:
    """Count one forward. Operators that are not counted are named in `flops_uncounted`: the number is then known to lack them."""
    call = forward_call(subject.loaded, subject.inputs, subject.requested)
    model = subject.loaded.model
    # The work is the model's, whoever does it; only torch's operators can be counted.
    with engines.without(model), attention.by_products(model):
        call.refresh()
        found = flops.count(model, call.forward)
    parts = (sample(FLOPS, PHASE, value, part=f"component={name}") for name, value in sorted(found.by_component.items()))
    return Reading(samples=(sample(FLOPS, PHASE, found.total), *parts), facts={"flops_uncounted": list(found.uncounted)})
