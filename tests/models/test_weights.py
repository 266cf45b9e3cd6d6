"""Weight files are judged by their headers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.domain.outcome import ReasonCode
from bench.models import weights
from bench.models.checkpoint import read_folder
from tests.support.checkpoints import BERT, a_bert, a_safetensors, facts_of, reasons

WHOLE = a_safetensors({"a": ("F32", [2, 3]), "b": ("BF16", []), "c": ("I64", [4]), "d": ("U8", [0])})
INDEX = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
SHARDS: Mapping[str, Any] = {
    "model_safetensors": None,
    "model.safetensors.index_json": INDEX,
    "model-1_safetensors": a_safetensors({"a": ("F32", [3])}),
    "model-2_safetensors": a_safetensors({"b": ("F32", [5])}),
}


def a_header(text: bytes, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + data


def test_floating_numbers_are_parameters_and_all_bytes_are_stored(tmp_path: Path) -> None:
    facts = facts_of(a_bert(tmp_path / "m", model_safetensors=WHOLE))
    assert (facts.parameters, facts.weight_bytes) == (7, 6 * 4 + 2 + 4 * 8)


def test_shards_are_added_up(tmp_path: Path) -> None:
    facts = facts_of(a_bert(tmp_path / "m", **SHARDS))
    assert (facts.parameters, facts.weight_bytes, reasons(facts)) == (8, 32, [])


def test_a_changed_shard_is_another_model(tmp_path: Path) -> None:
    changed = {**SHARDS, "model-2_safetensors": a_safetensors({"b": ("F32", [5])}, fill=1)}
    assert facts_of(a_bert(tmp_path / "a", **SHARDS)).content != facts_of(a_bert(tmp_path / "b", **changed)).content


def test_packed_weights_do_not_say_how_many_parameters_they_stand_for(tmp_path: Path) -> None:
    facts = facts_of(a_bert(tmp_path / "m", config={**BERT, "quantization_config": {"quant_method": "x"}}))
    assert (facts.parameters, facts.weight_bytes) == (None, 56)


def test_a_config_may_name_the_file_of_its_weights(tmp_path: Path) -> None:
    own = {**BERT, "transformers_weights": "own.safetensors"}
    assert facts_of(a_bert(tmp_path / "a", config=own, own_safetensors=WHOLE)).parameters == 7
    lost = facts_of(a_bert(tmp_path / "b", config=own))
    assert reasons(lost) == ['transformers_weights in config.json names "own.safetensors", which is missing']
    index = {**SHARDS, "own_json": INDEX, "model.safetensors.index_json": None}
    assert facts_of(a_bert(tmp_path / "c", config={**BERT, "transformers_weights": "own.json"}, **index)).parameters == 8


def test_pickled_weights_are_refused_by_name_unless_they_are_allowed(tmp_path: Path) -> None:
    folder = a_bert(tmp_path / "m", model_safetensors=None, pytorch_model_bin=b"1", training_args_bin=b"2")
    facts = facts_of(folder)
    assert [refusal.reason_code for refusal in facts.refusals] == [ReasonCode.PICKLE]
    assert "(pytorch_model.bin)" in reasons(facts)[0]
    assert "`allow_pickle: true`" in reasons(facts)[0]
    allowed = facts_of(folder, allow_pickle=True)
    assert (reasons(allowed), allowed.parameters, allowed.weight_bytes) == ([], None, None)
    (folder / "pytorch_model.bin").write_bytes(b"3")
    assert facts_of(folder, allow_pickle=True).content != allowed.content


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    facts = facts_of(a_bert(tmp_path / "m", model_safetensors=None))
    assert [refusal.reason_code for refusal in facts.refusals] == [ReasonCode.MISSING_WEIGHTS]


def test_a_shard_that_is_not_there_is_named(tmp_path: Path) -> None:
    facts = facts_of(a_bert(tmp_path / "m", **{**SHARDS, "model-2_safetensors": None}))
    assert reasons(facts) == ['model.safetensors.index.json names "model-2.safetensors", which the folder lacks']
    assert facts.refusals[0].reason_code is ReasonCode.MISSING_WEIGHTS


BROKEN: list[tuple[str, bytes, str]] = [
    ("an empty file", b"", "it has 0 bytes and a header of 0"),
    ("a torn header", WHOLE[:20], "it has 20 bytes and a header of"),
    ("a huge header", (2**40).to_bytes(8, "little") + b"x", "at most 100000000 and within the file"),
    ("a torn end", WHOLE[:-1], f"bytes and the file has {len(WHOLE) - 1}"),
    ("a long end", WHOLE + b"x", f"bytes and the file has {len(WHOLE) + 1}"),
    ("no JSON", a_header(b"hello"), "its header is none"),
    ("a list", a_header(b"[1]"), "its header is none"),
    ("a tensor that is no object", a_header(b'{"a": 1}'), 'does not say where tensor "a" lies'),
    ("offsets in the wrong order", a_header(b'{"a": {"shape": [1], "data_offsets": [4, 0]}}'), 'where tensor "a" lies'),
    ("one offset", a_header(b'{"a": {"shape": [1], "data_offsets": [4]}}'), 'where tensor "a" lies'),
    ("a shape of words", a_header(b'{"a": {"shape": ["x"], "data_offsets": [0, 4]}}', b"1234"), 'where tensor "a" lies'),
]


@pytest.mark.parametrize(("data", "why"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_a_broken_file_is_refused_by_name(tmp_path: Path, data: bytes, why: str) -> None:
    facts = facts_of(a_bert(tmp_path / "m", model_safetensors=data))
    assert [refusal.reason_code for refusal in facts.refusals] == [ReasonCode.BROKEN_WEIGHTS]
    assert reasons(facts)[0].startswith("model.safetensors is broken: ")
    assert why in reasons(facts)[0]


def test_a_link_to_weights_that_are_gone_is_refused(tmp_path: Path) -> None:
    folder = a_bert(tmp_path / "m", model_safetensors=None)
    (folder / "model.safetensors").symlink_to("nowhere")
    assert reasons(facts_of(folder)) == ["model.safetensors is broken: No such file or directory"]


@pytest.mark.parametrize(
    ("index", "why"),
    [
        ({}, "no weight_map"),
        ({"weight_map": {"a": "../m.safetensors"}}, 'names "../m.safetensors", which is no safetensors file of its folder'),
        ({"weight_map": {"a": "m.bin"}}, 'names "m.bin"'),
        ({"weight_map": {"a": 3}}, 'names ""'),
        ({"weight_map": {"z": "model-1.safetensors"}}, 'says that it holds tensor "z", which it does not'),
    ],
)
def test_an_index_that_lies_is_refused(tmp_path: Path, index: Any, why: str) -> None:
    facts = facts_of(a_bert(tmp_path / "m", **{**SHARDS, "model.safetensors.index_json": index}))
    assert [refusal.reason_code for refusal in facts.refusals] == [ReasonCode.BROKEN_WEIGHTS]
    assert why in reasons(facts)[0]


def test_folders_with_other_faults_are_not_the_same(tmp_path: Path) -> None:
    none, torn, whole = (
        facts_of(a_bert(tmp_path / str(number), model_safetensors=data)) for number, data in enumerate((None, WHOLE[:-1], WHOLE))
    )
    assert len({none.content, torn.content, whole.content}) == 3
    assert facts_of(a_bert(tmp_path / "again", model_safetensors=None)).content == none.content


def test_the_dtypes_of_tensors_are_read_off_headers(tmp_path: Path) -> None:
    folder = a_bert(tmp_path / "m", model_safetensors=WHOLE)
    assert weights.inspect(read_folder(folder), allow_pickle=False).dtypes == ("bfloat16", "float32", "int64", "uint8")
