"""compile.time: by how much the first call is longer than the steady state of the same step."""

import pytest

from bench.analysis.derive import RULES
from bench.domain.values import Json

VALUES = {"first_call": 30.0, "forward": 1.0, "e2e": 2.0}


def seconds(facts: dict[str, Json]) -> list[float]:
    found = [rule.seconds(VALUES, facts) for rule in RULES if rule.metric.name == "compile.time"]
    return [one for one in found if one is not None]


def test_a_forward_is_compared_with_the_forward_and_a_generation_with_the_generation() -> None:
    assert seconds({"engine": "compile"}) == [29.0]
    assert seconds({"engine": "compile", "realised_new_tokens": 4}) == [28.0]


@pytest.mark.parametrize("engine", ["eager", "onnxruntime", {"name": "onnxruntime", "dynamic": False}])
def test_where_nothing_is_compiled_there_is_no_such_time(engine: Json) -> None:
    assert seconds({"engine": engine}) == []


def test_options_of_the_engine_change_nothing_in_it() -> None:
    assert seconds({"engine": {"name": "compile", "dynamic": True}}) == [29.0]
