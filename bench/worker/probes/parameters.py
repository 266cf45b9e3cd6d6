"""Parameters: how many, and how many bytes, by dtype and by component. Tied parameters are counted once."""

from collections import Counter
from typing import Any

from bench.domain.metric import Metric, Samples
from bench.worker.components import component_of
from bench.worker.metrics import BUFFERS_BYTES, PARAMS_BYTES, PARAMS_COUNT, PARAMS_TRAINABLE, sample
from bench.worker.probes import Cost, Reading, Subject

COST = Cost.STATIC
PHASE = "load"


def read(subject: Subject) -> Reading:
    """Count SUBJECT's unique parameters (named_parameters gives a tied one once) and their bytes as stored."""
    count, size = Counter[str](), Counter[str]()
    total = trainable = 0
    for name, parameter in subject.loaded.model.named_parameters():
        parts = (
            f"component={component_of(name, subject.traits)}",
            f"dtype={str(parameter.dtype).removeprefix('torch.')}",
        )
        for part in parts:
            count[part] += parameter.numel()
            size[part] += parameter.numel() * parameter.element_size()
        total += parameter.numel()
        trainable += parameter.numel() if parameter.requires_grad else 0
    whole = (
        sample(PARAMS_COUNT, PHASE, total),
        sample(PARAMS_TRAINABLE, PHASE, trainable),
        sample(PARAMS_BYTES, PHASE, _stored(subject.loaded.model.parameters())),
        sample(BUFFERS_BYTES, PHASE, _stored(subject.loaded.model.buffers())),
    )
    return Reading(samples=(*whole, *_parts(PARAMS_COUNT, count), *_parts(PARAMS_BYTES, size)))


def _stored(tensors: Any) -> int:
    """Sum the bytes of TENSORS' storages, each storage once."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    storages.pop(0, None)
    return sum(storages.values())


def _parts(metric: Metric, by_part: "Counter[str]") -> tuple[Samples, ...]:
    return tuple(sample(metric, PHASE, value, part=part) for part, value in sorted(by_part.items()))
