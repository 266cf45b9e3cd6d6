"""`bench run` and `bench report` on canned events: records, resuming, interrupts, reports. No clock and no model."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.domain.outcome import Outcome, ReasonCode
from bench.execution.executors.replay import Replay
from tests.support.commands import Answer, Bench
from tests.support.replays import TWO_CASES, a_failure, a_replay, an_answer
from tests.support.suites import a_file


@pytest.fixture
def run(bench: Bench, tmp_path: Path) -> Any:
    """Run two cases of two trials each on ANSWERS."""
    suite = a_file(tmp_path, TWO_CASES)

    def call(*words: str, answers: tuple[str, ...] = ()) -> Answer:
        return bench("run", suite, "--out", tmp_path / "runs", "--executor", a_replay(tmp_path, *answers), *words)

    return call


def records(answer: Answer) -> list[Any]:
    return [json.loads(line) for line in answer.records]


def test_a_run_records_every_trial_and_prints_its_directory_last(run: Any, tmp_path: Path) -> None:
    answer = run()
    assert answer.code == 0
    assert answer.run.parent == tmp_path / "runs"
    found = records(answer)
    assert sorted((one["case"]["requested"]["batch_size"], one["trial"]) for one in found) == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert {one["outcome"] for one in found} == {"finished"}
    assert all(one["environment"]["replayed"] for one in found)


def test_a_run_tells_how_it_goes_on_standard_error(run: Any) -> None:
    lines = run().err.splitlines()
    assert not any("importing torch" in line for line in lines), "a replay starts no nursery"
    assert lines[0].startswith("[1/4] tiny-gpt2 prompt_tokens=16 new_tokens=4 trial 1: finished in ")
    assert lines[-1].startswith("[4/4] ")


def test_the_report_of_replayed_numbers_says_that_they_were_not_measured(run: Any) -> None:
    out = run().out
    assert "Benchmark of canned" in out
    assert re.search("4 trials .*replayed from a file.* not measured here", " ".join(out.split()))


def test_a_quiet_run_prints_its_directory_only(run: Any) -> None:
    answer = run("--quiet")
    assert answer.out == f"{answer.run}\n"


def test_a_failed_trial_is_a_record_and_exit_3_and_the_others_go_on(run: Any) -> None:
    answer = run(answers=(an_answer(), a_failure(), an_answer(), an_answer()))
    assert answer.code == 3
    assert [one["outcome"] for one in records(answer)] == ["finished", "error", "finished", "finished"]
    failed = records(answer)[1]
    assert (failed["reason"], failed["reason_code"], failed["failed_in"]) == ("the roof fell in", "exception", "load")
    assert "trial 1: error in 0.0 s: the roof fell in" in answer.err


def test_what_is_unsupported_is_an_answer_unless_the_run_is_strict(run: Any) -> None:
    refused = a_failure(Outcome.UNSUPPORTED, "no such kernel here", ReasonCode.NOT_IN_CLASS)
    assert run(answers=(refused,)).code == 0
    assert run("--strict", answers=(refused,)).code == 3


def test_cases_that_will_not_run_are_recorded_with_their_reason(bench: Bench, tmp_path: Path) -> None:
    suite = a_file(tmp_path, TWO_CASES.replace("batch_size: [1, 2]", "engine: [eager, openvino]") + "scenario: train-step\n")
    answer = bench("run", suite, "--out", tmp_path / "runs", "--executor", a_replay(tmp_path))
    skipped = [one for one in records(answer) if one["outcome"] == "skipped"]
    assert answer.code == 0
    assert [(one["trial"], one["reason_code"]) for one in skipped] == [(None, "not_in_version")]
    assert "skipped: engine openvino in the scenario train-step is not measured in this version" in answer.err


def test_resume_runs_again_what_failed_and_keeps_the_older_record(run: Any) -> None:
    first = run(answers=(an_answer(), a_failure()))
    before = first.records
    again = run("--resume")
    assert again.code == 0
    assert again.run == first.run
    assert again.records[: len(before)] == before
    assert [(one["attempt"], one["outcome"]) for one in records(again)[4:]] == [(2, "finished"), (2, "finished")]


def test_resume_of_a_finished_run_prints_it_and_leaves_it_as_it_is(run: Any) -> None:
    first = run()
    before = (first.run / "run.json").read_bytes(), (first.run / "records.jsonl").read_bytes()
    again = run("--resume")
    assert (again.code, again.run, again.out) == (0, first.run, first.out)
    assert ((first.run / "run.json").read_bytes(), (first.run / "records.jsonl").read_bytes()) == before


def test_resume_of_a_run_that_failed_and_is_not_mended_still_exits_3(run: Any) -> None:
    assert run(answers=(a_failure(),)).code == 3
    assert run("--resume", answers=(a_failure(),)).code == 3


def test_without_resume_every_run_has_a_directory_of_its_own(run: Any) -> None:
    assert run().run != run().run


def test_resume_starts_a_run_where_there_is_none_of_this_plan(run: Any, bench: Bench, tmp_path: Path) -> None:
    first = run("--resume")
    other = bench(
        "run", a_file(tmp_path, f"{TWO_CASES}# changed\n"), "--out", tmp_path / "runs", "--executor", a_replay(tmp_path), "--resume"
    )
    assert other.code == 0
    assert other.run != first.run


def test_an_interrupted_run_keeps_what_was_measured_and_goes_on(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Replay.ask

    def interrupted(self: Replay, *arguments: Any) -> Iterator[Any]:
        if len(self.asked) == 2:
            raise KeyboardInterrupt
        return whole(self, *arguments)

    monkeypatch.setattr(Replay, "ask", interrupted)
    answer = run()
    assert (answer.code, answer.out) == (130, "")
    assert "interrupted; what was measured is safe, and --resume goes on from there" in answer.err
    (directory,) = (tmp_path / "runs").iterdir()
    before = (directory / "records.jsonl").read_bytes()
    assert before.count(b"\n") == 2
    monkeypatch.setattr(Replay, "ask", whole)
    again = run("--resume")
    assert (again.code, again.run) == (0, directory)
    assert (directory / "records.jsonl").read_bytes().startswith(before)
    assert len(again.records) == 4


def test_a_torn_last_line_costs_that_record_only(run: Any) -> None:
    first = run()
    path = first.run / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-100])
    again = run("--resume")
    assert again.code == 0
    assert len(again.records) == 5, "three whole lines, the torn one as it is, and the trial that was run again"


def test_an_unknown_executor_is_told_before_a_directory_is_made(bench: Bench, tmp_path: Path) -> None:
    answer = bench("run", a_file(tmp_path, TWO_CASES), "--out", tmp_path / "runs", "--executor", "cloud")
    assert answer.code == 2
    assert "executor 'cloud' is not known (knows: local, replay)" in answer.err
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_written_is_told(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = bench("run", a_file(tmp_path, TWO_CASES), "--out", tmp_path / "file/runs", "--executor", a_replay(tmp_path))
    assert answer.code == 2
    assert "Name another folder with --out" in answer.err


def test_several_suites_are_one_run(bench: Bench, tmp_path: Path) -> None:
    one, two = a_file(tmp_path, TWO_CASES), a_file(tmp_path, TWO_CASES.replace("name: canned", "name: other"), "y.yaml")
    answer = bench("run", one, two, "--out", tmp_path / "runs", "--executor", a_replay(tmp_path))
    assert {one["suite"]["name"] for one in records(answer)} == {"canned", "other"}
    assert len(answer.records) == 8


def test_trials_are_added_until_the_target_or_the_most_of_them(bench: Bench, tmp_path: Path) -> None:
    steady = a_file(tmp_path, TWO_CASES.replace("trials: 2", "trials: 2, max_trials: 12"))
    answer = bench("run", steady, "--out", tmp_path / "runs", "--executor", a_replay(tmp_path))
    counts = [one["case"]["requested"]["batch_size"] for one in records(answer)]
    assert counts.count(1) == counts.count(2) == 8, "equal trials have no width, which is judged from eight on"


def test_records_are_rendered_in_every_form(run: Any, bench: Bench) -> None:
    directory = run().run
    for form in ("terminal", "markdown", "csv", "json"):
        answer = bench("report", directory, "--format", form)
        assert answer.code == 0
        assert "tiny-gpt2" in answer.out
    report = json.loads(bench("report", directory, "--format", "json").out)
    assert [row["outcome"] for row in report["rows"]] == ["finished", "finished"]


def test_a_report_may_go_to_a_file(run: Any, bench: Bench, tmp_path: Path) -> None:
    directory = run().run
    printed = bench("report", directory, "--format", "markdown").out
    answer = bench("report", directory, "--format", "markdown", "--out", tmp_path / "report.md")
    assert (answer.code, answer.out) == (0, "")
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == printed


def test_an_unknown_form_names_those_that_there_are(run: Any, bench: Bench) -> None:
    answer = bench("report", run().run, "--format", "mrakdown")
    assert answer.code == 2
    assert 'Did you mean "markdown"?' in answer.err


def test_bytes_are_not_printed_on_a_terminal(run: Any, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    pytest.importorskip("pyarrow")
    directory = run().run
    assert bench("report", directory, "--format", "parquet", "--out", tmp_path / "r.parquet").code == 0
    assert (tmp_path / "r.parquet").read_bytes()[:4] == b"PAR1"
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _self: True, raising=False)
    answer = bench("report", directory, "--format", "parquet")
    assert (answer.code, answer.err) == (2, "parquet is not text: name a file with --out\n")


def test_records_are_read_as_a_table(run: Any) -> None:
    import bench

    frame = bench.read([run().run])
    forward = frame[(frame.metric == "forward") & ~frame.phase.str.startswith("warmup")]
    assert len(forward) == 4 * 5
    assert set(forward.unit) == {"s"}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = bench.nothing
