"""What the harness costs a trial: the slope of the wall time of `bench run` over trials, less what workers say they worked.

    .venv/bin/python benchmarks/overhead.py [--few 6 --many 54 --spawn-few 2 --spawn-many 8]

Two runs of each start method differ in nothing but their number of trials, so the start of nurseries drops out of the difference.
The work of a trial is the time that its worker spent in phases: load, first call, warm-up, measuring and probes.
Bars: at most 0.5 s a trial with the nursery, and at most a tenth of the same with `start_method: spawn`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUITE = """
version: 1
name: overhead
models: [{{preset: tiny-bert, task: feature-extraction}}]
axes: {{batch_size: [1], prompt_tokens: [16], threads: [1]}}
procedure: {{trials: {trials}, warmup: 2, min_iterations: 5, min_seconds: 0, start_method: {method}}}
"""


def run(trials: int, method: str, folder: Path) -> tuple[float, float]:
    """Run TRIALS; give the wall seconds of the command and the seconds that workers spent in phases."""
    suite = folder / f"{method}-{trials}.yaml"
    suite.write_text(SUITE.format(trials=trials, method=method))
    bench = Path(sys.executable).with_name("bench")
    start = time.perf_counter()
    done = subprocess.run(
        [bench, "run", suite, "--out", folder / "runs", "--quiet"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    wall_s = time.perf_counter() - start
    lines = (Path(done.stdout.decode().splitlines()[-1]) / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == trials
    assert all(record["outcome"] == "finished" for record in records)
    return wall_s, sum(phase["ended_s"] - phase["started_s"] for record in records for phase in record["phases"])


def slope(few: int, many: int, method: str, folder: Path) -> float:
    """Give the seconds a trial that METHOD costs beyond its work."""
    (wall_few, work_few), (wall_many, work_many) = run(few, method, folder), run(many, method, folder)
    return ((wall_many - wall_few) - (work_many - work_few)) / (many - few)


def main() -> None:
    """Measure both start methods side by side and say whether the bars hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("few", 6), ("many", 54), ("spawn-few", 2), ("spawn-many", 8)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        run(1, "nursery", folder)  # the checkpoint is written by then
        nursery = slope(given.few, given.many, "nursery", folder)
        spawn = slope(given.spawn_few, given.spawn_many, "spawn", folder)
    print(f"nursery: {nursery:.3f} s a trial (bar 0.5 s)")
    print(f"spawn:   {spawn:.3f} s a trial; nursery/spawn = {nursery / spawn:.3f} (bar 0.1)")
    sys.exit(0 if nursery <= 0.5 and nursery <= 0.1 * spawn else 1)  # noqa: PLR2004 -- the bars


if __name__ == "__main__":
    main()
