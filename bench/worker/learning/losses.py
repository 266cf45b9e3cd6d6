"""Losses of a case's first steps against those of its reference: the first tells of the forward pass, later ones of the backward.

Both start from the same weights with the same batch, dropout off. The reference leaves its losses in a file, with a mark of what it
was given.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.domain.metric import Samples
from bench.domain.values import Json
from bench.protocol.messages import Parity
from bench.worker import metrics
from bench.worker.likeness import reference

PHASE = "kept_steps"


def compare(
    parity: Parity | None, losses: Sequence[float], batch: Mapping[str, Any]
) -> tuple[tuple[Samples, ...], dict[str, Json]]:
    """Give the relative difference of each of LOSSES from the reference's, and what is to be said; nothing without a reference."""
    if parity is None:
        return (), {}
    path, mark = Path(parity.path), reference.mark_of(batch)
    facts: dict[str, Json] = {"parity_reference": parity.reference}
    if parity.missing is not None:
        return (), {**facts, "parity_missing": parity.missing}
    if parity.own and not path.exists():
        _leave(path, mark, losses)
    if not path.exists():
        return (), {**facts, "parity_missing": "the reference left no losses"}
    kept = json.loads(path.read_text(encoding="utf-8"))
    if kept["mark"] != mark or len(kept["losses"]) != len(losses):
        return (), {**facts, "parity_missing": "the reference was given another batch"}
    apart = tuple(abs(ours - theirs) / max(abs(theirs), 1e-12) for ours, theirs in zip(losses, kept["losses"], strict=True))
    return (metrics.sample(metrics.PARITY_LOSS, PHASE, *apart),), facts


def _leave(path: Path, mark: str, losses: Sequence[float]) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps({"mark": mark, "losses": list(losses)}), encoding="utf-8")
    beside.replace(path)
