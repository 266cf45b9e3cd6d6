import os
import platform
from pathlib import Path

import pytest

from bench.domain.errors import CannotWriteError, UsageError
from bench.store import runs, whole


def test_a_run_has_a_folder_of_its_own_that_says_what_was_planned(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "records"
    one, two = (runs.create(out, "plan", ["suite"], 7, ("bench", "run", "x.yaml")) for _ in range(2))
    assert one.path != two.path
    assert one.path.parent == out
    assert one.records == one.path / "records.jsonl"
    assert (one.manifest.id, one.manifest.planned, one.manifest.finished_at) == (one.path.name, 7, None)


def test_the_newest_run_of_a_plan_is_found_and_no_other(tmp_path: Path) -> None:
    runs.create(tmp_path, "plan", [], 1)
    second = runs.create(tmp_path, "plan", [], 1)
    runs.create(tmp_path, "another", [], 1)
    (tmp_path / "stranger").mkdir()
    (tmp_path / "stranger" / "run.json").write_text("hello")
    assert runs.newest(tmp_path, "plan") == second
    assert runs.newest(tmp_path, "unknown") is None
    assert runs.newest(tmp_path / "nowhere", "plan") is None


def test_a_manifest_of_a_later_schema_is_not_continued(tmp_path: Path) -> None:
    run = runs.create(tmp_path, "plan", [], 1)
    manifest = run.path / "run.json"
    manifest.write_text(manifest.read_text().replace('"schema":1', '"schema":2'))
    assert runs.newest(tmp_path, "plan") is None


def test_a_finished_run_says_so(tmp_path: Path) -> None:
    run = runs.create(tmp_path, "plan", [], 1)
    done = runs.finish(run)
    assert done.manifest.finished_at is not None
    assert runs.newest(tmp_path, "plan") == done


def test_a_folder_that_cannot_be_made_is_a_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"the run's directory cannot be made: .*Name another folder with --out"):
        runs.create(tmp_path / "file" / "records", "plan", [], 1)


def test_a_run_that_cannot_be_marked_as_finished_leaves_its_records_safe(tmp_path: Path) -> None:
    run = runs.create(tmp_path, "plan", [], 1)
    (run.path / "run.json").unlink()
    run.path.rmdir()
    with pytest.raises(CannotWriteError, match="All records are safe"):
        runs.finish(run)


@pytest.mark.parametrize(("host", "spelt"), [("My Host.local", "my-host-local"), ("../../etc", "etc"), ("", "host"), ("ß", "host")])
def test_a_host_s_name_is_part_of_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, spelt: str) -> None:
    monkeypatch.setattr(platform, "node", lambda: host)
    run = runs.create(tmp_path, "plan", [], 1)
    assert run.path.parent == tmp_path
    assert f"-{spelt}-" in run.path.name


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    whole.write(path, b"one")
    whole.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_keeps_pointing_where_it_points(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.touch()
    link.symlink_to(target)
    whole.write(link, b"data")
    assert link.is_symlink()
    assert target.read_bytes() == b"data"


def test_what_is_no_plain_file_is_written_to_directly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    whole.write(pipe, b"data")
    assert os.read(reader, 10) == b"data"
    os.close(reader)
