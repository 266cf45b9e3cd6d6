"""What ranks hand over in one forward, by operation, and the share of a pipeline's time that a rank waits."""

from bench.worker.metrics import PIPELINE_IDLE, TRANSFER_BYTES, TRANSFER_CALLS, sample
from bench.worker.parallel import sharing, traffic
from bench.worker.probes import Cost, Reading, Subject
from bench.worker.steps import Call, forward_options

COST = Cost.OWN_PASS
PHASE = "probe.transfers"
_CALLS = 5


def read(subject: Subject) -> Reading:
    """Count one forward of this rank's share of the batch and time a few more; nothing is read of a model that is not shared."""
    if sharing.size() == 1:
        return Reading()
    call = Call(subject.loaded, sharing.share(subject.inputs, subject.requested), forward_options(subject.requested))

    def run() -> None:
        call.refresh()
        call.forward()

    found = traffic.count(run)
    idle = traffic.idle_share(subject.loaded.model, run, _CALLS)
    return Reading(
        samples=(
            sample(TRANSFER_BYTES, PHASE, sum(found.bytes.values())),
            sample(TRANSFER_CALLS, PHASE, sum(found.calls.values())),
            *(sample(TRANSFER_BYTES, PHASE, size, part=f"operation={name}") for name, size in sorted(found.bytes.items())),
            *(() if idle is None else (sample(PIPELINE_IDLE, PHASE, idle),)),
        )
    )
