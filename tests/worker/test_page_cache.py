import os
from pathlib import Path

import pytest

from bench.domain.outcome import ReasonCode
from bench.domain.procedure import PageCache
from bench.worker.failures import Refused
from bench.worker.host import page_cache

MIB = 1024 * 1024


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "model-00001.safetensors").write_bytes(os.urandom(4 * MIB))
    (tmp_path / "model-00002.safetensors").write_bytes(os.urandom(MIB + 1))
    (tmp_path / "empty.bin").touch()
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_only_weights_are_looked_at(checkpoint: Path) -> None:
    safe = ["model-00001.safetensors", "model-00002.safetensors"]
    assert [path.name for path in page_cache.weight_files(checkpoint)] == safe
    for name in safe:
        (checkpoint / name).unlink()
    assert [path.name for path in page_cache.weight_files(checkpoint)] == ["empty.bin"], "pickled ones where there are no others"


@pytest.mark.parametrize("asked", [PageCache.WARM, PageCache.COLD])
def test_a_plain_read_is_timed_in_the_state_that_is_asked_for(checkpoint: Path, asked: PageCache) -> None:
    files = page_cache.weight_files(checkpoint)
    seconds = page_cache.plain_read_s(files, asked)
    assert seconds is not None
    assert 0 < seconds < 10
    assert page_cache.resident_share(files) == 1.0, "what was read is in memory"


def test_no_plain_read_is_made_where_no_state_is_asked_for(checkpoint: Path) -> None:
    assert page_cache.plain_read_s(page_cache.weight_files(checkpoint), PageCache.UNSET) is None


def test_cold_then_warm_is_had_and_proved(checkpoint: Path) -> None:
    try:
        cold = page_cache.prepare(checkpoint, PageCache.COLD)
    except Refused:
        pytest.skip("this file system keeps its pages (a tmpfs does)")
    assert cold == {"page_cache": "cold", "page_cache_resident": 0.0}
    assert page_cache.prepare(checkpoint, PageCache.UNSET)["page_cache"] == "cold", "looking does not warm"
    assert page_cache.prepare(checkpoint, PageCache.WARM) == {"page_cache": "warm", "page_cache_resident": 1.0}
    assert page_cache.prepare(checkpoint, PageCache.UNSET)["page_cache"] == "warm"


def test_a_file_that_was_read_in_part_is_partial(checkpoint: Path) -> None:
    try:
        page_cache.prepare(checkpoint, PageCache.COLD)
    except Refused:
        pytest.skip("this file system keeps its pages (a tmpfs does)")
    (checkpoint / "model-00002.safetensors").read_bytes()
    found = page_cache.prepare(checkpoint, PageCache.UNSET)
    assert found["page_cache"] == "partial"
    assert found["page_cache_resident"] == pytest.approx(257 / 1281, abs=0.01)


def test_a_cold_load_that_would_be_warm_is_refused(checkpoint: Path) -> None:
    import mmap

    path = checkpoint / "model-00001.safetensors"
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert max(mapped[::4096]) > 0
        with pytest.raises(Refused, match=r"the page cache could not be made cold: 80% of the weights is resident") as refused:
            page_cache.prepare(checkpoint, PageCache.COLD)
    assert refused.value.refusal.reason_code is ReasonCode.PAGE_CACHE


def test_what_cannot_be_looked_at_is_unknown_and_no_state_is_claimed(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_cache, "resident_share", lambda _files: None)
    assert page_cache.prepare(checkpoint, PageCache.UNSET) == {"page_cache": "unknown"}
    with pytest.raises(Refused, match="an unknown share of the weights is resident"):
        page_cache.prepare(checkpoint, PageCache.WARM)


def test_a_folder_without_weights_has_no_share(tmp_path: Path) -> None:
    assert page_cache.resident_share([]) is None
    assert page_cache.prepare(tmp_path, PageCache.UNSET) == {"page_cache": "unknown"}
