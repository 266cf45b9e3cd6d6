"""The attention kernels that really ran, of the whole and of each sub-model, seen by the profiler in one forward of its own."""

from bench.domain.values import Json
from bench.worker.network import attention, kernels
from bench.worker.probes import Cost, Reading, Subject
from bench.worker.steps import Call, forward_options

COST = Cost.OWN_PASS


def read(subject: Subject) -> Reading:
    """Run one forward under the profiler. Raises Refused where the kernel is not the one asked for."""
    if subject.loaded.engaged is not None and not subject.loaded.engaged.is_torch:
        return Reading()  # its kernels are its own, and torch's profiler sees none of them
    call = Call(subject.loaded, subject.inputs, forward_options(subject.requested))
    call.refresh()
    asked, eager = str(subject.requested["attention"]), subject.requested.get("engine", "eager") == "eager"
    ran = kernels.seen(subject.loaded, call.forward, by_part=eager)
    attention.check_kernel(asked, ran.whole, compiled=not eager)
    facts: dict[str, Json] = {"attention_kernel": ran.whole, "attention_kernel_by_component": dict(ran.by_part)}
    return Reading(facts={**facts, "attention": asked} if ":" in asked else facts)
