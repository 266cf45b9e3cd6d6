"""Loads a model of the Hub in a process of its own, with a Hub on this machine, and prints what was told as one JSON object.

Run as `python -m tests.support.hub_worker FOLDER`; checkpoint and cache are written below FOLDER.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import hub_server
from tests.support.hub_server import COMMIT, REPOSITORY

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path) -> dict[str, Any]:
    """Start this file and give what it printed."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.hub_worker", str(folder)]
    kept = {name: value for name, value in os.environ.items() if name not in {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}}
    environment = {**kept, "OMP_NUM_THREADS": "1", "HF_HUB_CACHE": str(folder / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _of_hub(cache: Path, revision: str) -> Any:
    from bench.domain.model import Kind, ModelRef
    from bench.models import facts
    from bench.models.digests import Unread
    from bench.models.hub import Hub
    from bench.worker import tasks

    ref = ModelRef(kind=Kind.HUB, name=f"{REPOSITORY}@{revision}", where=REPOSITORY, revision=revision, task="fill-mask")
    return facts.find(ref, tasks.declared(), hub=Hub(cache=cache, offline=True), digests=Unread())


def main() -> None:
    folder, asked = Path(sys.argv[1]), list[str]()
    files, cache = folder / "files", folder / "cache"
    with hub_server.serving(files, asked) as address:
        os.environ["HF_ENDPOINT"] = address  # read when the library is imported
        from tests.support.scenario_worker import measured, preset

        local = preset(folder, "tiny-bert", "fill-mask")
        (folder / "tiny-bert-fill-mask").rename(files)
        hub_server.fill_cache(cache, files)
        told = {}
        for case, revision, value in (("cache", "main", True), ("asked", "main", False), ("fixed", COMMIT, False)):
            asked.clear()
            told[case] = measured(_of_hub(cache, revision), "load", local_files_only=value) | {"asked": list(asked)}
        (folder / "tiny-bert-fill-mask").symlink_to(files)
        told["preset"] = measured(local, "load", local_files_only=True)
        told["format"] = measured(_of_hub(cache, "main"), "load", local_files_only=True, format="sharded")
    sys.stdout.write(f"\n{json.dumps(told)}\n")


if __name__ == "__main__":
    main()
