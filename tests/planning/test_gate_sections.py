from pathlib import Path

import pytest

from bench import workflow
from bench.domain.errors import SuiteError
from bench.domain.gating import Gating, Tolerance

HEAD = "version: 1\nname: gated\nmodels: [tiny-gpt2]\n"


def gate_of(folder: Path, text: str) -> Gating | None:
    path = folder / "suite.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return workflow.read_suites([path])[0].suite.gate


def problems(folder: Path, text: str) -> list[tuple[int, str]]:
    with pytest.raises(SuiteError) as caught:
        gate_of(folder, text)
    return [(one.line, one.what) for one in caught.value.problems]


def test_a_suite_without_a_section_has_none(tmp_path: Path) -> None:
    assert gate_of(tmp_path, "") is None


def test_a_section_says_bounds_for_all_metrics_and_for_some(tmp_path: Path) -> None:
    text = "gate:\n  margin: 0.03\n  metrics:\n    forward: {margin: 0.02, equivalence: 0.05}\n    load.total: {gated: false}\n"
    metrics = {"forward": Tolerance(margin=0.02, equivalence=0.05), "load.total": Tolerance(gated=False)}
    assert gate_of(tmp_path, text) == Gating(margin=0.03, metrics=metrics)


@pytest.mark.parametrize("name", ["memory.host_anonymous_peak", "load.first_touch", "tpot", "realised_new_tokens", "params.bytes"])
def test_measured_derived_and_deterministic_metrics_are_known(tmp_path: Path, name: str) -> None:
    assert gate_of(tmp_path, f"gate: {{metrics: {{{name}: {{gated: true}}}}}}\n") is not None


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ("forwrd: {gated: true}", 'gate: metric "forwrd" is not known'),
        ("e2e_rate: {gated: true}", "gate: e2e_rate is a rate and has no row of its own"),
        ("rtfx: {gated: true}", "gate: rtfx is a rate and has no row of its own"),
        ("params.bytes: {margin: 0.1}", "gate: params.bytes is compared exactly"),
        ("forward: {}", "gate: forward says nothing"),
        ("forward: {margin: 1.0}", "margin 1.0 cannot be used"),
        ("forward: {equivalence: -0.1}", "equivalence -0.1 cannot be used"),
        ("forward: {margin: much}", 'margin "much" cannot be used'),
        ("forward: {margn: 0.1}", 'key "margn" is not known (knows: gated, margin, equivalence). Did you mean "margin"?'),
        ("forward: {gated: maybe}", 'gated "maybe" cannot be used'),
        ("forward: 0.1", "forward takes a mapping, not 0.1"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_line(tmp_path: Path, said: str, start: str) -> None:
    ((line, what),) = problems(tmp_path, f"gate:\n  metrics:\n    {said}\n")
    assert (line, what[: len(start)]) == (6, start)


def test_a_key_of_the_section_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    assert problems(tmp_path, "gate:\n  margins: 0.1\n") == [
        (5, 'key "margins" is not known (knows: margin, equivalence, metrics). Did you mean "margin"?')
    ]
