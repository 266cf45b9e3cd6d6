"""Rows that no longer compute what their reference does: each dtype and quantization by its own tolerance."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.analysis.drift import DTYPES, EIGHT_BITS, FOUR_BITS
from bench.analysis.summarize import summarize
from bench.domain.metric import Better, Unit
from bench.domain.summary import Row
from bench.domain.values import Json
from tests.support.builders import a_case_with, a_metric, a_record, samples

HIGHER = {"parity.cosine", "parity.top1_agreement"}


def a_row(requested: Mapping[str, Json] | None = None, observed: Mapping[str, Json] | None = None, **distances: Any) -> Row:
    """Give the row of a case with DISTANCES (`kl`, `cosine` …), a value or one a trial."""
    trials: dict[int, list[Any]] = {}
    for name, given in distances.items():
        better = Better.HIGHER if f"parity.{name}" in HIGHER else Better.LOWER
        metric = a_metric(f"parity.{name}", Unit.ONE, better=better)
        for number, value in enumerate(given if isinstance(given, list) else [given]):
            trials.setdefault(number, []).append(samples(metric, value, "probe.parity"))
    seen = {"dtype": "float32", "parity_reference": "another", **(observed or {})}
    case = a_case_with(requested or {})
    records = [a_record(case, number, samples=tuple(found), observed=seen) for number, found in trials.items()]
    return summarize(records or [a_record(case, observed=seen)]).rows[0]


@pytest.mark.parametrize(
    ("requested", "observed", "distances", "drifted"),
    [
        ({}, {}, {"kl": 9e-8, "max_relative_error": 1e-5, "cosine": 0.99999995}, None),
        ({}, {}, {"kl": 2e-6}, "parity.kl 2e-06 is above 1e-07 (tolerance of float32)"),
        ({}, {}, {"max_relative_error": 0.01}, "parity.max_relative_error 0.01 is above 2e-05 (tolerance of float32)"),
        ({}, {"dtype": "bfloat16"}, {"max_relative_error": 0.01}, None),
        ({}, {"dtype": "bfloat16"}, {"max_relative_error": 0.3, "kl": 0.001}, "parity.max_relative_error 0.3 is above 0.0625"),
        ({}, {"dtype": "float16"}, {"cosine": 0.999}, "parity.cosine 0.999 is below 0.9999 (tolerance of float16)"),
        ({"autocast": "bfloat16"}, {}, {"kl": 0.005}, None),
        ({"quantization": "bnb-int8"}, {}, {"kl": 0.04}, None),
        ({"quantization": "bnb-int8"}, {}, {"kl": 0.06}, "parity.kl 0.06 is above 0.05 (tolerance of 8 bits)"),
        ({"quantization": {"method": "bnb-nf4", "skip": ["lm_head"]}}, {}, {"kl": 0.2}, None),
        ({}, {"parity_reference_dtype": "bfloat16"}, {"kl": 0.005}, None),
        ({}, {"parity_reference_quantization": "bnb-nf4"}, {"kl": 0.2}, None),
        ({}, {}, {"top1_agreement": 0.5}, None),
        ({}, {}, {"generation_kl": 1e-6}, "parity.generation_kl 1e-06 is above 1e-07 (tolerance of float32)"),
        ({"cache": "quantized"}, {}, {"generation_kl": 0.2, "generation_max_relative_error": 0.5, "kl": 0.0}, None),
        ({"cache": "quantized"}, {}, {"generation_kl": 0.4}, "parity.generation_kl 0.4 is above 0.3 (tolerance of 4 bits)"),
        ({"cache": "quantized"}, {}, {"kl": 0.01}, "parity.kl 0.01 is above 1e-07 (tolerance of float32)"),
        ({}, {"parity_not_finite": 3}, {"top1_agreement": 0.5}, "3 of its scores are no numbers (tolerance of float32)"),
    ],
)
def test_a_row_beyond_its_tolerance_has_drifted_and_says_in_what(
    requested: Mapping[str, Json], observed: Mapping[str, Json], distances: Mapping[str, float], drifted: str | None
) -> None:
    row = a_row(requested, observed, **distances)
    assert (row.drift is None) if drifted is None else (row.drift or "").startswith(drifted)
    assert any(remark == f"drifted from the reference: {row.drift}" for remark in row.remarks) is (drifted is not None)


def test_of_several_trials_the_worst_one_counts() -> None:
    assert a_row(kl=[0.0, 0.0, 1.0]).drift == "parity.kl 1 is above 1e-07 (tolerance of float32)"
    assert a_row(cosine=[1.0, 1.0, 0.5]).drift == "parity.cosine 0.5 is below 0.9999999 (tolerance of float32)"


def test_what_was_not_compared_says_why_and_has_not_drifted() -> None:
    row = a_row(observed={"parity_missing": "the reference ended timeout"})
    assert row.drift is None
    assert "outputs were not compared: the reference ended timeout" in row.remarks


def test_the_tolerances_are_those_of_the_document() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/parity.md").read_text(encoding="utf-8")
    for allowed in (*DTYPES.values(), EIGHT_BITS, FOUR_BITS):
        assert f"| {allowed.name} | {allowed.kl:g} | {allowed.error:g} | {1 - allowed.cosine:.8g} |" in text
