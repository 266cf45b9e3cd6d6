"""Environments in a suite: names that are known, and what makes two cases the same."""

from pathlib import Path

from tests.support.suites import HEAD, a_file, planned, problems

AXIS = "axes:\n  environment: [{}]\n"
LISTED = "environments: {{old: [{}]}}\n"


def test_a_name_that_is_listed_nowhere_is_a_slip_of_the_pen(tmp_path: Path) -> None:
    text = HEAD + LISTED.format("torch==2.13.0") + AXIS.format("this, odl")
    ((line, said),) = problems(tmp_path, text)
    assert (line, said) == (6, 'environment "odl" is not known (knows: this, old, the path of an interpreter). Did you mean "old"?')


def test_a_path_and_a_listed_name_are_fine(tmp_path: Path) -> None:
    assert problems(tmp_path, HEAD + LISTED.format("torch") + AXIS.format("old, ./venv/bin/python, this")) == []


def test_a_list_cannot_have_a_name_that_means_something_else(tmp_path: Path) -> None:
    told = [said for _, said in problems(tmp_path, HEAD + "environments: {this: [torch], a/b: [torch]}\n")]
    assert told == [
        'an environment cannot be called "this", which means the running interpreter',
        'an environment cannot be called "a/b", which would be read as an interpreter\'s path',
    ]


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    ((_, said),) = problems(tmp_path, HEAD + "environments: {old: []}\n")
    assert said.startswith("old is empty")


def test_names_are_looked_for_in_selections_and_the_reference_too(tmp_path: Path) -> None:
    text = HEAD + AXIS.format("this") + "include:\n  - {environment: newer}\nreference: {environment: older}\n"
    assert [line for line, said in problems(tmp_path, text) if "is not known" in said] == [7, 8]


def test_a_case_is_another_one_where_its_list_is(tmp_path: Path) -> None:
    ids = {
        planned(a_file(tmp_path, HEAD + LISTED.format(held) + AXIS.format("old"))).cases[0].case.id
        for held in ("torch==2.13.0", "torch==2.12.0")
    }
    assert len(ids) == 2
