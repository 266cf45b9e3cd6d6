"""What two processes made of the presets, once for all tests of this folder."""

from pathlib import Path
from typing import Any

import pytest

from tests.support import preset_worker


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """Run both processes at the same time; each has a folder and an answer."""
    plain, written = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("written")
    processes = {plain: preset_worker.start("--plain", str(plain)), written: preset_worker.start(str(written))}
    return {folder.name.rstrip("0"): (folder, preset_worker.answer(process)) for folder, process in processes.items()}


@pytest.fixture(scope="session")
def plain(made: dict[str, tuple[Path, Any]]) -> tuple[Path, Any]:
    """Every preset counted, and a few written, where torchvision is not."""
    return made["plain"]


@pytest.fixture(scope="session")
def written(made: dict[str, tuple[Path, Any]]) -> tuple[Path, Any]:
    """Every small preset written for every task of it, and loaded."""
    return made["written"]
