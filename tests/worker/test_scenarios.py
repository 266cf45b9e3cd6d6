"""Scenarios beside inference, measured by the real worker: what they find on sound models, and on ones with a planted fault."""

from typing import Any

import pytest

from bench.analysis.endurance import rises, theil_sen
from tests.support import scenario_worker

pytestmark = pytest.mark.torch

STEPS = 5
MIB = 1 << 20


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return scenario_worker.run(tmp_path_factory.mktemp("scenarios"))


def test_steps_are_kept_one_by_one_and_compare_with_themselves_as_equal(told: dict[str, Any]) -> None:
    samples = told["reference"]["samples"]
    assert len(samples["train.loss"]) == STEPS
    assert samples["train.loss"][-1] < samples["train.loss"][0]
    assert samples["parity.loss"] == [0.0] * STEPS


def test_the_parts_of_a_step_sum_to_it(told: dict[str, Any]) -> None:
    samples = told["reference"]["samples"]
    parts = [sum(one) for one in zip(*(samples[f"train.{name}"] for name in ("forward", "backward", "optimizer")), strict=True)]
    assert sum(parts) == pytest.approx(sum(samples["train.step"]), rel=0.03)


def test_bytes_of_training_are_those_of_the_weights(told: dict[str, Any]) -> None:
    samples = told["reference"]["samples"]
    (trained,) = samples["params.trainable"]
    assert samples["memory.gradients"] == [4 * trained]
    assert 8 * trained <= samples["memory.optimizer_state"][0] < 8.1 * trained  # two moments, and a count for each parameter


@pytest.mark.parametrize("way", ["again", "accelerate"])
def test_another_way_to_the_same_step_learns_the_same(told: dict[str, Any], way: str) -> None:
    assert told[way]["outcome"] == "finished"
    assert max(told[way]["samples"]["parity.loss"]) < 1e-5


def test_checkpointing_keeps_fewer_activations(told: dict[str, Any]) -> None:
    kept, whole = (told[name]["samples"]["memory.activations"][0] for name in ("again", "reference"))
    assert kept < whole / 2


def test_a_layer_that_is_cut_out_of_the_backward_pass_shows_in_the_losses(told: dict[str, Any]) -> None:
    losses = told["detached"]["samples"]["parity.loss"]
    assert losses[0] == 0.0  # the first loss comes before anything was learnt
    assert losses[-1] > 0.01


def test_what_freezing_leaves_is_what_is_counted_by_hand(told: dict[str, Any]) -> None:
    every, below = told["by_hand"]
    samples = told["frozen"]["samples"]
    assert samples["params.trainable"] == [every - below]
    assert samples["memory.gradients"] == [4 * (every - below)]


@pytest.mark.parametrize(
    ("case", "code", "said"),
    [
        ("nothing", "input_mismatch", "nothing is left to train: freeze takes every parameter"),
        ("misspelt", "input_mismatch", '"klassifier" matches no module with weights of ViTForImageClassification'),
        ("broken", "nonfinite_loss", "the loss of step 1 is inf"),
    ],
)
def test_what_cannot_train_says_why(told: dict[str, Any], case: str, code: str, said: str) -> None:
    assert told[case]["code"] == code
    assert said in told[case]["reason"]


def test_a_leak_of_a_mebibyte_a_step_is_found_and_none_where_there_is_none(told: dict[str, Any]) -> None:
    quiet, leaking = (told[name]["samples"] for name in ("quiet", "leaking"))
    assert not rises(quiet["memory.resting"])
    assert rises(leaking["memory.resting"])
    assert theil_sen(leaking["endurance.steps"], leaking["memory.resting"]) == pytest.approx(MIB, rel=0.15)
    assert leaking["memory.retained"][0] > 20 * MIB > quiet["memory.retained"][0]


def test_loading_alone_calls_no_model(told: dict[str, Any]) -> None:
    samples, observed = told["load"]["samples"], told["load"]["observed"]
    assert len(samples["load.total"]) >= 3
    assert not {"forward", "e2e", "first_call"} & set(samples)
    assert observed["page_cache"] == "warm"


def test_a_probe_of_a_search_makes_its_step(told: dict[str, Any]) -> None:
    assert told["capacity"]["outcome"] == "finished"
