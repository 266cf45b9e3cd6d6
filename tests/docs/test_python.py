"""docs/python.md: its code runs from top to bottom, in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bench

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.torch
def test_the_examples_run_from_top_to_bottom(tmp_path: Path) -> None:
    environment = {**os.environ, "BENCH_CACHE": str(tmp_path), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "ignore", "-c", "\n".join(BLOCKS)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "LlavaForConditionalGeneration cpu True True" in done.stdout
    assert "initialised, not read: classifier.bias, classifier.weight" in done.stdout
    assert "no_device device cuda:31 is not on this machine" in done.stdout
    assert "7,063,427,072" in done.stdout


def test_every_function_on_models_is_in_it() -> None:
    of_models = bench._PLACES["bench.worker.interface"]
    assert [name for name in of_models if not re.search(rf"\b{name}\b", TEXT)] == []
    assert sorted(dir(bench)) == sorted(bench.__all__)


def test_the_public_names_import_nothing_before_they_are_used() -> None:
    said = "import sys, bench; dir(bench); print(sorted({'torch', 'transformers', 'pandas', 'bench.worker'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'load'"):
        bench.__getattr__("load")
