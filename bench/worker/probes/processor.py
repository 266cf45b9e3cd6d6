"""How large the processor is: its files on disk, and what loading it added to resident memory."""

from bench.worker.metrics import PROCESSOR_DISK, PROCESSOR_GROWTH, sample
from bench.worker.probes import Cost, Reading, Subject

COST = Cost.STATIC
PHASE = "load"


def read(subject: Subject) -> Reading:
    """Give what the load found out; nothing where no processor was loaded."""
    disk, growth = subject.loaded.processor_bytes, subject.loaded.processor_growth_bytes
    if disk is None or growth is None:
        return Reading()
    return Reading(samples=(sample(PROCESSOR_DISK, PHASE, disk), sample(PROCESSOR_GROWTH, PHASE, growth)))
