"""Samples of several ranks become those of one trial.

The whole takes as long as the slowest rank, call by call, and its peaks are those of the largest. Bytes that are stored, sent or
cached add up, and so do the parameters of a pipeline's stages. Each rank's own values stand beside the whole under `rank=N`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bench.domain.metric import Better, Samples

_SUMMED = frozenset(
    {"params.bytes", "params.bytes_after_call", "buffers.bytes", "memory.kv_cache", "transfer.bytes", "transfer.calls"}
)
_COUNTED = frozenset({"params.count", "params.trainable"})
_PIPELINE = "pipeline"

_Key = tuple[str, str, str | None]


def merged(
    by_rank: Mapping[int, Sequence[Samples]], parallel: str, copied: Mapping[str | None, int] | None = None
) -> Iterator[Samples]:
    """Give the samples of the whole and of each rank; what only some of the ranks have is in the whole where it adds up.

    COPIED says by part, None being all, how many parameters of a pipeline lie on two of its stages; they are counted once.
    """
    keyed = {rank: {_key(samples): samples for samples in own} for rank, own in by_rank.items()}
    for key in dict.fromkeys(key for rank in sorted(keyed) for key in keyed[rank]):
        every = [keyed[rank][key] for rank in sorted(keyed) if key in keyed[rank]]
        first = every[0]
        complete = len(every) == len(keyed) or _adds_up(first, parallel)
        if complete and len({len(samples.values) for samples in every}) == 1:
            whole = _whole([samples.values for samples in every], first, parallel)
            tied = (copied or {}).get(first.part, 0) if first.metric.name in _COUNTED and parallel == _PIPELINE else 0
            yield replace(first, values=tuple(value - tied for value in whole))
        if first.part is None:
            yield from (replace(keyed[rank][key], part=f"rank={rank}") for rank in sorted(keyed) if key in keyed[rank])


def _key(samples: Samples) -> _Key:
    return samples.metric.name, samples.phase, samples.part


def _adds_up(samples: Samples, parallel: str) -> bool:
    return samples.metric.name in _SUMMED or (samples.metric.name in _COUNTED and parallel == _PIPELINE)


def _whole(values: Sequence[tuple[float, ...]], first: Samples, parallel: str) -> tuple[float, ...]:
    """Reduce VALUES, one tuple a rank, call by call."""
    metric = first.metric
    if _adds_up(first, parallel):
        return tuple(sum(call) for call in zip(*values, strict=True))
    if metric.name in _COUNTED or metric.better is Better.NONE:
        return first.values
    worst = min if metric.better is Better.HIGHER else max
    return tuple(worst(call) for call in zip(*values, strict=True))
