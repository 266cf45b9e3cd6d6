"""The data set of a suite: what is planned with one, and what is wrong with one, told where it is written."""

from pathlib import Path

import pytest

from bench import workflow
from bench.domain.data import Source
from bench.domain.errors import SuiteError
from tests.support.items import an_image, lines
from tests.support.suites import a_file, planned

TEXT = "version: 1\nname: x\nmodels: [{preset: tiny-bert, task: fill-mask}]\n"
IMAGE = "version: 1\nname: x\nmodels: [{preset: tiny-vit, task: image-classification}]\n"


def told(folder: Path, text: str) -> list[str]:
    with pytest.raises(SuiteError) as raised:
        planned(a_file(folder, text))
    return [f"{Path(problem.file).name}:{problem.line}: {problem.what}" for problem in raised.value.problems]


def test_axes_that_the_data_decide_are_dropped(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "a"}, {"text": "b"})
    plan = planned(a_file(tmp_path, f"{TEXT}data: {{file: items.jsonl}}\naxes: {{prompt_tokens: [8, 16]}}\n"))
    (case,) = plan.cases
    assert "prompt_tokens" not in case.case.requested
    assert case.case.requested["data"] == "items.jsonl"
    assert case.suite.data is not None
    assert (case.suite.data.items, case.suite.data.source) == (2, Source.FILE)


def test_the_id_is_of_the_content_and_not_of_the_path(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "a"})
    lines(tmp_path, {"text": "a"}, name="same.jsonl")
    lines(tmp_path, {"text": "b"}, name="other.jsonl")
    ids = [
        planned(a_file(tmp_path, f"{TEXT}data: {{file: {name}.jsonl}}\n")).cases[0].case.id for name in ("items", "same", "other")
    ]
    assert ids[0] == ids[1] != ids[2]


def test_an_item_without_what_the_task_takes_is_told_by_its_line(tmp_path: Path) -> None:
    an_image(tmp_path / "a.png")
    lines(tmp_path, {"image": "a.png"}, {"text": "a"})
    assert told(tmp_path, f"{IMAGE}data: {{file: items.jsonl}}\n") == [
        "items.jsonl:2: this item has no image or images, which tiny-vit takes for image-classification"
    ]


def test_where_no_item_has_it_the_first_is_told(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "a"}, {"text": "a"})
    (only,) = told(tmp_path, f"{IMAGE}data: {{file: items.jsonl}}\n")
    assert only.startswith("items.jsonl:1: ")
    assert only.endswith("nor have 1 others")


def test_problems_of_the_suite_and_of_its_items_are_told_together(tmp_path: Path) -> None:
    lines(tmp_path, b"{", {"text": "a"}, {"image": "none.png"})
    found = told(tmp_path, f"{TEXT}data: {{file: items.jsonl}}\naxes: {{batch_size: [2]}}\n")
    assert [one.split(" ")[0] for one in found] == ["x.yaml:5:", "items.jsonl:1:", "items.jsonl:3:"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("data: {}", "data takes either file"),
        ("data: {file: items.jsonl, loader: 'a:b'}", "data takes either file"),
        ("data: {file: none.jsonl}", "does not exist"),
        ("data: {file: empty.jsonl}", "this file has no items"),
        ("data: {loader: mine}", "is not written package.module:function"),
        ("data: {loader: 'none.at.all:f'}", "there is no module none.at.all"),
        ("data: {loader: 'mine:none'}", "mine.py has no function none"),
        ("data: {loader: 'broken:f'}", "cannot be read as Python"),
        ("data: {loader: 'mine:f'}", "a loader goes with scenario: data"),
        ("data: {loader: 'mine:f', items: 3}", "items and absolute_paths go with a file"),
        ("scenario: data", "scenario data needs data"),
        ("data: {file: items.jsonl, step: train}", "step: train goes with scenario: data"),
        ("scenario: data\ndata: {file: items.jsonl, step: backward}", "knows: forward, train"),
        ("scenario: train-step\ndata: {file: items.jsonl}", "(scenario: data with step: train in data feeds training)"),
        ("scenario: data\ndata: {file: items.jsonl}\naxes: {batching: [continuous]}", "knows: as-is, by-length, packed"),
        ("data: {file: items.jsonl, absolute_paths: maybe}", "knows: refused, allowed"),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, text: str, what: str) -> None:
    lines(tmp_path, {"text": "a"})
    lines(tmp_path, name="empty.jsonl")
    (tmp_path / "mine.py").write_text("def f():\n    raise SystemExit('nobody runs this')\n")
    (tmp_path / "broken.py").write_text("def f(:\n")
    (only,) = told(tmp_path, f"{TEXT}{text}\n")
    assert what in only


