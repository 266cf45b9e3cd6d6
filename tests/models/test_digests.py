"""Digests are remembered under what the file system says of a file, and forgotten when it says anything else."""

import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from bench.models import digests
from bench.models.digests import SMALLEST, Digests


def a_large_file(folder: Path, fill: bytes = b"a") -> Path:
    path = folder / "large"
    path.write_bytes(fill * SMALLEST)
    return path


def later() -> int:
    return time.time_ns() + 10**10


def remembered(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "digests.json").read_text())
    return found


def test_a_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = a_large_file(tmp_path)
    assert Digests(folder=tmp_path).of(path) == hashlib.sha256(b"a" * SMALLEST).hexdigest()


def test_a_large_file_is_read_once(tmp_path: Path) -> None:
    path, cache = a_large_file(tmp_path), tmp_path / "cache"
    first = Digests(folder=cache, now_ns=later)
    digest = first.of(path)
    assert first.of(path) == digest
    first.save()
    key = next(iter(remembered(cache)))
    (cache / "digests.json").write_text(json.dumps({key: "0" * 64}))
    assert Digests(folder=cache).of(path) == "0" * 64, "what is remembered is not read again"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path, cache = a_large_file(tmp_path), tmp_path / "cache"
    first = Digests(folder=cache, now_ns=later)
    digest, info = first.of(path), path.stat()
    first.save()
    time.sleep(0.02)
    a_large_file(tmp_path, b"b")
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
    assert Digests(folder=cache).of(path) != digest, "a program may set the time back, but not that of the inode"


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path) -> None:
    young = Digests(folder=tmp_path / "cache")
    young.of(a_large_file(tmp_path))
    young.save()
    assert not (tmp_path / "cache").exists()


def test_small_files_are_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "small").write_text("a")
    small = Digests(folder=tmp_path / "cache", now_ns=later)
    assert small.of(tmp_path / "small") == hashlib.sha256(b"a").hexdigest()
    small.save()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b'{"a": 1, "b": "c"}', b"\xff", b"[" * 9999])
def test_a_torn_memory_is_as_good_as_none(tmp_path: Path, torn: bytes) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "digests.json").write_bytes(torn)
    one = Digests(folder=cache, now_ns=later)
    digest = one.of(a_large_file(tmp_path))
    one.save()
    assert list(remembered(cache).values()) == [digest]


def test_what_others_remembered_meanwhile_stays(tmp_path: Path) -> None:
    cache, path = tmp_path / "cache", a_large_file(tmp_path)
    one = Digests(folder=cache, now_ns=later)
    one.of(path)
    cache.mkdir()
    (cache / "digests.json").write_text(json.dumps({"other": "1" * 64}))
    one.save()
    assert len(remembered(cache)) == 2


def test_the_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "MOST", 2)
    (tmp_path / "digests.json").write_text(json.dumps({str(number): "1" * 64 for number in range(5)}))
    one = Digests(folder=tmp_path, now_ns=later)
    digest = one.of(a_large_file(tmp_path))
    one.save()
    assert list(remembered(tmp_path).values()) == ["1" * 64, digest]


def test_a_disk_that_refuses_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    one = Digests(folder=tmp_path / "cache", now_ns=later)
    one.of(a_large_file(tmp_path))
    monkeypatch.setattr(Path, "replace", refuse)
    one.save()
    assert list((tmp_path / "cache").iterdir()) == [], "nothing half written is left"


def test_the_cache_lies_where_the_user_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", "/x/y")
    assert digests.cache_folder() == Path("/x/y")
    monkeypatch.delenv("BENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/z")
    assert digests.cache_folder() == Path("/z/transformers-bench")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert digests.cache_folder() == Path("/home/me/.cache/transformers-bench")
