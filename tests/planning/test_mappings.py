"""Mappings of engines and of sampling: what may stand in them, and what is said of what may not."""

import pytest

from bench.domain.values import Json
from bench.planning.mappings import SAID


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        ("engine", {"name": "compile", "mode": "max-autotune", "dynamic": True, "fullgraph": False}),
        ("engine", {"name": "onnxruntime", "dynamic": False, "fusions": False}),
        ("sampling", {"temperature": 0.7}),
        ("sampling", {"top_p": 1, "top_k": 50}),
    ],
)
def test_a_mapping_that_can_be_had_has_nothing_said_of_it(axis: str, value: dict[str, Json]) -> None:
    assert SAID[axis](value) is None


@pytest.mark.parametrize(
    ("axis", "value", "said"),
    [
        ("engine", {"mode": "default"}, "engine name null is not known"),
        ("engine", {"name": "compil"}, 'Did you mean "compile"?'),
        ("engine", {"name": "compile", "mode": "fast"}, 'engine mode "fast" is not known'),
        ("engine", {"name": "compile", "dynamic": 1}, "engine dynamic takes true or false, not 1"),
        ("engine", {"name": "onnxruntime", "fusions": "auto"}, 'engine fusions takes true or false, not "auto"'),
        ("sampling", {"temperature": 0}, "above zero, not 0"),
        ("sampling", {"temperature": True}, "above zero, not true"),
        ("sampling", {"top_p": 1.5}, "up to 1, not 1.5"),
        ("sampling", {"top_p": 0}, "above 0 and up to 1, not 0"),
        ("sampling", {"top_k": 0}, "at least 1, not 0"),
        ("sampling", {"top_k": 2.5}, "a whole number"),
    ],
)
def test_what_is_wrong_in_a_mapping_is_said(axis: str, value: dict[str, Json], said: str) -> None:
    assert said in str(SAID[axis](value))
