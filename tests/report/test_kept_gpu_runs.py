"""The runs on GPUs that are kept in reports/baselines show what docs/gpu.md says of them; on a GPU itself tests/gpu looks."""

import json
from typing import Any

import pytest

from bench.domain.outcome import Outcome
from bench.store import select
from tests.support.shipped import ROOT, bench

H200 = ROOT / "reports/baselines/9afd7a3622c2/axes-on-gpu"
KERNELS = {
    "eager": "eager", "sdpa": "cudnn", "sdpa:math": "math", "sdpa:flash": "flash", "sdpa:efficient": "efficient",
    "sdpa:cudnn": "cudnn", "flash_attention_2": "flash_attention_2", "flash_attention_3": "flash_attention_3",
}  # fmt: skip
QUANTIZED = {"none", "bnb-int8", "bnb-nf4", "torchao-int8"}
FLASH_FLOPS = {
    "llama-3.2-1b": 16 * 2 * 32 * 512 * 512 * (64 + 64),
    # 256 image tokens beside the prompt, made of 1024 patches
    "qwen2-vl-2b": 28 * 2 * 12 * 768 * 768 * (128 + 128) + 32 * 2 * 16 * 1024 * 1024 * (80 + 80),
}
"""Layers x 2 x heads x queries x keys x both sizes of a head, of the language and of the vision tower."""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(bench("report", H200, "--format", "json"))["rows"]
    return found


def of(rows: list[dict[str, Any]], **asked: object) -> list[dict[str, Any]]:
    return [row for row in rows if asked.items() <= row["case"]["requested"].items()]


@pytest.mark.parametrize("model", sorted(FLASH_FLOPS))
def test_every_kernel_that_was_asked_for_is_the_one_that_ran(model: str, rows: list[dict[str, Any]]) -> None:
    for asked, kernel in KERNELS.items():
        finished = [row for row in of(rows, model=model, attention=asked) if row["outcome"] == "finished"]
        assert finished, (model, asked)
        for row in finished:
            observed = row["case"]["observed"]
            assert set(observed["attention_kernel_by_component"].values()) == {observed["attention_kernel"]} == {kernel}


def test_the_efficient_kernel_is_refused_where_key_heads_are_grouped_and_nothing_is_padded(rows: list[dict[str, Any]]) -> None:
    refused = [row for row in rows if row["outcome"] != "finished"]
    assert [row["outcome"] for row in refused] == ["unsupported"] * len(FLASH_FLOPS)
    for row in refused:
        assert (row["case"]["requested"]["attention"], row["case"]["requested"]["batch_size"]) == ("sdpa:efficient", 1)
        assert "require query, key and value to have the same num_heads" in row["reason"]


@pytest.mark.parametrize("model", sorted(FLASH_FLOPS))
def test_outputs_are_the_reference_s_but_for_four_bits(model: str, rows: list[dict[str, Any]]) -> None:
    finished = [row for row in of(rows, model=model) if row["outcome"] == "finished"]
    assert {row["case"]["requested"]["quantization"] for row in finished} == QUANTIZED
    for row in finished:
        four_bits = row["case"]["requested"]["quantization"] == "bnb-nf4"
        assert row["drifted"] is four_bits, row["case"]["label"]
        assert {"parity.kl", "parity.generation_kl"} <= row["metrics"].keys(), row["case"]["label"]
        share = row["case"]["observed"]["quantized_share"]
        assert (share == 0) if row["case"]["requested"]["quantization"] == "none" else (share > 0.99), row["case"]["label"]


def test_compile_with_a_static_cache_was_compiled(rows: list[dict[str, Any]]) -> None:
    asked = {"model": "llama-3.2-1b", "attention": "sdpa", "quantization": "none"}
    [row], [eager] = (of(rows, **asked, engine=engine) for engine in ("compile", "eager"))
    observed = row["case"]["observed"]
    assert (observed["engine"], observed["cache"], row["metrics"]["compile.graph_breaks"]["value"]) == ("compile", "static", 0)
    assert row["metrics"]["tpot"]["value"] < eager["metrics"]["tpot"]["value"]


@pytest.mark.parametrize("model", sorted(FLASH_FLOPS))
def test_what_these_records_lack_of_flash_attention_is_what_it_is_counted_as_now(model: str, rows: list[dict[str, Any]]) -> None:
    [whole] = of(rows, model=model, attention="sdpa", quantization="none", engine="eager")
    for version in ("flash_attention_2", "flash_attention_3"):
        [row] = of(rows, model=model, attention=version)
        assert whole["metrics"]["flops"]["value"] - row["metrics"]["flops"]["value"] == FLASH_FLOPS[model]


def test_what_the_driver_said_is_of_a_card() -> None:
    finished = [record for record in select.read([H200])[0] if record.outcome is Outcome.FINISHED]
    assert len(finished) == 23
    for record in finished:
        card = record.noise["gpu"]
        assert isinstance(card, dict)
        assert all(100 < clock < 4000 for clock in card["clock_mhz"])
        assert all(10 < degrees < 110 for degrees in card["temperature_c"])
        assert all(0 <= share <= 1.05 for share in card["slowed_share"].values())
        assert card["other_processes"] == 0
