import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.domain.errors import CannotWriteError, RecordsError
from bench.domain.record import SCHEMA, Record
from bench.protocol.codec import dumps
from bench.store import jsonl, migrate
from tests.support.builders import a_record, samples

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = Path(__file__).parent / "examples"
RECORDS = tuple(a_record(trial=number, samples=(samples("forward", [0.25, 0.5]),), notes=("grüße",)) for number in range(3))


def written(folder: Path, *records: Record) -> Path:
    with jsonl.Journal(folder) as journal:
        for record in records:
            journal.append(record)
    return folder / jsonl.FILE


def whole(path: Path) -> list[Record]:
    return [item for item in jsonl.read(path) if isinstance(item, Record)]


def remarks(path: Path) -> list[str]:
    return [item for item in jsonl.read(path) if isinstance(item, str)]


def test_records_are_read_as_they_were_appended(tmp_path: Path) -> None:
    path = written(tmp_path, *RECORDS)
    assert list(jsonl.read(path)) == list(RECORDS)


def test_a_record_is_one_line_and_lines_are_never_rewritten(tmp_path: Path) -> None:
    before = written(tmp_path, *RECORDS[:2]).read_bytes()
    after = written(tmp_path, RECORDS[2]).read_bytes()
    assert before.count(b"\n") == 2
    assert after.startswith(before)
    assert after.count(b"\n") == 3


@given(cut=st.integers(0, len(dumps(RECORDS[2])) + 1))
def test_a_last_line_torn_at_any_byte_loses_that_record_only(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    folder = tmp_path_factory.mktemp("torn")
    path = written(folder, *RECORDS)
    data = path.read_bytes()
    os.truncate(path, len(data) - cut)
    complete = cut <= 1  # only the line end is missing
    assert whole(path) == list(RECORDS if complete else RECORDS[:2])
    lost = cut <= len(dumps(RECORDS[2])) and not complete
    assert remarks(path) == ([f"{path}:3: skipped: the line was torn while it was written"] if lost else [])
    written(folder, RECORDS[2])
    assert whole(path)[-1] == RECORDS[2], "the next record begins on a line of its own"
    assert whole(path)[:2] == list(RECORDS[:2])


@given(noise=st.binary(max_size=80).filter(lambda line: b"\n" not in line))
def test_any_line_that_is_no_record_is_skipped_with_a_remark(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    path = written(tmp_path_factory.mktemp("noise"), *RECORDS[:1])
    with path.open("ab") as file:
        file.write(noise + b"\n")
    written(path.parent, RECORDS[1])
    assert whole(path) == list(RECORDS[:2])
    assert len(remarks(path)) == bool(noise.strip())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("hello", "is no JSON"),
        ("[]", "the line is no record"),
        ("{}", "the line is no record"),
        ('{"schema": true}', "the line is no record"),
        ('{"schema": 0}', "the line is no record"),
        ('{"schema": "1"}', "the line is no record"),
        ('{"schema": 1}', "not a record of schema 1: Record: field 'case' is missing"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_skipped_line_says_why(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(line + "\n\n")
    (remark,) = jsonl.read(path)
    assert isinstance(remark, str)
    assert remark.startswith(f"{path}:1: skipped: ")
    assert said in remark


def test_a_record_of_a_later_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text(f'{{"schema": {SCHEMA + 1}, "colour": "green"}}\n')
    with pytest.raises(RecordsError, match=rf"records.jsonl:1: the record has schema {SCHEMA + 1}, this version of bench reads"):
        list(jsonl.read(path))


def test_a_file_that_cannot_be_read_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="cannot be read: No such file"):
        list(jsonl.read(tmp_path / "nothing"))
    with pytest.raises(RecordsError, match="cannot be read: Is a directory"):
        list(jsonl.read(tmp_path))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("schema-*.jsonl")), ids=lambda path: path.stem)
def test_every_schema_ever_written_stays_readable(path: Path) -> None:
    found = list(jsonl.read(path))
    assert found
    assert all(isinstance(record, Record) and record.schema == SCHEMA for record in found)


def test_there_is_an_example_of_every_schema() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.jsonl")} == {f"schema-{number}" for number in range(1, SCHEMA + 1)}


def test_the_example_of_schema_1_holds_a_real_trial() -> None:
    (record,) = whole(EXAMPLES / "schema-1.jsonl")
    names = {one.metric.name for one in record.samples}
    assert {
        "load.total",
        "params.count",
        "memory.host_peak",
        "first_call",
        "processor",
        "forward",
        "e2e",
        "ttft_model",
        "itl",
    } <= names
    assert record.observed["realised_new_tokens"] == record.case.requested["new_tokens"]


def test_the_example_of_schema_2_is_of_a_pair_and_has_its_suites_gate() -> None:
    (record,) = whole(EXAMPLES / "schema-2.jsonl")
    assert record.paired is not None
    assert (record.paired.side, record.paired.number) == ("head", 0)
    assert record.suite.gate is not None
    assert record.suite.gate.of("load.total").gated is False


def test_the_example_of_schema_3_says_who_began_the_pair() -> None:
    (record,) = whole(EXAMPLES / "schema-3.jsonl")
    assert record.paired is not None
    assert (record.paired.side, record.paired.number, record.paired.began) == ("head", 9, True)


def test_an_older_record_is_brought_up_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form = json.loads(dumps(RECORDS[0]))
    del form["notes"]
    path = tmp_path / "old.jsonl"
    path.write_text(json.dumps({**form, "schema": SCHEMA, "remarks": ["kept"]}) + "\n")

    def step(form: migrate.Form) -> migrate.Form:
        return {("notes" if name == "remarks" else name): value for name, value in form.items()}

    monkeypatch.setattr(migrate, "STEPS", {SCHEMA: step})
    monkeypatch.setattr(migrate, "SCHEMA", SCHEMA + 1)
    monkeypatch.setattr(jsonl, "SCHEMA", SCHEMA + 1)
    (record,) = whole(path)
    assert record.notes == ("kept",)
    assert record.schema == SCHEMA + 1


def test_a_journal_counts_what_is_safe_over_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "_CHUNK", 64)
    written(tmp_path, *RECORDS)
    with jsonl.Journal(tmp_path) as journal:
        assert journal.safe == 3
        journal.append(RECORDS[0])
        assert journal.safe == 4


