"""Checkpoints of small presets: what a user loads from them with the classes of transformers is whole, and always the same."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.domain.errors import UsageError
from bench.models import presets
from bench.worker import building
from tests.support import preset_worker
from tests.support.versions import OLDER_TRANSFORMERS

TINY = [name for name in presets.names() if name.startswith("tiny-")]
CASES = [(name, task) for name in TINY for task in presets.find(name).tasks]
WITH_TOKENIZER = [name for name in TINY if presets.find(name).tokenizer is not None]
HEADS = (
    "lm_head",
    "proj_out",
    "classifier",
    "qa_outputs",
    "predictions.decoder",
    "mlm_score.decoder",
    "itm_head",
    "itm_score.fc",
    "logit_fc.3",
)
# A fresh Phi-4-multimodal has zeros here.
BORN_CONSTANT = ("img_feature_extensor", "conv.glu.b1", "conv.glu.b2")
# The class fixes a side of these: four coordinates of a box, and one gate.
FIXED = ("lxmert.encoder.visn_fc.box_fc", "mlp.shared_expert_gate")


def a_finding(written: tuple[Path, Any], name: str, task: str) -> Any:
    return written[1][f"{name}/{task}"]


@pytest.mark.torch
@pytest.mark.parametrize(("name", "task"), CASES)
def test_a_checkpoint_loads_whole(written: tuple[Path, Any], name: str, task: str) -> None:
    preset, found = presets.find(name), a_finding(written, name, task)
    assert found["architectures"] == [preset.tasks[task].model_class]
    assert (found["missing"], found["mismatched"]) == ([], [])
    assert bool(found["unexpected"]) == (preset.tasks[task].saved_as is not None)
    assert found["parameters"] == preset.count(task) or (
        OLDER_TRANSFORMERS and preset.family == "videomae"
    )  # test_counts.py says why
    assert found["finite"]
    assert [weight for weight in found["constant"] if not weight.endswith(BORN_CONSTANT)] == []


@pytest.mark.torch
@pytest.mark.parametrize("task", ["zero-shot-image-classification", "feature-extraction"])
def test_a_weight_that_only_the_constructor_sets_has_its_value(written: tuple[Path, Any], task: str) -> None:
    assert a_finding(written, "tiny-clip", task)["scalars"] == {"logit_scale": pytest.approx(2.6592)}


@pytest.mark.torch
@pytest.mark.parametrize(("name", "task"), CASES)
def test_files_have_the_bytes_that_were_foretold(written: tuple[Path, Any], name: str, task: str) -> None:
    headers = a_finding(written, name, task)["stored_bytes"] - presets.find(name).weight_bytes(task)
    assert 0 < headers < 100_000


@pytest.mark.torch
@pytest.mark.parametrize(("name", "task"), CASES)
def test_hidden_linear_layers_fit_the_kernels_of_four_bits(written: tuple[Path, Any], name: str, task: str) -> None:
    layers = [layer for layer in a_finding(written, name, task)["linear"] if not layer[0].endswith((*FIXED, *HEADS))]
    assert [layer for layer in layers if layer[1] % 64 or layer[2] % 32] == []


@pytest.mark.torch
@pytest.mark.parametrize("name", TINY)
def test_processors_have_the_published_classes(written: tuple[Path, Any], name: str) -> None:
    preset, found = presets.find(name), written[1][name]["classes"]
    if preset.processor_class is not None:
        assert found["AutoProcessor"] == preset.processor_class
    if preset.image_processor is not None:
        assert found["AutoImageProcessor"] in {
            preset.image_processor.processor_class,
            preset.image_processor.processor_class + "Pil",
        }
    if preset.feature_extractor is not None:
        assert found["AutoFeatureExtractor"] == preset.feature_extractor.processor_class
    if preset.video_processor is not None:
        assert found["AutoVideoProcessor"] == preset.video_processor.processor_class


@pytest.mark.torch
@pytest.mark.parametrize("name", WITH_TOKENIZER)
def test_tokens_lie_within_the_vocabulary_and_are_where_the_recipe_puts_them(written: tuple[Path, Any], name: str) -> None:
    recipe, found = presets.find(name).tokenizer, written[1][name]
    model = written[1][f"{name}/{presets.find(name).default_task}"]
    assert recipe is not None
    assert found["length"] == recipe.vocab_size <= model["vocab_size"]
    assert max(found["ids"]) < recipe.vocab_size
    assert found["roles"] == dict(recipe.roles)
    assert {token: ids[-1] for token, ids in found["fixed"].items()} == dict(recipe.fixed())


@pytest.mark.torch
@pytest.mark.parametrize("name", WITH_TOKENIZER)
def test_texts_are_cut_padded_and_spelt_again(written: tuple[Path, Any], name: str) -> None:
    recipe, found = presets.find(name).tokenizer, written[1][name]
    assert recipe is not None
    assert len(found["cut"]) == 6
    assert found["padded"][0] == found["padded"][1]
    assert found["padding_first"] == (recipe.padding_side == "left")
    assert "quiet machine gives" in found["text"].lower()


@pytest.mark.torch
@pytest.mark.parametrize("name", ["tiny-bert", "tiny-blip", "tiny-lxmert"])
def test_bert_s_tokenizer_lowers_letters_and_marks_pairs(written: tuple[Path, Any], name: str) -> None:
    found = written[1][name]
    assert found["text"].startswith("a quiet machine gives steady numbers")
    assert (found["cut"][0], found["cut"][-1]) == ("[CLS]", "[SEP]")
    assert found["pair"] == [["[CLS]", "one", "[SEP]", "two", "[SEP]"], [0, 0, 0, 1, 1]]


@pytest.mark.torch
@pytest.mark.parametrize("name", ["tiny-bart", "tiny-bridgetower", "tiny-florence-2"])
def test_roberta_s_tokenizer_puts_two_ends_between_a_pair(written: tuple[Path, Any], name: str) -> None:
    tokens = written[1][name]["pair"][0]
    assert (tokens[0], tokens[-1], tokens.count("</s>")) == ("<s>", "</s>", 3)


@pytest.mark.torch
@pytest.mark.parametrize(("name", "first"), [("tiny-llama", "<|begin_of_text|>"), ("tiny-llava", "<s>"), ("tiny-gemma2", "<bos>")])
def test_a_text_begins_with_the_token_that_the_published_model_expects(written: tuple[Path, Any], name: str, first: str) -> None:
    assert written[1][name]["cut"][0] == first


@pytest.mark.torch
def test_t5_s_texts_end_with_an_end_of_sequence(written: tuple[Path, Any]) -> None:
    assert written[1]["tiny-t5"]["cut"][-1] == "</s>"


@pytest.mark.torch
@pytest.mark.parametrize("name", preset_worker.TWICE)
def test_another_process_without_torchvision_writes_the_same_bytes(
    written: tuple[Path, Any], plain: tuple[Path, Any], name: str
) -> None:
    assert not plain[1]["torchvision"]
    one, two = written[0] / name / presets.find(name).default_task, plain[0] / name
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())
    assert [path.name for path in one.iterdir() if path.read_bytes() != (two / path.name).read_bytes()] == []


@pytest.mark.torch
def test_a_checkpoint_in_several_files_holds_the_same_weights(written: tuple[Path, Any]) -> None:
    found = written[1]["sharded"]
    assert len(found["files"]) > 3
    assert "model.safetensors.index.json" in found["files"]
    assert found["equal"]
    index = json.loads((written[0] / "sharded" / "model.safetensors.index.json").read_text(encoding="utf-8"))
    assert index["metadata"]["total_size"] == presets.find("tiny-llama").weight_bytes("text-generation")


@pytest.mark.torch
def test_another_seed_gives_other_weights(written: tuple[Path, Any]) -> None:
    assert written[1]["sharded"]["other_differs"]


def test_a_task_that_the_preset_has_not_is_answered_with_those_it_has(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'has no task "fill-mask" \(has: text-generation\)'):
        building.write(presets.find("tiny-gpt2"), "fill-mask", tmp_path / "out")


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious", encoding="utf-8")
    with pytest.raises(UsageError, match="is not an empty folder"):
        building.write(presets.find("tiny-gpt2"), "text-generation", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
