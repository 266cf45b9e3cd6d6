"""The Python interface on real tiny models: what one process that used it found."""

from pathlib import Path
from typing import Any

import pytest

from tests.support import interface_worker

pytestmark = pytest.mark.torch

STAGES = {"import", "config", "construct", "read", "tie", "place", "first_touch", "processor"}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return interface_worker.run(tmp_path_factory.mktemp("interface"))


@pytest.fixture
def found(everything: dict[str, Any], request: pytest.FixtureRequest) -> Any:
    """What the topic that the test is marked with found."""
    marker = request.node.get_closest_marker("parametrize")
    assert marker is not None
    answer = everything[request.node.callspec.params["topic"]]
    assert not isinstance(answer, dict) or "failed" not in answer, answer["failed"]
    return answer


def of(topic: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("topic", [topic])


@of("loading")
def test_a_preset_loads_as_asked_with_its_processor_and_stages(found: Any, topic: str) -> None:
    assert (found["class"], found["dtype"], found["device"]) == ("GPT2LMHeadModel", "torch.bfloat16", "cpu"), topic
    assert (found["tokenizer"], found["image_processor"], found["training"]) == ("GPT2Tokenizer", None, False)
    assert found["stages"].keys() == STAGES, "nothing is quantized, so there is no such stage"
    assert sum(found["stages"].values()) == pytest.approx(found["total_s"], rel=0.03, abs=0.01), "10 ms, since it is tiny"
    assert found["without"] is None, "load_processor=False"


@of("loading")
def test_a_loaded_model_is_described_as_it_stands(found: Any, topic: str) -> None:
    assert found["parameters"] == found["counted"], topic
    assert found["bytes"] == 2 * found["parameters"]
    assert sum(found["by_component"].values()) == found["bytes"]
    assert found["by_component"].keys() == {"embeddings", "language"}
    assert found["by_dtype"] == {"bfloat16": found["bytes"]}
    assert found["devices"] == {"cpu": found["bytes"]}
    assert found["processor_class"] == "GPT2Tokenizer"
    assert found["tree"].splitlines()[1] == "├─ parameters 655,872 (655,872 trainable)"


@of("offloading")
def test_what_was_offloaded_ends_with_the_process(found: Any, topic: str) -> None:
    assert found["texts"] == 1, topic
    assert found["folders"]
    assert not [one for one in found["folders"] if Path(one).exists()]


@of("describing")
def test_a_name_is_described_as_the_loaded_model_would_be_and_no_weight_is_read(found: Any, topic: str) -> None:
    assert found["differences"] == [], topic
    assert found["large"] == 7_063_427_072, "llava-hf/llava-1.5-7b-hf"
    before, after = found["resident"]
    if before:
        pytest.skip("this file system keeps its pages (a tmpfs does)")
    assert after < 0.1, "headers and what the kernel reads with them"


@of("describing")
def test_a_folder_tells_what_it_does_as_it_is_and_what_with_a_fresh_head(found: Any, topic: str) -> None:
    kind, tasks, classes, fresh, parameters, disk_bytes = found["bert"]
    assert (kind, tasks[0], classes["fill-mask"], classes["feature-extraction"]) == (
        "BertForMaskedLM",
        "fill-mask",
        "BertForMaskedLM",
        "BertModel",
    ), topic
    assert fresh["text-classification"] == "BertForSequenceClassification"
    assert not set(fresh) & set(tasks)
    assert disk_bytes > 4 * parameters
    assert found["bert_task"] == "BertForSequenceClassification"


@of("preset_tasks")
def test_the_tasks_that_describe_lists_for_presets_are_those_that_a_run_accepts_with_the_same_class(found: Any, topic: str) -> None:
    assert len(found) > 60, topic
    assert [one for one in found if one[2] != one[3] or one[4]] == []


@of("freezing")
def test_patterns_freeze_what_is_below_them(found: Any, topic: str) -> None:
    assert found["tower"] == found["vision"], topic
    assert found["by_name"] == found["whole"] - found["tower"]
    assert found["after_glob"] == found["whole"] - found["glob"]
    assert (found["every"], found["none"]) == (found["whole"], 0)


@of("freezing")
def test_a_pattern_that_matches_nothing_is_an_error_and_changes_nothing(found: Any, topic: str) -> None:
    kind, text = found["nothing"]
    assert kind == "UsageError", topic
    assert text.startswith('"visoin" matches no module')
    assert "model.vision_tower" in text
    assert found["unchanged"] == 0, "though the first pattern matched"


@of("preparing")
def test_inputs_are_prepared_with_their_placeholders_in_the_model_s_dtype(found: Any, topic: str) -> None:
    assert found["dtype"] == "torch.bfloat16", topic
    assert found["placeholders"] == found["written"] == 576, "an image of 24 x 24 patches, its placeholder written or not"
    assert found["two_in_one"] == 2 * 576
    assert found["ragged"] == [2 * 576, 576]
    assert found["one"]["pixel_values"] == [1, 3, 336, 336]
    assert found["list"]["input_ids"][0] == found["list"]["pixel_values"][0] == 2
    assert (found["clip"]["input_ids"][0], found["clip"]["pixel_values"][0]) == (3, 2), "texts and images apart"


@of("preparing")
def test_inputs_that_do_not_fit_are_refused(found: Any, topic: str) -> None:
    assert found["odd"] == ["UsageError", "3 images cannot be shared among 2 texts: give as many for each"], topic
    assert found["foreign"] == ["UsageError", "GPT2Tokenizer of GPT2LMHeadModel has no image_processor: it takes no images"]
    assert found["empty"][0] == "UsageError"
    assert found["bert"][0] == "UsageError"


@of("preparing")
def test_generation_gives_one_text_an_item_without_the_prompt(found: Any, topic: str) -> None:
    assert found["texts"] == [2, 1, 2], topic
    assert found["prompt_left_out"]
    assert found["same_in_a_batch"], "padding on the left changes nothing"


@of("hearing")
def test_sound_and_clips_are_prepared_alone_and_in_lists(found: Any, topic: str) -> None:
    assert found["one"] == found["encoded"] == {"input_features": [1, 80, 3000]}, topic
    assert found["list"] == 2
    assert (found["clip"]["pixel_values"][:2], found["clips"]["pixel_values"][:2]) == ([1, 16], [2, 16])


@of("saving")
def test_a_saved_model_reloads_equal_or_is_refused(found: Any, topic: str) -> None:
    assert found["equal"], topic
    assert found["task"] == "GPT2LMHeadModel"
    assert found["full"][0] == "UsageError"
    assert found["torn"] == [
        "Refused",
        "GPT2LMHeadModel does not reload equal and was not saved: transformer.h.0.ln_1.weight differ",
    ]
    assert found["left"] == []


@of("saving")
def test_a_model_moves_only_to_a_device_that_is_here(found: Any, topic: str) -> None:
    assert found["moved"] == "cpu", topic
    assert found["nowhere"][0] == "Refused"


@of("keys")
def test_weights_that_would_be_made_up_are_named(found: Any, topic: str) -> None:
    kind, text = found["dropped"]
    assert kind == "Refused", topic
    assert "1 weight of the model is not in the checkpoint" in text
    assert found["layer"] in text
    kind, text = found["short"]
    assert kind == "Refused"
    assert "has another shape in the checkpoint" in text
    assert "bert.encoder.layer.0.output.dense.bias" in text
    assert "stranger" in found["more"][0]


@of("keys")
def test_a_fresh_head_is_allowed_where_it_is_asked_for_and_covers_heads_only(found: Any, topic: str) -> None:
    assert found["head"][0] == found["head_only"][0] == "Refused", topic
    assert "which is no head" in found["head_only"][1]
    assert found["labels"] == 7
    assert found["named"][0] == "initialised, not read: classifier.bias, classifier.weight"
    assert found["facts"]["missing_keys"] == ["classifier.bias", "classifier.weight"]


@of("files")
def test_pickled_weights_load_only_where_that_is_allowed(found: Any, topic: str) -> None:
    assert found["pickled"][0] == "Refused", topic
    assert "allow_pickle" in found["pickled"][1]
    kind, files, share = found["allowed"]
    assert (kind, files) == ("BertForMaskedLM", 1)
    assert 0.9 < share <= 1.01


@of("files")
def test_a_sharded_checkpoint_loads_with_the_same_stages(found: Any, topic: str) -> None:
    kind, files, share = found["sharded"]
    assert kind == "BertForMaskedLM", topic
    assert files > 1
    assert 0.9 < share <= 1.01
    assert set(found["stages"]) == STAGES


@of("files")
def test_a_quantized_checkpoint_is_not_given_where_none_was_asked_for(found: Any, topic: str) -> None:
    assert found["quantized"][0] in {"Refused", "ImportError"}, topic
    assert "quant" in found["quantized"][1] or "bitsandbytes" in found["quantized"][1]
    assert found["quantized_told"] == ["the checkpoint is quantized: parameters and bytes are those of its class before"]


@of("files")
def test_a_class_or_a_family_can_be_named(found: Any, topic: str) -> None:
    assert (found["by_class"], found["by_auto_class"]) == ("BertModel", "BertForMaskedLM"), topic
    assert found["wrong_auto_class"] == ["Refused", "AutoModelForImageTextToText knows no class for a bert model"]
    assert (found["nameless"][0], found["family"]) == ("Refused", "BertForMaskedLM")
    assert found["other_family"][0] == "Refused"
    assert "is a bert checkpoint, not gpt2" in found["other_family"][1]


@of("hub")
def test_a_repository_loads_from_the_cache_by_its_branch_or_commit(found: Any, topic: str) -> None:
    assert (found["main"], found["commit"]) == ("GPT2LMHeadModel", "GPT2LMHeadModel"), topic
    assert found["described"] == "text-generation"
    assert found["missing"][0] == "Refused"
    assert "org/name at revision v2" in found["missing"][1]


@of("refusals")
@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        ("torch_dtype", "TypeError", "`dtype`"),
        ("load_in_8bit", "TypeError", '`quantization="bnb-int8"`'),
        ("low_cpu_mem_usage", "TypeError", "ignores it"),
        ("stranger", "TypeError", "unexpected argument 'strange'"),
        ("vqa", "UsageError", "visual-question-answering"),
        ("conditional_generation", "UsageError", "text2text-generation"),
        ("AutoModelForVision2Seq", "UsageError", "AutoModelForImageTextToText"),
        ("CLIPFeatureExtractor", "UsageError", "ImageProcessor"),
        ("quantization", "UsageError", "'no-such-method' is not known"),
        ("device_map", "UsageError", "'balanced' is not known"),
        ("dtype", "UsageError", "float32, bfloat16, float16, auto"),
        ("device", "Refused", "device cuda:7 is not on this machine"),
        ("name", "UsageError", 'Did you mean "tiny-gpt2"?'),
        ("hub", "Refused", "org/nothing"),
        ("revision", "UsageError", "has no revisions"),
    ],
)
def test_what_cannot_be_had_is_said_with_what_stands_for_it(found: Any, topic: str, asked: str, kind: str, said: str) -> None:
    assert found[asked][0] == kind, topic
    assert said in found[asked][1]