def test_a_folder_that_is_not_there_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(CannotWriteError, match="No such file or directory"):
        jsonl.Journal(tmp_path / "nowhere")


FILL = """
import resource, signal, sys
from pathlib import Path
from bench.domain.errors import CannotWriteError
from bench.store import jsonl
from tests.support.builders import a_record, samples

if sys.argv[2] != "0":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
journal = jsonl.Journal(Path(sys.argv[1]))
try:
    for number in range(10_000):
        journal.append(a_record(trial=number, samples=(samples("forward", [0.25] * 200),)))
except CannotWriteError as error:
    print(number)
    print(error)
"""


def filled(folder: Path, limit: int) -> Iterator[str]:
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(folder), str(limit)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return iter(done.stdout.splitlines())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 256 KiB, where this may be done."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)], check=False).returncode
    ):
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def check_that_nothing_is_lost(folder: Path, answer: Iterator[str], why: str) -> None:
    count, said = int(next(answer)), next(answer)
    assert count > 5
    path = folder / jsonl.FILE
    assert said.startswith(f"{path}: the record could not be written: {why}. {count} records before it are safe")
    assert said.endswith("then run the same command with --resume to go on")
    assert [record.trial for record in whole(path)] == list(range(count))
    assert len(remarks(path)) <= 1


def test_a_full_disk_loses_the_record_in_flight_only(small_disk: Path) -> None:
    check_that_nothing_is_lost(small_disk, filled(small_disk, 0), "No space left on device")
    path = small_disk / jsonl.FILE
    before = whole(path)
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    written(small_disk, RECORDS[0])
    assert whole(path) == [*before, RECORDS[0]], "there is room again, and the next record is on a line of its own"


def test_a_file_that_may_not_grow_loses_the_record_in_flight_only(tmp_path: Path) -> None:
    check_that_nothing_is_lost(tmp_path, filled(tmp_path, 100_000), "File too large")


def test_a_record_that_never_reached_the_disk_is_not_counted_as_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with jsonl.Journal(tmp_path) as journal:
        journal.append(RECORDS[0])
        monkeypatch.setattr(os, "fsync", broken)
        with pytest.raises(CannotWriteError, match=r"Input/output error\. 1 records before it are safe"):
            journal.append(RECORDS[1])
        assert journal.safe == 1
