"""How far outputs are from those of a reference, in float64.

The KL divergence of the case from the reference is the sum of p·log(p/q) over a row, p the reference's softmax and q the case's,
and the mean over rows, in nats. Beside it stand the share of rows with the same largest score, the largest difference of scores as
a share of the largest score, the same of other values that are predicted, and the smallest cosine of the two embeddings of one
item. docs/parity.md has the formulas.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.domain.metric import Metric
from bench.worker import metrics
from bench.worker.likeness.outputs import Outputs

_AT_ONCE = 1 << 22
"""Scores that are held in float64 at once: 32 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """Values by metric. `not_finite` counts numbers of the case that are none where the reference's are."""

    values: Mapping[Metric, float]
    not_finite: int = 0


def between(case: Outputs, reference: Outputs) -> Distances:
    """Measure how far CASE is from REFERENCE, of the same shapes. Where a score is no number only the agreement can be told."""
    values: dict[Metric, float] = {}
    broken = 0
    if case.scores is not None and reference.scores is not None:
        broken += _of_scores(case.scores, reference.scores, values)
    if case.embeddings is not None and reference.embeddings is not None:
        broken += _of_embeddings(case.embeddings, reference.embeddings, values)
    if reference.values:
        broken += _of_values(case.values, reference.values, values)
    return Distances(values=values, not_finite=broken)


def _of_scores(case: Any, reference: Any, values: dict[Metric, float]) -> int:
    """Add to VALUES what the rows of scores say; give how many scores are no numbers."""
    divergence, equal, apart, largest, broken, rows = 0.0, 0, 0.0, 0.0, 0, int(reference.shape[0])
    for ours, theirs in _in_pieces(case, reference):
        there = theirs.isfinite()
        wrong = there & ~ours.isfinite()
        broken += int(wrong.sum())
        rows_right = ~wrong.any(-1)
        equal += int(((ours.nan_to_num(nan=-_FAR).argmax(-1) == theirs.argmax(-1)) & rows_right).sum())
        largest = max(largest, float(theirs.where(there, 0.0).abs().max()))
        if not broken:
            apart = max(apart, float((ours - theirs).where(there, 0.0).abs().max()))
            divergence += float(_divergence(ours, theirs, there).sum())
    values[metrics.PARITY_TOP1] = equal / rows
    if not broken:
        values[metrics.PARITY_KL] = max(divergence / rows, 0.0)  # rounding may leave a little less than nothing
        if largest > 0:
            values[metrics.PARITY_ERROR] = apart / largest
    return broken


_FAR = 1e300


def _divergence(ours: Any, theirs: Any, there: Any) -> Any:
    """Give the divergence of each row; scores that the reference rules out have no part in it."""
    log_p = theirs.log_softmax(-1)
    log_q = ours.where(there, -_FAR).log_softmax(-1)
    return (log_p.exp() * (log_p - log_q).where(there, 0.0)).sum(-1)


def _in_pieces(case: Any, reference: Any) -> Iterator[tuple[Any, Any]]:
    """Give some rows of both at a time, in float64 on the host."""
    step = max(1, _AT_ONCE // int(reference.shape[-1]))
    for start in range(0, int(reference.shape[0]), step):
        yield case[start : start + step].cpu().double(), reference[start : start + step].cpu().double()


def _of_values(case: Mapping[str, Any], reference: Mapping[str, Any], values: dict[Metric, float]) -> int:
    """Add to VALUES the largest error of a prediction, each kind as a share of its own largest; give how many are no numbers."""
    errors, broken = [0.0], 0
    for name, kept in reference.items():
        ours, theirs = case[name].cpu().double(), kept.cpu().double()
        there = theirs.isfinite()
        broken += int((there & ~ours.isfinite()).sum())
        largest = float(theirs.where(there, 0.0).abs().max())
        errors += [float((ours - theirs).where(there, 0.0).abs().max()) / largest] if largest > 0 else []
    if not broken:
        values[metrics.PARITY_VALUES_ERROR] = max(errors)
    return broken


def _of_embeddings(case: Any, reference: Any, values: dict[Metric, float]) -> int:
    """Add to VALUES the smallest cosine of an item; give how many numbers of embeddings are none."""
    import torch

    ours, theirs = case.cpu().double(), reference.cpu().double()
    broken = int((~ours.isfinite() & theirs.isfinite()).sum())
    if not broken:
        found = torch.nn.functional.cosine_similarity(ours, theirs, dim=-1)
        values[metrics.PARITY_COSINE] = min(float(found.min()), 1.0)
    return broken
