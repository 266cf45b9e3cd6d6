"""From axes to cases: the product, less what is excluded, extended and added to as in a GitHub Actions matrix."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.domain.axes import AXES
from bench.domain.model import ModelFacts, Submodel
from bench.domain.plan import Case, Suite
from bench.domain.procedure import PageCache, Procedure
from bench.domain.scenario import Scenario
from bench.domain.task import Trait
from bench.domain.values import Json, canonical
from bench.models import submodels
from bench.planning.expand import Expansion, expand
from tests.support.suites import GENERATES, IMAGE, TEXT, a_matrix, facts

WRITER, READER, SEER = facts("writer"), facts("reader", TEXT, "fill-mask"), facts("seer", IMAGE, "image-classification")


def cases_of(models: Sequence[ModelFacts], **parts: Any) -> list[Case]:
    return [case for _, case in expand(a_matrix(models, **parts), models).cases]


def shown(cases: Sequence[Case], *axes: str) -> list[tuple[Json, ...]]:
    return [tuple(case.requested[axis] for axis in axes) for case in cases]


def test_a_suite_without_axes_is_one_case_a_model_with_every_default() -> None:
    (case,) = cases_of([WRITER])
    applying = {axis.name: axis.default for axis in AXES if axis.applies(GENERATES, Scenario.INFERENCE)}
    assert case.requested == {"model": "writer", "task": "text-generation", "scenario": "inference", **applying}
    assert case.label == "writer"


def test_the_matrix_is_the_product_in_the_order_of_the_vocabulary() -> None:
    cases = cases_of([WRITER], batch_size=[1, 2], dtype=["float32", "bfloat16"])
    assert shown(cases, "dtype", "batch_size") == [("float32", 1), ("float32", 2), ("bfloat16", 1), ("bfloat16", 2)]
    assert [case.label for case in cases][1] == "writer dtype=float32 batch_size=2"


def test_an_axis_that_does_not_apply_is_dropped_and_doubles_nothing() -> None:
    suite = a_matrix([WRITER, SEER], new_tokens=[4, 8])
    result = expand(suite, [WRITER, SEER])
    assert [(model.ref.name, case.requested.get("new_tokens")) for model, case in result.cases] == [
        ("writer", 4),
        ("writer", 8),
        ("seer", None),
    ]
    assert result.remarks == ["new_tokens does not apply to seer and was dropped: its 2 values give one case there"]


def test_no_text_at_all_is_a_problem_where_no_model_can_go_without_one() -> None:
    captions = facts("captions", task="image-to-text", traits=GENERATES | IMAGE | {Trait.TEXT_OPTIONAL})
    [(place, said)] = expand(a_matrix([WRITER], prompt_tokens=[8, 0]), [WRITER]).findings
    assert place == ("axes", "prompt_tokens", 1)
    assert said.startswith("prompt_tokens 0 is for image-to-text alone")
    assert expand(a_matrix([WRITER, captions], prompt_tokens=[8, 0]), [WRITER, captions]).findings == []


def test_a_model_whose_parts_are_named_is_another_case_with_the_same_label() -> None:
    named = replace(WRITER, ref=replace(WRITER.ref, parts={"head": ("out",)}))
    (plain,), (other,) = cases_of([WRITER]), cases_of([named])
    assert (plain.id != other.id, plain.label == other.label) == (True, True)


def test_one_dropped_value_has_no_effect_to_tell() -> None:
    assert expand(a_matrix([SEER], depth=[0]), [SEER]).remarks == ["depth does not apply to seer and was dropped"]


def test_equal_cases_become_one_and_a_remark_says_so() -> None:
    twin = replace(WRITER, ref=replace(WRITER.ref, name="twin"))
    result = expand(a_matrix([WRITER, twin]), [WRITER, twin])
    assert [model.ref.name for model, _ in result.cases] == ["writer"]
    assert result.remarks == [
        "twin holds the same as writer: it is measured once",
        "1 case was equal to another and is measured once",
    ]


def test_an_include_that_adds_the_same_twice_is_measured_once() -> None:
    entries: list[Mapping[str, Json]] = [{"batch_size": 9, "threads": 1}, {"threads": 1, "batch_size": 9, "dtype": "auto"}]
    result = expand(a_matrix([WRITER], include=entries, batch_size=[1]), [WRITER])
    assert shown([case for _, case in result.cases], "batch_size", "threads") == [(1, "auto"), (9, 1)]
    assert result.remarks == ["1 case was equal to another and is measured once"]


def test_include_has_the_meaning_of_the_documented_example() -> None:
    """Fruit is dtype, animal is attention, colour is threads, shape is batch_size."""
    entries: list[dict[str, Json]] = [
        {"threads": 1},
        {"threads": 2, "attention": "eager"},
        {"dtype": "float32", "batch_size": 8},
        {"dtype": "float16"},
        {"dtype": "float16", "attention": "eager"},
    ]
    cases = cases_of([WRITER], include=entries, dtype=["float32", "bfloat16"], attention=["eager", "sdpa"])
    assert shown(cases, "dtype", "attention", "threads", "batch_size") == [
        ("float32", "eager", 2, 8),
        ("float32", "sdpa", 1, 8),
        ("bfloat16", "eager", 2, 1),
        ("bfloat16", "sdpa", 1, 1),
        ("float16", "auto", "auto", 1),
        ("float16", "eager", "auto", 1),
    ]


def test_exclusion_comes_before_inclusion() -> None:
    cases = cases_of([WRITER], exclude=[{"batch_size": 2}], include=[{"batch_size": 2, "threads": 1}], batch_size=[1, 2])
    assert shown(cases, "batch_size", "threads") == [(1, "auto"), (2, 1)]


def test_a_model_may_be_selected_and_takes_no_axis_of_others() -> None:
    cases = cases_of(
        [WRITER, SEER], exclude=[{"model": "seer", "batch_size": 2}], include=[{"image_size": "64x64"}], batch_size=[1, 2]
    )
    assert [(case.requested["model"], case.requested["batch_size"], case.requested.get("image_size")) for case in cases] == [
        ("writer", 1, None),
        ("writer", 2, None),
        ("seer", 1, "64x64"),
    ]


def test_an_include_of_a_written_axis_that_a_model_lacks_leaves_that_model_alone() -> None:
    cases = cases_of([WRITER, SEER], include=[{"new_tokens": 4, "threads": 1}], new_tokens=[4])
    assert [(case.requested["model"], case.requested["threads"]) for case in cases] == [("writer", 1), ("seer", "auto")]


def test_an_include_that_changes_cases_where_one_more_may_be_meant_is_told() -> None:
    result = expand(a_matrix([WRITER], include=[{"batch_size": 2, "attention": "eager"}], batch_size=[2], threads=[1, 2]), [WRITER])
    assert shown([case for _, case in result.cases], "threads", "attention") == [(1, "eager"), (2, "eager")]
    assert result.remarks == [
        "include entry 1 changes 2 cases of the matrix to attention=eager and adds none (it adds one where axes name attention)"
    ]


def test_an_include_of_one_task_is_added_for_the_models_that_do_it() -> None:
    cases = cases_of([WRITER, READER], include=[{"task": "fill-mask", "batch_size": 5}], batch_size=[1])
    assert shown(cases, "model", "batch_size") == [("writer", 1), ("reader", 1), ("reader", 5)]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"batch_size": 1}, "this include entry changes nothing: the matrix has its cases already"),
        ({"model": "writer"}, "this include entry changes nothing: the matrix has its cases already"),
        ({"task": "dancing"}, 'this include entry\'s task "dancing" is none that its model is listed with'),
        (
            {"images": 2, "audio_seconds": 3},
            "this include entry names images and audio_seconds, which no model that it concerns uses",
        ),
    ],
)
def test_an_include_that_does_nothing_is_told(entry: Mapping[str, Json], said: str) -> None:
    assert expand(a_matrix([WRITER], include=[entry], batch_size=[1]), [WRITER]).findings == [(("include", 0), said)]


def test_an_exclude_that_matches_nothing_is_told() -> None:
    result = expand(a_matrix([WRITER], exclude=[{"batch_size": 1}, {"batch_size": 9}], batch_size=[1, 2]), [WRITER])
    assert result.findings == [(("exclude", 1), "this exclude entry matches no case")]


def test_a_reference_has_to_apply_to_some_model() -> None:
    assert expand(a_matrix([WRITER], reference={"dtype": "float32"}), [WRITER]).findings == []
    wrong = expand(a_matrix([WRITER], reference={"image_size": "64x64"}), [WRITER]).findings
    assert [place for place, _ in wrong] == [("reference",)]


def test_an_excluded_model_leaves_nothing() -> None:
    assert cases_of([WRITER, SEER], exclude=[{"model": "seer"}])[-1].requested["model"] == "writer"
    assert cases_of([WRITER], exclude=[{"model": "writer"}]) == []


def test_a_named_task_is_part_of_the_label() -> None:
    named = replace(WRITER, ref=replace(WRITER.ref, task="text-generation"))
    assert cases_of([named])[0].label == "writer text-generation"


def an_id(model: ModelFacts = WRITER, **changes: Any) -> str:
    suite = replace(a_matrix([model]), **changes)
    return expand(suite, [model]).cases[0][1].id


def test_an_id_depends_on_content_task_scenario_load_and_axes() -> None:
    ids = [
        an_id(),
        an_id(replace(WRITER, content="other")),
        an_id(replace(WRITER, task="other")),
        an_id(replace(WRITER, ref=replace(WRITER.ref, num_labels=3))),
        an_id(scenario=Scenario.LOAD),
        an_id(page_cache=PageCache.WARM),
        an_id(mmap=True),
        an_id(mmap=False),
        an_id(axes={"batch_size": (2,)}),
    ]
    assert len(set(ids)) == len(ids)


def test_a_number_of_classes_is_said_in_the_case() -> None:
    (case,) = cases_of([replace(READER, ref=replace(READER.ref, num_labels=3))])
    assert (case.requested["num_labels"], case.label) == (3, "reader num_labels=3")


def test_an_id_depends_on_no_path_procedure_suite_or_name() -> None:
    moved = replace(WRITER, ref=replace(WRITER.ref, name="elsewhere", where="/elsewhere"), folder="/elsewhere")
    assert an_id() == an_id(moved) == an_id(name="y", file="y.yaml", digest="d", procedure=Procedure(seed=9))


def test_an_id_is_the_same_whether_a_default_is_written_or_not() -> None:
    assert an_id() == an_id(axes={"batch_size": (1,), "attention": ("auto",)})


def test_the_state_of_the_page_cache_is_part_of_what_is_requested_where_it_is_set() -> None:
    case = expand(replace(a_matrix([WRITER]), page_cache=PageCache.COLD), [WRITER]).cases[0][1]
    assert case.requested["page_cache"] == "cold"


def test_mapping_is_part_of_what_is_requested_where_it_is_set() -> None:
    asked = [expand(replace(a_matrix([WRITER]), mmap=value), [WRITER]).cases[0][1].requested for value in (None, False, True)]
    assert [one.get("mmap", "not there") for one in asked] == ["not there", False, True]


def test_axes_of_training_belong_to_training() -> None:
    case = cases_of([WRITER], scenario=Scenario.TRAIN_STEP, freeze=[("wte",)])[0]
    assert case.requested["freeze"] == ("wte",)
    assert case.label == 'writer freeze=["wte"]'
    assert "freeze" not in cases_of([WRITER], freeze=[("wte",)])[0].requested


# ── laws ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

VALUES: dict[str, list[Json]] = {
    "dtype": ["float32", "bfloat16", "auto"],
    "attention": ["eager", "sdpa", "auto"],
    "batch_size": [1, 2, 8],
    "new_tokens": [4, 16],
    "image_size": ["auto", "64x64"],
    "threads": ["auto", 1],
}
MODELS = (WRITER, READER, SEER)

some_axes = st.dictionaries(st.sampled_from(sorted(VALUES)), st.just(None), max_size=len(VALUES)).flatmap(
    lambda names: st.fixed_dictionaries({name: st.lists(st.sampled_from(VALUES[name]), min_size=1, unique=True) for name in names})
)
an_entry = st.dictionaries(st.sampled_from(sorted(VALUES)), st.just(None), max_size=3).flatmap(
    lambda names: st.fixed_dictionaries(
        {name: st.sampled_from(VALUES[name]) for name in names},
        optional={
            "model": st.sampled_from([model.ref.name for model in MODELS]),
            "task": st.sampled_from(["fill-mask", "text-generation"]),
        },
    )
)
some_entries = st.lists(an_entry, max_size=4)


def alone(model: ModelFacts, scenario: Scenario) -> dict[str, Json]:
    """Give the combination of MODEL with the default of every axis that applies."""
    applying: dict[str, Json] = {axis.name: axis.default for axis in AXES if axis.applies(model.traits, scenario)}
    return {"model": model.ref.name, "task": model.task, **applying}


def agrees(entry: Mapping[str, Json], one: Mapping[str, Json], written: set[str]) -> bool:
    """Tell whether ENTRY overwrites nothing of the original ONE, and has something to do with its model."""
    axes = [key for key in entry if key not in {"model", "task"}]
    return (not axes or any(key in one for key in axes)) and all(one.get(key) == entry[key] for key in entry if key in written)


def product(suite: Suite, models: Sequence[ModelFacts]) -> list[dict[str, Json]]:
    combinations: list[dict[str, Json]] = []
    for model in models:
        base = alone(model, suite.scenario)
        axes = [[(name, value) for value in suite.axes.get(name, (base[name],))] for name in base if name not in {"model", "task"}]
        combinations += [{**base, **dict(pairs)} for pairs in itertools.product(*axes)]
    return combinations


def excluded(one: Mapping[str, Json], suite: Suite) -> bool:
    return any(all(one.get(key) == value for key, value in entry.items()) for entry in suite.exclude)


def naive(suite: Suite, models: Sequence[ModelFacts]) -> list[dict[str, Json]]:
    """Expand a matrix as GitHub documents it, over dictionaries, model and task being axes like others."""
    written = {*suite.axes, "model", "task"}
    matrix = [one for one in product(suite, models) if not excluded(one, suite)]
    added: list[dict[str, Json]] = []
    for entry in suite.include:
        extended = [one for one in matrix if agrees(entry, one, written)]
        for one in extended:
            one.update({key: value for key, value in entry.items() if key in one and key not in written})
        if not extended:
            bases = [alone(model, suite.scenario) for model in models]
            added += [{**base, **entry} for base in bases if set(entry) <= set(base) and agrees(entry, base, {"model", "task"})]
    return matrix + added


def as_set(cases: Sequence[Mapping[str, Json]]) -> set[str]:
    return {canonical({key: value for key, value in case.items() if key != "scenario"}) for case in cases}


def result_of(axes: Mapping[str, Any], include: Sequence[Any] = (), exclude: Sequence[Any] = ()) -> tuple[Suite, Expansion]:
    suite = a_matrix(MODELS, include=include, exclude=exclude, **axes)
    return suite, expand(suite, MODELS)


@given(some_axes, some_entries, some_entries)
def test_expansion_equals_a_naive_reading_of_what_github_documents(axes: Any, include: Any, exclude: Any) -> None:
    suite, result = result_of(axes, include, exclude)
    assert as_set([case.requested for _, case in result.cases]) == as_set(naive(suite, MODELS))


@given(some_axes, some_entries)
def test_cases_are_the_product_less_the_excluded(axes: Any, exclude: Any) -> None:
    suite, result = result_of(axes, exclude=exclude)
    counts = [
        math.prod(len(suite.axes.get(axis.name, (0,))) for axis in AXES if axis.applies(model.traits, suite.scenario))
        for model in MODELS
    ]
    gone = [one for one in product(suite, MODELS) if excluded(one, suite)]
    assert len(result.cases) == sum(counts) - len(gone)


@given(some_axes, some_entries, some_entries, st.randoms())
def test_ids_are_unique_and_independent_of_order(axes: Any, include: Any, exclude: Any, source: Any) -> None:
    _, result = result_of(axes, include, exclude)
    ids = [case.id for _, case in result.cases]
    assert len(set(ids)) == len(ids)
    names = list(axes)
    source.shuffle(names)
    turned = {name: source.sample(axes[name], len(axes[name])) for name in names}
    flipped = [dict(reversed(entry.items())) for entry in include]
    _, again = result_of(turned, flipped, list(reversed(exclude)))
    assert {case.id for _, case in again.cases} == set(ids)
    assert {case.id: case.requested for _, case in again.cases} == {case.id: case.requested for _, case in result.cases}


@given(st.sampled_from([GENERATES, TEXT, IMAGE, frozenset({Trait.AUDIO}), frozenset({Trait.VIDEO, Trait.TEXT})]))
def test_every_case_holds_every_axis_that_applies_and_no_other(traits: frozenset[Trait]) -> None:
    (case,) = cases_of([facts("any", traits)])
    assert set(case.requested) - {"model", "task", "scenario"} == {
        axis.name for axis in AXES if axis.applies(traits, Scenario.INFERENCE)
    }


def test_a_hundred_thousand_cases_have_ids_of_their_own() -> None:
    axes: dict[str, Any] = {"batch_size": range(1, 101), "prompt_tokens": range(1, 101), "new_tokens": range(1, 11)}
    result = expand(a_matrix([WRITER], **axes), [WRITER])
    assert len(result.cases) == 100_000
    assert len({case.id for _, case in result.cases}) == 100_000
    assert result.cases[-1][1].requested["batch_size"] == 100


def part(submodel: Submodel) -> ModelFacts:
    return submodels.narrowed(replace(WRITER, ref=replace(WRITER.ref, submodel=submodel)))


def test_a_part_of_a_model_is_another_case_that_says_so() -> None:
    case, whole = cases_of([part(Submodel.LANGUAGE), WRITER], batch_size=[2])
    assert (case.label, case.requested["submodel"]) == ("writer language batch_size=2", "language")
    assert case.requested.keys() >= {"prompt_tokens", "batch_size"}
    assert not case.requested.keys() & {"new_tokens", "cache", "depth"}
    assert "submodel" not in whole.requested
    assert case.id != whole.id


def test_what_does_not_apply_to_a_part_is_dropped_by_its_name() -> None:
    suite = a_matrix([part(Submodel.LANGUAGE), WRITER], new_tokens=[4, 8])
    result = expand(suite, [part(Submodel.LANGUAGE), WRITER])
    assert len(result.cases) == 3
    assert result.remarks == ["new_tokens does not apply to writer language and was dropped: its 2 values give one case there"]


def test_a_part_is_selected_by_its_name() -> None:
    models = [part(Submodel.LANGUAGE), WRITER]
    cases = cases_of(models, batch_size=[1, 2], exclude=[{"submodel": "language", "batch_size": 2}])
    assert shown(cases, "batch_size") == [(1,), (1,), (2,)]
