"""How often `bench compare` is wrong about saved runs of unchanged code on this machine, spread over hours.

    .venv/bin/python benchmarks/compare.py collect OUT [--runs 12] [--every 600]
    .venv/bin/python benchmarks/compare.py rates OUT

`collect` runs a suite of four small models every so many seconds, whatever else the machine does meanwhile. `rates` compares each
run with each later one and counts what the verdicts on times are: all that say slower or faster are wrong, since nothing changed. A
run's share of inconclusive ones is not an error, it is what silence costs: so the later run's times are multiplied, too, and what
is then found of them is counted. All that twice: as it is, and without the room for fixed work that took longer beside one run.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from bench.analysis.compare import compare
from bench.analysis.gate import GATED
from bench.domain.comparison import Contrast, Rules, Verdict
from bench.domain.metric import Unit
from bench.domain.record import Record
from bench.workflow import read_records

SUITE = """
version: 1
name: unchanged
models: [tiny-gpt2, tiny-bert, tiny-vit, tiny-clip]
axes: {batch_size: [2], prompt_tokens: [64], new_tokens: [8], threads: [1]}
load: {page_cache: warm}
procedure: {trials: 5}
"""
WRONG = frozenset({Verdict.SLOWER, Verdict.FASTER})
FACTORS = (1.2, 1.5, 2.0, 3.0)


def collect(out: Path, runs: int, every: float) -> None:
    """Run the suite RUNS times into OUT, one EVERY so many seconds."""
    bench = Path(sys.executable).with_name("bench")
    with tempfile.TemporaryDirectory() as scratch:
        suite = Path(scratch) / "suite.yaml"
        suite.write_text(SUITE)
        for number in range(runs):
            began = time.monotonic()
            subprocess.run([str(bench), "run", str(suite), "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
            took = time.monotonic() - began
            print(f"run {number + 1}: {took:.0f} s", flush=True)
            if number + 1 < runs:
                time.sleep(max(0.0, every - took))


def rates(out: Path) -> None:
    """Print what the verdicts on times are between all pairs of the runs in OUT."""
    records, _ = read_records([out])
    runs: dict[str, list[Record]] = {}
    for record in records:
        runs.setdefault(record.run, []).append(record)
    began = sorted(record.started_at for record in records)
    print(f"{len(runs)} runs from {began[0]} to {began[-1]}, {len(list(combinations(runs, 2)))} pairs of them")
    for title, change in (("as they are", lambda record: record), ("without fixed work beside them", _without_pace)):
        changed = {run: [change(record) for record in found] for run, found in runs.items()}
        said = list(_times(changed, 1.0))
        verdicts = Counter(row.verdict for rows in said for row in rows)
        alarmed = sum(any(row.verdict in WRONG for row in rows) for rows in said)
        print(f"{title}: {alarmed} pairs with a slower or faster time")
        for verdict, count in verdicts.most_common():
            print(f"  {verdict:14} {count:6} of {verdicts.total()} times: {count / verdicts.total():.4f}")
        for factor in FACTORS:
            rows = [row for rows in _times(changed, factor) for row in rows if row.metric.name in GATED]
            found = sum(row.verdict is Verdict.SLOWER for row in rows)
            print(f"  times of head x {factor:g}: {found / len(rows):.2f} of {len(rows)} gated times are slower")


def _times(runs: Mapping[str, Sequence[Record]], factor: float) -> Iterator[list[Contrast]]:
    """Give for every pair of RUNS, the later one's times multiplied by FACTOR, the rows of times."""
    for base, head in combinations(sorted(runs), 2):
        rows = compare(runs[base], [_slowed(record, factor) for record in runs[head]], Rules()).rows
        yield [row for row in rows if row.metric.unit is Unit.SECOND and row.verdict is not Verdict.MISSING]


def _slowed(record: Record, factor: float) -> Record:
    slowed = (
        replace(one, values=tuple(value * factor for value in one.values)) if one.metric.unit is Unit.SECOND else one
        for one in record.samples
    )
    return replace(record, samples=tuple(slowed))


def _without_pace(record: Record) -> Record:
    return replace(record, noise={name: fact for name, fact in record.noise.items() if name != "yardsticks"})


def main() -> None:
    """Collect runs, or say what they tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["collect", "rates"])
    parser.add_argument("out", type=Path)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--every", type=float, default=600)
    given = parser.parse_args()
    if given.what == "collect":
        collect(given.out, given.runs, given.every)
    else:
        rates(given.out)


if __name__ == "__main__":
    main()
