"""The attention kernel that really ran, seen by the profiler in one forward pass of its own."""

from bench.worker import attention
from bench.worker.probes import Cost, Reading, Subject
from bench.worker.steps import Call, forward_options

COST = Cost.OWN_PASS


def read(subject: Subject) -> Reading:
    """Run one forward under the profiler. Raises Refused where the kernel is not the one asked for."""
    call = Call(subject.loaded, subject.inputs, forward_options(subject.requested))
    call.refresh()
    ran = attention.seen(call.forward)
    asked = str(subject.requested["attention"])
    attention.check_kernel(asked, ran)
    facts = {"attention_kernel": ran}
    return Reading(facts={**facts, "attention": asked} if ":" in asked else facts)
