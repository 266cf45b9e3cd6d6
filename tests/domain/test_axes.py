import pytest

from bench.domain.axes import AXES, BY_NAME
from bench.domain.scenario import Scenario
from bench.domain.task import Trait
from bench.domain.values import Json


def test_names_are_unique() -> None:
    assert len(BY_NAME) == len(AXES)


@pytest.mark.parametrize("axis", AXES, ids=lambda axis: axis.name)
def test_every_axis_knows_its_default_and_says_what_it_means(axis: object) -> None:
    from bench.domain.axis import Axis

    assert isinstance(axis, Axis)
    assert axis.knows(axis.default)
    assert axis.meaning


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        ("dtype", "bfloat16"),
        ("quantization", {"method": "bnb-int8", "skip": ["lm_head"]}),
        ("device", "cuda:1"),
        ("device_map", {"max_memory": {"cpu": "4MB"}, "offload": "disk"}),
        ("threads", 4),
        ("threads", "auto"),
        ("depth", 0),
        ("image_size", "640x480"),
        ("gradient_checkpointing", True),
        ("freeze", []),
        ("freeze", ("encoder.*",)),
        ("environment", "/opt/other/bin/python"),
    ],
)
def test_spellings_are_known(axis: str, value: Json) -> None:
    assert BY_NAME[axis].knows(value)


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        ("dtype", "float64"),
        ("dtype", 32),
        ("dtype", None),
        ("dtype", ["float32"]),
        ("dtype", {"float32": 1}),
        ("quantization", {}),
        ("quantization", {"methods": "bnb-int8"}),
        ("device", "cuda:"),
        ("device", "cuda:0 "),
        ("batch_size", 0),
        ("batch_size", True),
        ("batch_size", 1.0),
        ("batch_size", "1"),
        ("depth", -1),
        ("image_size", "640x0"),
        ("gradient_checkpointing", 1),
        ("gradient_checkpointing", "true"),
        ("freeze", "encoder"),
        ("freeze", [1]),
    ],
)
def test_other_values_are_not(axis: str, value: Json) -> None:
    assert not BY_NAME[axis].knows(value)


def test_an_axis_applies_where_a_task_has_a_trait_of_each_group_it_needs() -> None:
    text, image = frozenset({Trait.TEXT}), frozenset({Trait.IMAGE})
    assert BY_NAME["prompt_tokens"].applies(text, Scenario.INFERENCE)
    assert not BY_NAME["prompt_tokens"].applies(image, Scenario.INFERENCE)
    assert not BY_NAME["new_tokens"].applies(text, Scenario.INFERENCE)
    assert BY_NAME["processor_backend"].applies(frozenset({Trait.VIDEO}), Scenario.INFERENCE)
    assert BY_NAME["batch_size"].applies(frozenset(), Scenario.ENDURANCE)
    assert not BY_NAME["batch_size"].applies(frozenset(), Scenario.LOAD)


def test_an_axis_of_one_scenario_applies_in_no_other() -> None:
    assert BY_NAME["optimizer"].applies(frozenset(), Scenario.TRAIN_STEP)
    assert not BY_NAME["optimizer"].applies(frozenset(), Scenario.INFERENCE)


def test_an_axis_has_choices_of_its_own_in_a_scenario() -> None:
    axis = BY_NAME["batching"]
    assert (axis.within(Scenario.DATA).default, axis.within(Scenario.REQUESTS).default) == ("as-is", "static")
    assert not axis.within(Scenario.DATA).knows("continuous")
    assert BY_NAME["dtype"].within(Scenario.DATA) is BY_NAME["dtype"]
