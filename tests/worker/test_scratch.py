"""The folder of a trial, lent to a process that goes on."""

import os
import tempfile
from pathlib import Path

import pytest

from bench.worker.host import scratch


def test_what_is_lent_is_removed_and_the_callers_own_is_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "own"))
    monkeypatch.delenv("TMPDIR", raising=False)
    with scratch.lent():
        made = Path(tempfile.mkdtemp())
        assert made.parent.parent == tmp_path
        assert Path(os.environ["TORCHINDUCTOR_CACHE_DIR"]).parent == made.parent == Path(os.environ["TMPDIR"])
    assert list(tmp_path.iterdir()) == []
    assert (tempfile.gettempdir(), os.environ["TORCHINDUCTOR_CACHE_DIR"]) == (str(tmp_path), str(tmp_path / "own"))
    assert "TMPDIR" not in os.environ
