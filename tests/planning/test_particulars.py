"""The keys of a suite that belong to one scenario each."""

from pathlib import Path

import pytest

from bench.planning import suites
from tests.support.suites import HEAD, a_file, planned, problems


def test_a_capacity_drops_its_axis_and_is_part_of_the_case(tmp_path: Path) -> None:
    text = f"{HEAD}scenario: capacity\naxes: {{batch_size: [1, 2]}}\ncapacity: {{over: batch_size, max: 64}}\n"
    plan = planned(a_file(tmp_path, text))
    (one,) = plan.cases
    assert "batch_size" not in one.case.requested
    assert one.case.requested["capacity"] == {"over": "batch_size", "max": 64}
    assert any("batch_size does not apply" in remark for remark in plan.remarks)
    other = planned(a_file(tmp_path, text.replace("max: 64", "max: 32")))
    assert other.cases[0].case.id != one.case.id


def test_a_capacity_over_an_axis_that_the_model_does_not_use_is_skipped(tmp_path: Path) -> None:
    plan = planned(a_file(tmp_path, f"{HEAD}scenario: capacity\ncapacity: {{over: images, max: 4}}\n"))
    assert plan.cases == ()
    assert "does not use images" in plan.skipped[0].refusal.reason


def test_an_endurance_is_part_of_the_case(tmp_path: Path) -> None:
    (one,) = planned(a_file(tmp_path, f"{HEAD}scenario: endurance\nendurance: {{steps: 100}}\n")).cases
    assert one.case.requested["endurance"] == {"steps": 100}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("scenario: capacity\n", 4, "scenario capacity needs its own key"),
        ("capacity: {over: batch_size, max: 2}\n", 4, "capacity is for scenario: capacity, and this suite's is inference"),
        ("scenario: endurance\nendurance: {minutes: 5, steps: 50}\n", 5, "endurance takes either minutes or steps"),
        ("scenario: endurance\nendurance: {minutes: 5}\n", 5, "endurance of 5 minutes does not fit into time_limit_s"),
        (
            "scenario: capacity\ncapacity: {over: batch_size, max: 2}\ninclude: [{batch_size: 4}]\n",
            6,
            "include names batch_size, whose largest value is what this capacity seeks",
        ),
    ],
)
def test_what_makes_no_sense_is_told_by_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    assert any(at == line and said in what for at, what in problems(tmp_path, HEAD + text))


def test_where_loading_is_all_that_is_measured_its_state_is_an_axis(tmp_path: Path) -> None:
    text = f"{HEAD}scenario: load\nload: {{page_cache: cold}}\naxes: {{mmap: [true, false]}}\n"
    suite, _ = suites.load(a_file(tmp_path, text))
    assert suite.axes["page_cache"] == ("cold",)
    plan = planned(a_file(tmp_path, text))
    assert {one.case.requested["mmap"] for one in plan.cases} == {True, False}
    assert all("prompt_tokens" not in one.case.requested for one in plan.cases)
