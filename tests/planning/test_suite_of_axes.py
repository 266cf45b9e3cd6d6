"""suites/axes.yaml has every value of every axis that decides a deployment, for every model that uses it, one at a time."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bench.domain.axes import AXES
from bench.domain.axis import Axis
from bench.domain.scenario import Scenario
from bench.domain.values import Json, canonical
from tests.support.suites import planned

SUITES = Path(__file__).resolve().parents[2] / "suites"
INPUTS = {"image_size", "images", "texts", "video_frames", "video_fps", "audio_seconds", "audio_rate", "media"}
"""Axes of what goes in."""
CHOSEN = [
    axis
    for axis in AXES
    if len(axis.choices) > 1 and axis.name not in INPUTS and (not axis.scenarios or Scenario.INFERENCE in axis.scenarios)
]
COMPANIONS = {"engine": {"cache", "attention"}, "ranks": {"parallel", "batch_size"}}
"""What a value of an axis needs beside it: a compiled generation a static cache, attention that a compiler fuses its other name,
and ranks that share data a batch to part."""
Told = dict[str, list[Mapping[str, Json]]]


def told(name: str) -> Told:
    """Give what the cases of a shipped suite ask for, by model, those that cannot run here with them."""
    plan = planned(SUITES / name)
    found: Told = {}
    for case in (*(one.case for one in plan.cases), *(one.case for one in plan.skipped)):
        found.setdefault(str(case.requested["model"]), []).append(case.requested)
    return found


@pytest.fixture(scope="module")
def small() -> Told:
    return told("axes.yaml")


@pytest.mark.parametrize("axis", CHOSEN, ids=lambda axis: str(axis.name))
def test_every_value_is_a_case_of_every_model_that_uses_the_axis(small: Told, axis: Axis) -> None:
    for model, cases in small.items():
        asked = {canonical(case[axis.name]) for case in cases if axis.name in case}
        assert not asked or {canonical(value) for value in axis.choices} <= asked, model


@pytest.mark.parametrize("name", ["axes.yaml", "axes-true-size.yaml"])
def test_one_axis_differs_at_a_time(name: str) -> None:
    for model, (reference, *others) in told(name).items():
        plain = {"dtype": "float32", "attention": "eager", "engine": "eager", "quantization": "none"}
        assert {axis: reference[axis] for axis in plain} == plain, model
        for case in others:
            differing = {axis for axis in case if canonical(case[axis]) != canonical(reference[axis])}
            companions = set().union(*(COMPANIONS.get(axis, set()) for axis in differing))
            assert len(differing - companions) == 1, (model, differing)
