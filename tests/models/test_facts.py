"""Facts of a model: from a preset's recipe, a folder or the Hub's cache, without reading a weight and without trusting a file."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.domain.errors import UsageError
from bench.domain.model import Kind, ModelFacts, ModelRef
from bench.domain.outcome import ReasonCode
from bench.domain.task import Task, Trait
from bench.models import NoFolderError, UnknownTaskError, find, presets
from bench.models.digests import Digests
from bench.models.preset import content
from bench.worker import tasks
from tests.support.checkpoints import (
    BERT,
    CLIP,
    CLIP_IMAGES,
    GPT2,
    VIT,
    VIT_IMAGES,
    a_bert,
    a_checkpoint,
    a_path,
    a_safetensors,
    a_tokenizer,
    facts_of,
    reasons,
)

DECLARED = tasks.declared()


def preset_facts(name: str, task: str | None = None, seed: int = 0) -> ModelFacts:
    return find(ModelRef(kind=Kind.PRESET, name=name, where=name, task=task), DECLARED, seed=seed)


def codes(facts: ModelFacts) -> list[ReasonCode]:
    return [refusal.reason_code for refusal in facts.refusals]


# ── presets ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_preset_is_known_from_its_file_alone() -> None:
    facts = preset_facts("tiny-gpt2")
    assert (facts.task, facts.folder, facts.refusals) == ("text-generation", None, ())
    assert facts.traits == {Trait.TEXT, Trait.GENERATES}
    assert [(limit.tokens, limit.key) for limit in facts.limits] == [(1024, "n_positions")]
    recipe = presets.find("tiny-gpt2")
    assert facts.content == content(recipe, "text-generation")
    assert (facts.parameters, facts.weight_bytes) == (recipe.parameters, 4 * recipe.parameters)
    assert facts.notes == {"architecture": "GPT2LMHeadModel", "model_type": "gpt2", "quantization": ""}


def test_another_seed_is_another_model() -> None:
    assert preset_facts("tiny-gpt2", seed=1).content != preset_facts("tiny-gpt2").content


def test_a_task_that_a_preset_lacks_is_told_with_those_it_has() -> None:
    with pytest.raises(
        UnknownTaskError, match=r'preset tiny-gpt2 has no task "text-genration" \(has: text-generation.*Did you mean'
    ):
        preset_facts("tiny-gpt2", "text-genration")
    with pytest.raises(UnknownTaskError, match=r"\)$"):
        preset_facts("tiny-gpt2", "zzz")


def test_a_task_that_this_version_lacks_is_told() -> None:
    ref = ModelRef(kind=Kind.PRESET, name="tiny-vit", where="tiny-vit")
    only = {"fill-mask": DECLARED["fill-mask"]}
    with pytest.raises(UnknownTaskError, match="of preset tiny-vit is not known to this version"):
        find(ref, only)


def test_a_preset_that_is_not_there_is_the_suite_s_fault() -> None:
    with pytest.raises(UsageError, match="Did you mean"):
        preset_facts("tiny-gpt3")


# ── folders ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_is_known_from_its_files(tmp_path: Path) -> None:
    folder = a_bert(tmp_path / "m")
    facts = facts_of(folder)
    assert (facts.task, facts.folder, facts.commit, reasons(facts)) == ("fill-mask", str(folder), None, [])
    assert (facts.parameters, facts.weight_bytes) == (6, 6 * 4 + 4 * 8)
    assert facts.notes == {"architecture": "BertForMaskedLM", "model_type": "bert", "quantization": ""}


def test_a_folder_that_is_not_there_is_the_suite_s_fault(tmp_path: Path) -> None:
    with pytest.raises(NoFolderError, match="m is not a folder"):
        facts_of(tmp_path / "m")
    (tmp_path / "file").touch()
    with pytest.raises(NoFolderError, match="file is not a folder"):
        facts_of(tmp_path / "file")
    with pytest.raises(NoFolderError, match="cannot be read"):
        find(ModelRef(kind=Kind.PATH, name="nul", where="a\0b"), DECLARED)


def test_a_folder_without_a_config_is_no_checkpoint(tmp_path: Path) -> None:
    facts = facts_of(a_checkpoint(tmp_path / "m", None))
    assert codes(facts) == [ReasonCode.MODEL_NOT_FOUND]
    assert reasons(facts) == ["m holds no config.json: it is no checkpoint"]
    assert facts.task == ""


def test_a_config_without_a_model_type_is_no_checkpoint(tmp_path: Path) -> None:
    facts = facts_of(a_bert(tmp_path / "m", config={"architectures": ["BertModel"]}))
    assert codes(facts) == [ReasonCode.MODEL_NOT_FOUND]
    assert "no model_type" in reasons(facts)[0]


def test_code_of_its_own_is_refused_unless_it_is_trusted(tmp_path: Path) -> None:
    config = {"architectures": ["MyForCausalLM"], "auto_map": {"AutoModel": "my.My"}}
    folder = a_bert(tmp_path / "m", config=config, my_py=b"1")
    facts = facts_of(folder)
    assert codes(facts) == [ReasonCode.REMOTE_CODE]
    assert "`trust_remote_code: true`" in reasons(facts)[0]
    trusted = facts_of(folder, trust_remote_code=True)
    assert reasons(trusted) == []
    a_bert(folder, config=config, my_py=b"2")
    assert facts_of(folder).content == facts.content
    assert facts_of(folder, trust_remote_code=True).content != trusted.content


def test_code_beside_a_family_that_transformers_has_is_left_to_the_worker(tmp_path: Path) -> None:
    assert reasons(facts_of(a_bert(tmp_path / "m", config={**BERT, "auto_map": {"AutoModel": "my.My"}}))) == []


def test_a_task_that_nobody_has_is_the_suite_s_fault(tmp_path: Path) -> None:
    with pytest.raises(UnknownTaskError, match='this version has no task "fill-musk"'):
        facts_of(a_bert(tmp_path / "m"), task="fill-musk")


def test_the_suite_s_task_goes_before_the_checkpoint_s(tmp_path: Path) -> None:
    assert facts_of(a_bert(tmp_path / "m"), task="feature-extraction").task == "feature-extraction"


@pytest.mark.parametrize(
    ("architecture", "task"),
    [
        ("BertForMaskedLM", "fill-mask"),
        ("GPT2LMHeadModel", "text-generation"),
        ("LlamaForCausalLM", "text-generation"),
        ("BertForSequenceClassification", "text-classification"),
        ("BertForTokenClassification", "token-classification"),
        ("BertForQuestionAnswering", "question-answering"),
        ("ViTForImageClassification", "image-classification"),
        ("DeiTForImageClassificationWithTeacher", "image-classification"),
        ("CLIPModel", "zero-shot-image-classification"),
        ("SiglipVisionModel", "feature-extraction"),
        ("BertModel", "feature-extraction"),
    ],
)
def test_the_architecture_says_the_task(tmp_path: Path, architecture: str, task: str) -> None:
    assert facts_of(a_bert(tmp_path / "m", config={**BERT, "architectures": [architecture]})).task == task


@pytest.mark.parametrize(
    ("named", "seen"), [(["BertForNothing"], '"BertForNothing"'), ([], "no architecture"), ([3], "no architecture")]
)
def test_an_architecture_that_says_no_task_asks_for_one(tmp_path: Path, named: list[Any], seen: str) -> None:
    facts = facts_of(a_bert(tmp_path / "m", config={**BERT, "architectures": named}))
    assert codes(facts) == [ReasonCode.NO_TASK]
    assert seen in reasons(facts)[0]
    assert "`task:`" in reasons(facts)[0]
    assert facts.task == ""


def test_a_more_particular_pattern_wins_whatever_the_order(tmp_path: Path) -> None:
    folder = a_bert(tmp_path / "m", config={**BERT, "architectures": ["FogForQuestionAnswering"]})
    own = Task(name="foggy", traits=frozenset(), auto_classes=(), batch="", heads=("^FogForQuestionAnswering$",))
    for every in ({**DECLARED, "foggy": own}, {"foggy": own, **DECLARED}):
        assert find(a_path(folder), every, digests=Digests(folder=tmp_path / "digests")).task == "foggy"


TAKES: list[tuple[str, Mapping[str, Any], set[Trait]]] = [
    ("a tokenizer", {"tokenizer_json": a_tokenizer()}, {Trait.TEXT}),
    ("an image processor", {"preprocessor_config_json": VIT_IMAGES}, {Trait.IMAGE}),
    ("an old image processor", {"preprocessor_config_json": {"feature_extractor_type": "ViTFeatureExtractor", "image_mean": [0.5]}},
     {Trait.IMAGE}),
    ("clips of frames", {"preprocessor_config_json": {"image_processor_type": "VideoMAEImageProcessor"}}, {Trait.VIDEO}),
    ("a video processor", {"video_preprocessor_config_json": {"size": 3}}, {Trait.VIDEO}),
    ("a feature extractor", {"preprocessor_config_json": {"feature_extractor_type": "WhisperFeatureExtractor"}}, {Trait.AUDIO}),
    ("an old feature extractor", {"preprocessor_config_json": {"sampling_rate": 16000}}, {Trait.AUDIO}),
    (
        "all in one",
        {
            "tokenizer_config_json": {},
            "processor_config_json": {"image_processor": {"a": 1}, "video_processor": {"a": 1}, "feature_extractor": {"a": 1}},
        },
        {Trait.TEXT, Trait.IMAGE, Trait.VIDEO, Trait.AUDIO},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("files", "takes"), [row[1:] for row in TAKES], ids=[row[0] for row in TAKES])
def test_a_task_without_traits_takes_what_the_folder_s_processors_do(
    tmp_path: Path, files: Mapping[str, Any], takes: set[Trait]
) -> None:
    config = {"model_type": "strange", "architectures": ["StrangeModel"]}
    assert facts_of(a_checkpoint(tmp_path / "m", config, **files)).traits == takes


def test_experts_are_a_trait_whatever_the_task(tmp_path: Path) -> None:
    dense = {**GPT2, "num_experts": 1}
    sparse = {**GPT2, "thinker_config": {"text_config": {"n_routed_experts": 8}}}
    elsewhere = {**GPT2, "talker_config": {"num_experts": 8}}
    found = [
        facts_of(a_bert(tmp_path / str(number), config=config)).traits for number, config in enumerate([dense, sparse, elsewhere])
    ]
    own = {Trait.TEXT, Trait.GENERATES}
    assert found == [own, {*own, Trait.EXPERTS}, own]


def test_some_families_see_whatever_they_are_asked(tmp_path: Path) -> None:
    config = {"model_type": "vilt", "architectures": ["ViltForMaskedLM"]}
    assert facts_of(a_bert(tmp_path / "m", config=config, preprocessor_config_json=VIT_IMAGES)).traits == {Trait.TEXT, Trait.IMAGE}


def test_equal_content_has_an_equal_hash_whatever_lies_beside(tmp_path: Path) -> None:
    one, two = a_bert(tmp_path / "one"), a_bert(tmp_path / "two", README_md=b"# hello", x_log=b"1")
    (two / ".git").mkdir()
    os.utime(two / "config.json", ns=(1, 1))
    assert facts_of(one).content == facts_of(two).content


@pytest.mark.parametrize(
    "change",
    [
        {"model_safetensors": a_safetensors({"a": ("F32", [2, 3]), "ids": ("I64", [4])}, fill=1)},
        {"config": {**BERT, "hidden_act": "gelu"}},
        {"tokenizer_json": a_tokenizer(9)},
        {"generation_config_json": {}},
        {"chat_template_jinja": b"x"},
    ],
)
def test_another_content_has_another_hash(tmp_path: Path, change: Mapping[str, Any]) -> None:
    assert facts_of(a_bert(tmp_path / "one")).content != facts_of(a_bert(tmp_path / "two", **change)).content


def test_links_are_followed(tmp_path: Path) -> None:
    one, two = a_bert(tmp_path / "one"), tmp_path / "two"
    two.mkdir()
    for path in one.iterdir():
        (two / path.name).symlink_to(path)
    assert facts_of(one).content == facts_of(two).content


def test_a_broken_link_is_refused(tmp_path: Path) -> None:
    folder = a_bert(tmp_path / "m")
    (folder / "merges.txt").symlink_to("nowhere")
    facts = facts_of(folder)
    assert reasons(facts) == ["merges.txt of the checkpoint cannot be read: it is a link to what does not exist"]
    assert codes(facts) == [ReasonCode.MODEL_NOT_FOUND]


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    folder = a_bert(tmp_path / "m", generation_config_json=None)
    os.mkfifo(folder / "merges.txt")
    os.mkfifo(folder / "generation_config.json")
    (folder / "tokenizer.model").mkdir()
    assert reasons(facts_of(folder)) == [
        "generation_config.json of the checkpoint cannot be read: it is not a file",
    ]
    (folder / "generation_config.json").unlink()
    assert reasons(facts_of(folder)) == ["merges.txt of the checkpoint cannot be read: it is not a file"]


BAD_CONFIGS: list[tuple[bytes, str]] = [
    (b"", "it is not JSON"),
    (b"{", "it is not JSON"),
    (b"[1]", "it is JSON, but not an object"),
    (b"\xff\xfe{}", "it is not UTF-8 (byte 0)"),
    (b"[" * 100_000, "it is nested too deep"),
    (b'{"a":' * 100_000, "it is nested too deep"),
    (b'{"a": ' + b"9" * 5000 + b"}", "it is not JSON"),
    (b'{"a": "' + b"x" * 2**24 + b'"}', "it has more than 16777216 bytes"),
]


@pytest.mark.parametrize(("data", "why"), BAD_CONFIGS, ids=[why + str(len(data)) for data, why in BAD_CONFIGS])
def test_a_config_that_cannot_be_read_is_one_refusal(tmp_path: Path, data: bytes, why: str) -> None:
    facts = facts_of(a_bert(tmp_path / "m", config=data))
    assert codes(facts) == [ReasonCode.MODEL_NOT_FOUND]
    assert why in reasons(facts)[0]


def test_sections_deeper_than_any_family_has_them_are_left_alone(tmp_path: Path) -> None:
    deep: dict[str, Any] = {"num_experts": 8}
    for _ in range(400):
        deep = {"text_config": deep}
    assert facts_of(a_bert(tmp_path / "m", config={**GPT2, **deep})).task == "text-generation"


def test_a_stranger_s_words_stay_on_one_line_of_ascii(tmp_path: Path) -> None:
    named = "\x1b[31m\n\ud800" + "x" * 200
    (reason,) = reasons(facts_of(a_bert(tmp_path / "m", config={**BERT, "architectures": [named]})))
    assert reason.isascii()
    assert reason.isprintable()
    assert len(reason) < 250


WORDS = st.sampled_from(
    [b"null", b"-1", b"[]", b"{}", b'"x"', b"true", b"1e999", b"NaN", b"[[8]]", b"9999999999999999999999", b"\xff", b","]
)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_config_changed_anywhere_raises_nothing_but_typed_errors(tmp_path: Path, data: st.DataObject) -> None:
    config = data.draw(st.sampled_from([BERT, CLIP, VIT, {**GPT2, "quantization_config": {"a": 1}, "image_token_id": 3}]))
    text = json.dumps(config).encode()
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, min(len(text), start + 12)))
    changed = text[:start] + data.draw(st.one_of(WORDS, st.binary(max_size=4))) + text[stop:]
    files = {
        "tokenizer_json": a_tokenizer(),
        "preprocessor_config_json": CLIP_IMAGES,
        "tokenizer_config_json": {"image_token": "w2"},
    }
    try:
        facts = facts_of(a_checkpoint(tmp_path / "m", changed, **files))
    except UsageError:
        return
    assert facts.content
    assert all(refusal.reason.isprintable() for refusal in facts.refusals)


@given(
    changed=st.recursive(
        st.one_of(st.none(), st.integers(), st.floats(), st.text(max_size=3)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    file=st.sampled_from(["preprocessor_config_json", "processor_config_json", "tokenizer_config_json", "tokenizer_json"]),
    key=st.sampled_from(
        [
            "size",
            "crop_size",
            "image_mean",
            "patch_size",
            "image_processor",
            "image_token",
            "added_tokens_decoder",
            "extra_special_tokens",
            "processor_class",
            "model",
            "added_tokens",
            "feature_extractor",
        ]
    ),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_in_a_processor_s_file_raises_nothing(tmp_path: Path, changed: Any, file: str, key: str) -> None:
    files = {"tokenizer_json": a_tokenizer(), "preprocessor_config_json": CLIP_IMAGES, file: {key: changed, "do_center_crop": True}}
    assert facts_of(a_checkpoint(tmp_path / "m", {**CLIP, "image_token_id": 3}, **files)).task == "zero-shot-image-classification"


# ── what is written is what was promised ─────────────────────────────────────────────────────────────────────────────────────────

SMALL = [name for name in presets.names() if name.startswith("tiny-")]
EVERY = {
    task: DECLARED.get(task, Task(name=task, traits=frozenset(), auto_classes=(), batch=""))
    for name in SMALL
    for task in presets.find(name).tasks
}
"""The tasks of all presets: one that is not declared takes what the model does, which is then compared."""

WRITE = """
import sys
from pathlib import Path
from bench.models import presets
from bench.worker import building
for pair in sys.argv[2:]:
    name, task = pair.split("=")
    building.write(presets.find(name), task, Path(sys.argv[1]) / f"{name}.{task}")
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write every small preset for every task of its own, in one process."""
    folder = tmp_path_factory.mktemp("presets")
    pairs = [f"{name}={task}" for name in SMALL for task in presets.find(name).tasks]
    done = subprocess.run(
        [sys.executable, "-c", WRITE, str(folder), *pairs],
        check=False, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.torch
@pytest.mark.parametrize("name", SMALL)
def test_a_written_preset_has_the_facts_of_its_recipe(written: Path, name: str) -> None:
    recipe = presets.find(name)
    for task, head in recipe.tasks.items():
        promised = find(ModelRef(kind=Kind.PRESET, name=name, where=name, task=task), EVERY)
        facts = find(a_path(written / f"{name}.{task}", task=task), EVERY, digests=Digests(folder=written / "digests"))
        assert (task, reasons(facts)) == (task, [])
        assert (task, facts.traits) == (task, promised.traits)
        assert (task, facts.limits) == (task, promised.limits)
        assert facts.notes == promised.notes
        stored = recipe.count(task) if head.stored_parameters is None else head.stored_parameters
        assert facts.parameters is not None
        assert stored <= facts.parameters <= 1.01 * stored, "a header does not tell the few buffers of floats from parameters"
        if facts.parameters == stored:
            assert (task, facts.weight_bytes) == (task, promised.weight_bytes)


@pytest.mark.torch
@pytest.mark.parametrize("name", SMALL)
def test_a_written_preset_says_its_first_task_itself(written: Path, name: str) -> None:
    first = presets.find(name).default_task
    if first in DECLARED:
        assert facts_of(written / f"{name}.{first}").task == first
