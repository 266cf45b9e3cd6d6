"""The case that another is compared with: what the reference names, and every other axis as the case has it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from bench.domain.errors import SuiteError
from bench.domain.model import ModelFacts
from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.plan import Plan, ReferenceCase
from bench.domain.scenario import Scenario
from bench.domain.values import Json
from bench.planning.plans import Filter, draw_up
from tests.planning.test_plans import a_source, nothing_against
from tests.support.suites import IMAGE, TEXT, a_matrix, facts

WRITER, READER, SEER = facts("writer"), facts("reader", TEXT, "fill-mask"), facts("seer", IMAGE, "image-classification")


def planned(models: Sequence[ModelFacts] = (WRITER,), **parts: Any) -> Plan:
    return draw_up([a_source(a_matrix(models, **parts), tuple(models))], nothing_against, Filter())


def reference_of(plan: Plan, **axes: Json) -> ReferenceCase:
    (found,) = (one for one in plan.cases if all(one.case.requested.get(axis) == value for axis, value in axes.items()))
    assert found.reference is not None
    return found.reference


def test_the_reference_is_float32_eager_and_unquantized_and_has_the_case_s_own_other_values() -> None:
    plan = planned(dtype=["bfloat16"], attention=["sdpa"], batch_size=[8])
    reference = reference_of(plan).case
    case = plan.cases[0].case
    changed = {axis: value for axis, value in reference.requested.items() if case.requested[axis] != value}
    assert changed == {"dtype": "float32", "attention": "eager"}
    assert "dtype=float32" in reference.label
    assert "batch_size=8" in reference.label


def test_a_reference_that_is_a_case_of_the_matrix_is_that_case_and_its_own() -> None:
    plan = planned(dtype=["float32", "bfloat16"], attention=["eager"])
    own = next(one.case for one in plan.cases if one.case.requested["dtype"] == "float32")
    assert reference_of(plan, dtype="float32") == ReferenceCase(case=own)
    assert reference_of(plan, dtype="bfloat16") == ReferenceCase(case=own)


def test_a_written_reference_names_nothing_but_what_it_names() -> None:
    plan = planned(dtype=["bfloat16"], quantization=["none", "bnb-int8"], reference={"quantization": "none"})
    assert reference_of(plan, quantization="bnb-int8").case == plan.cases[0].case


def test_a_reference_is_none_for_models_that_do_not_use_its_axes_and_the_plan_says_so() -> None:
    plan = planned([WRITER, SEER], reference={"cache": "dynamic"})
    assert [one.reference is None for one in plan.cases] == [False, True]
    assert plan.remarks == ("the reference is not for seer: outputs of these are not compared",)


def test_of_the_axes_of_a_reference_each_model_has_those_that_it_uses() -> None:
    plan = planned([WRITER, SEER], attention=["sdpa"], cache=["static"], reference={"attention": "eager", "cache": "dynamic"})
    found = [one.reference.case.requested for one in plan.cases if one.reference is not None]
    assert [(one["attention"], one.get("cache")) for one in found] == [("eager", "dynamic"), ("eager", None)]
    assert "reference" not in " ".join(plan.remarks)


def test_a_reference_that_names_another_model_is_none_whatever_axes_it_names() -> None:
    plan = planned([WRITER, SEER], reference={"model": "writer", "attention": "eager"})
    assert [one.reference is None for one in plan.cases] == [False, True]


def test_a_reference_that_is_for_no_model_is_a_problem_of_the_suite() -> None:
    with pytest.raises(SuiteError, match="this reference applies to no model"):
        planned([SEER], reference={"cache": "dynamic"})


def test_a_reference_with_other_inputs_has_no_outputs_to_compare() -> None:
    plan = planned(batch_size=[1, 4], reference={"batch_size": 1})
    assert reference_of(plan, batch_size=1).refusal is None
    refusal = reference_of(plan, batch_size=4).refusal
    assert refusal is not None
    assert "batch_size 1 and not 4" in refusal.reason


def test_a_reference_that_cannot_run_is_judged_once_and_says_why() -> None:
    asked: list[Json] = []

    def judge(_model: ModelFacts, requested: Mapping[str, Json]) -> Refusal | None:
        if requested["dtype"] != "float32":
            return None
        asked.append(requested["dtype"])
        return Refusal(reason="not today", reason_code=ReasonCode.NOT_IN_VERSION)

    source = a_source(a_matrix([WRITER], dtype=["bfloat16"], batch_size=[2, 2 + 1], attention=["eager", "sdpa"]))
    refusals = [one.reference.refusal for one in draw_up([source], judge, Filter()).cases if one.reference is not None]
    assert [refusal is not None and refusal.reason.endswith("cannot run: not today") for refusal in refusals] == [True] * 4
    assert len(asked) == 2


def test_what_answers_nothing_is_compared_with_nothing() -> None:
    assert planned(scenario=Scenario.LOAD).cases[0].reference is None


def test_what_an_engine_of_another_environment_is_compared_with_runs_in_this_one() -> None:
    axes: dict[str, Any] = {"engine": ["optimum-onnx", "onnxruntime"], "environment": ["./older/python"]}
    plan = planned(**axes)
    assert reference_of(plan, engine="optimum-onnx").case.requested["environment"] == "this"
    assert reference_of(plan, engine="onnxruntime").case.requested["environment"] == "./older/python"
    assert reference_of(plan, engine="optimum-onnx").case.label == "writer dtype=float32 attention=eager"


def test_a_reference_that_says_where_it_runs_or_names_no_other_engine_keeps_to_that() -> None:
    axes: dict[str, Any] = {"engine": ["optimum-onnx"], "environment": ["./older/python"]}
    for reference, expected in (
        ({"engine": "eager", "environment": "./third/python"}, "./third/python"),
        ({"engine": "optimum-onnx", "dtype": "float32"}, "./older/python"),
        ({"dtype": "float32"}, "./older/python"),
    ):
        plan = planned(**axes, reference=reference)
        assert reference_of(plan).case.requested["environment"] == expected
