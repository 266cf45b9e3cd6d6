"""Parameters: how many, and how many bytes, by dtype and by component. Tied parameters are counted once."""

from collections.abc import Mapping

from bench.domain.metric import Metric, Samples
from bench.worker.metrics import BUFFERS_BYTES, PARAMS_BYTES, PARAMS_COUNT, PARAMS_TRAINABLE, sample
from bench.worker.network import sizes
from bench.worker.probes import Cost, Reading, Subject

COST = Cost.STATIC
PHASE = "load"
_KINDS = ("component", "dtype")


def read(subject: Subject) -> Reading:
    """Count SUBJECT's unique parameters and their bytes as stored."""
    found = sizes.of(subject.loaded.model)
    whole = (
        sample(PARAMS_COUNT, PHASE, found.parameters),
        sample(PARAMS_TRAINABLE, PHASE, found.trainable),
        sample(PARAMS_BYTES, PHASE, found.bytes),
        sample(BUFFERS_BYTES, PHASE, found.buffers),
    )
    return Reading(samples=(*whole, *_parts(PARAMS_COUNT, found.count), *_parts(PARAMS_BYTES, found.size)))


def _parts(metric: Metric, by_kind: Mapping[str, Mapping[str, int]]) -> tuple[Samples, ...]:
    return tuple(
        sample(metric, PHASE, value, part=f"{kind}={part}")
        for kind in _KINDS
        for part, value in sorted(by_kind.get(kind, {}).items())
    )
