"""Embeddings of a runtime that pools nothing: means of its hidden states are compared with those of a reference that pools."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.worker.likeness import distances, outputs, reference
from bench.worker.likeness.outputs import Outputs
from bench.worker.metrics import PARITY_COSINE

pytestmark = pytest.mark.torch


def of_reference(path: Path) -> tuple[reference.Kept, Outputs]:
    """Give what a pooling model left, and what a runtime gives of it that has hidden states alone."""
    import torch

    torch.manual_seed(0)
    hidden, kept = torch.rand(2, 5, 8), torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    ours = outputs.read(SimpleNamespace(last_hidden_state=hidden, pooler_output=-hidden[:, 0]), kept)
    reference.write(path, reference.keep(ours, "mark", {}, kept, None))
    return reference.read(path), outputs.read(SimpleNamespace(last_hidden_state=hidden), kept)


def test_hidden_states_are_compared_with_the_means_of_a_reference_that_pools(tmp_path: Path) -> None:
    kept, bare = of_reference(tmp_path / "kept")
    assert distances.between(bare, kept.beside(bare)).values[PARITY_COSINE] == pytest.approx(1)
    assert distances.between(bare, kept.outputs).values[PARITY_COSINE] < 0


def test_what_was_pooled_is_compared_with_what_was_pooled(tmp_path: Path) -> None:
    kept, bare = of_reference(tmp_path / "kept")
    pooled = Outputs(embeddings=kept.outputs.embeddings, pooled=True)
    assert kept.beside(pooled) is kept.outputs
    assert replace(kept, outputs=bare).beside(bare) == bare