def test_a_loader_is_found_beside_the_suite_and_not_imported(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit('imported')\ndef f():\n    pass\n")
    suite = f"{TEXT}scenario: data\ndata: {{loader: 'mine:f'}}\n"
    (first,) = planned(a_file(tmp_path, suite)).cases
    (tmp_path / "mine.py").write_text("def f():\n    return 2\n")
    (second,) = planned(a_file(tmp_path, suite)).cases
    assert first.case.requested["data"] == second.case.requested["data"] == "mine:f"
    assert first.case.id != second.case.id


def test_a_loader_of_an_installed_package_is_found(tmp_path: Path) -> None:
    (only,) = planned(a_file(tmp_path, f"{TEXT}scenario: data\ndata: {{loader: 'json.decoder:JSONDecoder'}}\n")).cases
    assert only.case.requested["batching"] == "as-is"


def test_more_items_than_inference_holds_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.planning import data_sets

    monkeypatch.setattr(data_sets, "HELD", 2)
    lines(tmp_path, *({"text": "a"} for _ in range(3)))
    assert "write items: 2 or fewer" in told(tmp_path, f"{TEXT}data: {{file: items.jsonl}}\n")[0]
    file = a_file(tmp_path, f"{TEXT}data: {{file: items.jsonl, items: 2}}\n")
    assert workflow.read_suites([file])[0].suite.data.items == 2  # type: ignore[union-attr]


CLASSES = "version: 1\nname: x\nmodels: [{preset: tiny-bert, task: text-classification}]\nscenario: data\n"


def test_axes_of_training_are_those_of_data_that_train(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "a", "label": 0}, {"text": "b", "label": 1})
    axes = "axes: {optimizer: [adamw, sgd]}\n"
    forwards = planned(a_file(tmp_path, f"{CLASSES}data: {{file: items.jsonl}}\n{axes}"))
    (forward,) = forwards.cases
    assert "optimizer" not in forward.case.requested
    assert forward.case.requested["step"] == "forward"
    assert forward.reference is None
    assert any("optimizer does not apply" in remark for remark in forwards.remarks)
    trained = planned(a_file(tmp_path, f"{CLASSES}data: {{file: items.jsonl, step: train}}\n{axes}")).cases
    assert [(one.case.requested["step"], one.case.requested["optimizer"]) for one in trained] == [
        ("train", "adamw"),
        ("train", "sgd"),
    ]
    assert all(one.reference is not None for one in trained)
    assert forward.case.id not in {one.case.id for one in trained}


def test_a_step_of_training_is_another_case_than_a_forward_and_forwards_keep_their_ids(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "a", "label": 0})
    found = [
        planned(a_file(tmp_path, f"{CLASSES}data: {{file: items.jsonl{step}}}\n")).cases[0].case.id
        for step in ("", ", step: forward", ", step: train")
    ]
    assert found[0] == found[1] != found[2]


def test_items_without_labels_are_told_by_their_lines_before_anything_is_loaded(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "a", "label": 0}, {"text": "b"}, {"text": "c", "label": [1]}, {"text": "d", "label": True})
    what, other = "the number of a class, or its name", "this item's label is not"
    assert told(tmp_path, f"{CLASSES}data: {{file: items.jsonl, step: train}}\n") == [
        f"items.jsonl:2: this item has no label or answer, which text-classification is trained with: {what}",
        f"items.jsonl:3: {other} {what}, which text-classification is trained with",
        f"items.jsonl:4: {other} {what}, which text-classification is trained with",
    ]


def test_where_no_item_has_a_label_the_first_is_told(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "a"}, {"text": "b"})
    (only,) = told(tmp_path, f"{CLASSES}data: {{file: items.jsonl, step: train}}\n")
    assert only.startswith("items.jsonl:1: this item has no label or answer")
    assert only.endswith("; nor do 1 others")


def test_texts_teach_themselves_where_their_own_tokens_are_predicted(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "a"}, {"text": "b", "answer": "c"})
    assert planned(a_file(tmp_path, f"{TEXT}scenario: data\ndata: {{file: items.jsonl, step: train}}\n")).cases


def test_a_task_whose_labels_are_not_read_does_not_run_and_says_why(tmp_path: Path) -> None:
    lines(tmp_path, {"text": "a", "label": [0]})
    text = CLASSES.replace("text-classification", "token-classification")
    plan = planned(a_file(tmp_path, f"{text}data: {{file: items.jsonl, step: train}}\n"))
    (skipped,) = plan.skipped
    assert "no labels of items are read for token-classification" in skipped.refusal.reason
