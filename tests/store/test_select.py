from pathlib import Path

import pytest

from bench.domain.errors import RecordsError
from bench.domain.outcome import Outcome
from bench.domain.record import Record
from bench.store import jsonl, select
from tests.support.builders import a_case, a_record


def run_of(folder: Path, *records: Record) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with jsonl.Journal(folder) as journal:
        for record in records:
            journal.append(record)
    return folder


def test_the_newest_attempt_of_a_trial_counts_wherever_it_stands(tmp_path: Path) -> None:
    killed, done = a_record(outcome=Outcome.KILLED), a_record(attempt=2)
    for order in ((killed, done), (done, killed)):
        assert select.newest_attempts(order) == (done,)
    run = run_of(tmp_path / "run", killed, a_record(trial=1), done)
    records, remarks = select.read([run])
    assert records == (done, a_record(trial=1))
    assert remarks == ()


def test_of_equal_attempts_the_later_line_counts() -> None:
    early, late = a_record(notes=("early",)), a_record(notes=("late",))
    assert select.newest_attempts([early, late]) == (late,)


def test_trials_of_other_runs_cases_and_numbers_are_others() -> None:
    records = (a_record(), a_record(run="other"), a_record(trial=1), a_record(trial=None), a_record(a_case(batch_size=8)))
    assert select.newest_attempts(records) == records


def test_a_run_a_folder_of_runs_a_file_and_a_pattern_can_be_named(tmp_path: Path) -> None:
    one = run_of(tmp_path / "records" / "one", a_record(run="one"))
    two = run_of(tmp_path / "records" / "two", a_record(run="two"))
    named = ([one, two], [tmp_path], [tmp_path / "records" / "*"], [tmp_path / "**" / "*.jsonl"], [one / jsonl.FILE, two])
    for paths in named:
        assert [record.run for record in select.read(paths)[0]] == ["one", "two"], paths


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", a_record())
    with (run / jsonl.FILE).open("a") as file:
        file.write("torn")
    records, remarks = select.read([run, run / jsonl.FILE, tmp_path])
    assert len(records) == 1
    assert len(remarks) == 1


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="there is no such run directory or file"):
        select.read([tmp_path / "nothing"])
    with pytest.raises(RecordsError, match="there is no such run directory or file"):
        select.read([tmp_path / "*.jsonl"])


def test_a_path_without_records_is_an_error_that_says_what_was_skipped(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"holds no records\. Name a run directory"):
        select.read([tmp_path])
    (tmp_path / "x.jsonl").write_text("hello\nthere\n")
    with pytest.raises(
        RecordsError, match=r"holds no records \(2 lines were skipped, the first: .*x.jsonl:1: skipped: the line is no JSON"
    ):
        select.read([tmp_path])
