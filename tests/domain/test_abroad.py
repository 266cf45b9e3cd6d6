"""Engines that live abroad, by whatever way a case names its engine."""

import pytest

from bench.domain import abroad
from bench.domain.axes import BY_NAME
from bench.domain.values import Json


@pytest.mark.parametrize(
    ("asked", "name"), [("eager", "eager"), ("optimum-onnx", "optimum-onnx"), ({"name": "optimum-onnx"}, "optimum-onnx")]
)
def test_an_engine_is_known_by_its_name_alone_or_in_a_mapping(asked: Json, name: str) -> None:
    assert abroad.engine_of({"engine": asked}) == name
    assert abroad.is_abroad({"engine": asked}) is (name == "optimum-onnx")


def test_where_no_engine_is_named_nothing_is_abroad() -> None:
    assert not abroad.is_abroad({})


def test_engines_that_live_abroad_are_values_of_the_axis() -> None:
    assert set(BY_NAME["engine"].choices) >= abroad.ENGINES
