"""What of a reference's scores is kept."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from bench.worker.likeness import distances, outputs, reference  # noqa: E402 -- torch first
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


def test_boxes_masks_and_depths_are_read_kept_and_compared(tmp_path: Path) -> None:
    boxes, depths = torch.rand(2, 3, 4), torch.rand(2, 8, 8)
    found = outputs.read(SimpleNamespace(logits=torch.rand(2, 3, 5), pred_boxes=boxes, predicted_depth=depths))
    reference.write(tmp_path / "r.safetensors", reference.keep(found, "mark", {}, None, None))
    kept = reference.read(tmp_path / "r.safetensors")
    assert kept.outputs.values.keys() == {"pred_boxes", "predicted_depth"}
    moved = replace(found, values={**found.values, "pred_boxes": found.values["pred_boxes"] + 0.01})
    apart = {metric.name: value for metric, value in distances.between(moved, kept.outputs).values.items()}
    assert apart["parity.max_relative_error"] == 0
    assert apart["parity.values_max_relative_error"] == pytest.approx(0.01 / float(boxes.max()), rel=1e-4)


def test_of_many_values_some_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "MOST", 4 * 3)
    found = outputs.read(SimpleNamespace(predicted_depth=torch.arange(10.0)))
    kept = reference.keep(found, "mark", {}, None, None)
    assert kept.outputs.values["predicted_depth"].flatten().tolist() == [0.0, 4.0, 9.0]
    assert [*distances.between(kept.fit(found), kept.outputs).values.values()] == [0.0]


def test_a_value_that_is_no_number_is_counted() -> None:
    found = outputs.read(SimpleNamespace(predicted_depth=torch.tensor([1.0, 2.0])))
    broken = outputs.read(SimpleNamespace(predicted_depth=torch.tensor([1.0, torch.nan])))
    apart = distances.between(broken, found)
    assert (apart.not_finite, apart.values) == (1, {})


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        (Outputs(scores=torch.tensor([[1.0, -INFINITE]])), False),
        (Outputs(scores=torch.tensor([[1.0, NAN]])), True),
        (Outputs(scores=torch.tensor([[1.0, INFINITE]])), True),
        (Outputs(embeddings=torch.tensor([[1.0, NAN]])), True),
        (Outputs(values={"pred_boxes": torch.tensor([[NAN]])}), True),
        (Outputs(scores=torch.ones(1, 2), values={"pred_boxes": torch.ones(1, 1)}), False),
    ],
)
def test_outputs_that_are_no_numbers_are_none_to_compare_with(found: Outputs, *, broken: bool) -> None:
    assert found.is_broken is broken
