"""Suites that are shipped, run from the command line with few calls."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FEW = "procedure: {trials: 1, warmup: 2, min_iterations: 3, min_seconds: 0, time_limit_s: 1800}"


def rows_of(name: str, folder: Path) -> list[dict[str, Any]]:
    """Run suites/NAME in FOLDER with few calls in one trial, and few tokens, and give its rows as the JSON report has them."""
    suite = folder / Path(name).name
    fewer = re.sub(r"procedure: \{.*\}", FEW, (ROOT / "suites" / name).read_text(encoding="utf-8"))
    suite.write_text(re.sub(r"(new_tokens: \[?)64", r"\g<1>16", fewer), encoding="utf-8")
    run = bench("run", suite, "--out", folder / "runs").splitlines()[-1]
    found: list[dict[str, Any]] = json.loads(bench("report", run, "--format", "json"))["rows"]
    return found


def bench(*words: object) -> str:
    """Give what `bench WORDS` prints; it must end well."""
    command = [sys.executable, "-c", "from bench.cli import main; main()", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=7200, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout
