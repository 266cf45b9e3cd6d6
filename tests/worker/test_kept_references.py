"""What of a reference's scores is kept."""

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from bench.worker.likeness import reference  # noqa: E402 -- torch first
from bench.worker.likeness.outputs import Outputs  # noqa: E402

pytestmark = pytest.mark.torch


def test_few_scores_are_all_kept() -> None:
    scores = torch.rand(10, 4)
    assert reference.few(scores) is None
    assert reference.thinned(scores) is scores


def test_of_many_rows_are_kept_from_the_first_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "MOST", 3 * 4 * 4)
    assert reference.thinned(torch.arange(10.0).unsqueeze(1).expand(10, 4))[:, 0].tolist() == [0.0, 4.0, 9.0]


def test_a_reference_is_read_as_it_was_left(tmp_path: Path) -> None:
    tokens, steps = torch.tensor([[1, 2]]), torch.rand(2, 4)
    left = reference.keep(Outputs(scores=torch.rand(3, 4)), "mark", {"parity_reference_dtype": "float32"}, None, tokens)
    reference.write(tmp_path / "r.safetensors", replace(left, steps=steps))
    found = reference.read(tmp_path / "r.safetensors")
    assert found.steps.equal(steps)
    assert found.tokens.equal(tokens)
    assert (found.mark, found.count, found.rows) == ("mark", 3, None)


def test_a_reference_of_before_has_no_steps(tmp_path: Path) -> None:
    reference.write(tmp_path / "r.safetensors", reference.keep(Outputs(scores=torch.rand(3, 4)), "mark", {}, None, None))
    assert reference.read(tmp_path / "r.safetensors").steps is None
