"""How often `bench ab` is wrong on this machine, and what it finds: real pairs, resampled, beside the rules of other tools.

    .venv/bin/python benchmarks/ab.py collect OUT [--runs 3] [--hogs 4] [--planted 0.03] [--early] [--models a,b] [--batch-sizes 1]
    .venv/bin/python benchmarks/ab.py rates OUT... [--metric forward] [--resamples 2000] [--seed 0]
    .venv/bin/python benchmarks/ab.py clear OUT... [--times 1.1]

`collect` runs `bench ab` of one environment as both sides, 24 pairs of each case a run (four, unless told otherwise), from fresh
nurseries each time, and keeps the records.
With --hogs as many processes beside it use a core or copy memory, on and off. With --planted every call of a model does that share
more work in head, in base where it is below 0 (the ratio over all pairs is the realised effect). With --early cases end at the look
where they are clear, as a user's do.

`clear` tells of each case at which look its case-runs end, and how long they took until then. --times multiplies what head took
in all of them: of unchanged code, what a change of all times would do.

`rates` first tells how long a pair takes, and counts what the verdicts of the case-runs themselves were, over all their times.
Pairs that were collected with more calls of METRIC than they would make today are cut to those, so that they can be pooled.
Then it draws case-runs of METRIC from the pairs: a case, and 24 times a run of it and a pair of that, with replacement; each side
begins half of them, in the order of a real run. +0.0% is the share of them that say slower of unchanged code, `faster` those that
say faster; the other columns those that say slower when all times of head are multiplied by the effect, in the row speed-up those
that say faster when they are divided by it. Of what was planted, faster and +0.0% are the shares that were found. The last line is
about suites of 20 unchanged cases. Other rules get one process of each side, or five, out of the same pairs:

    median:5%   pytest-benchmark --benchmark-compare-fail=median:5%, one process a side
    google      google-benchmark's compare.py: U-test over 9 repetitions of one process, p < 0.05, slower mean
    pyperf      pyperf compare_to: two-sided t-test over 5 processes x 2 values, p < 0.05, slower mean
"""

import argparse
import math
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy import stats

from bench.analysis import paired
from bench.analysis.compare import compare
from bench.analysis.gate import steps
from bench.analysis.paired import Apart
from bench.analysis.reading import readings
from bench.analysis.verdicts import Open, settle
from bench.analysis.welch import Gap
from bench.domain.comparison import Contrast, Rules, Verdict
from bench.domain.metric import Samples, Unit
from bench.domain.plan import Case
from bench.domain.procedure import Procedure
from bench.domain.record import Record, Side
from bench.execution.pairs import base_begins
from bench.worker.stopping import enough
from bench.workflow import read_records
from bench.workflow.contenders import of_pair

SUITE = """
version: 1
name: rates
models: [MODELS]
axes: {batch_size: [SIZES], prompt_tokens: [64], new_tokens: [8], threads: [1]}
load: {page_cache: warm}
procedure: {trials: 5}
"""
MODELS = "tiny-gpt2,tiny-bert,tiny-vit,tiny-clip"
PLANT = """
import os, sys
if os.environ.get("PLANTED"):
    import importlib.abc, importlib.util
    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name != "transformers.modeling_utils":
                return None
            sys.meta_path.remove(self)
            spec = importlib.util.find_spec(name)
            execute = spec.loader.exec_module
            def exec_module(module):
                execute(module)
                import time
                plain, within = module.PreTrainedModel.__call__, []
                def slow(self, *args, **kwargs):
                    if within:  # a model in a model is the work of that
                        return plain(self, *args, **kwargs)
                    within.append(self)
                    start = time.thread_time()
                    try:
                        out = plain(self, *args, **kwargs)
                    finally:
                        within.pop()
                    stop = time.thread_time() + float(os.environ["PLANTED"]) * (time.thread_time() - start)
                    while time.thread_time() < stop:
                        pass
                    return out
                module.PreTrainedModel.__call__ = slow
            spec.loader.exec_module = exec_module
            return spec
    sys.meta_path.insert(0, Finder())
"""
EFFECTS = (0.0, 0.01, 0.015, 0.02, 0.03, 0.05, 0.10)
CASES, PROCESSES, REPETITIONS = 20, 5, 9
Both = tuple[Record, Record]


def hog(seed: int) -> None:
    """Use a core or copy memory, on and off, until killed."""
    chance, block = random.Random(seed), np.ones(1 << 24)  # noqa: S311 -- weather, not secrets
    while True:
        stop = time.monotonic() + chance.uniform(0.2, 2.0)
        while time.monotonic() < stop:
            _ = block.copy() if seed % 2 else math.sqrt(2.0)
        time.sleep(chance.uniform(0.2, 2.0))


@contextmanager
def hogs(count: int) -> Iterator[None]:
    """Run COUNT of them."""
    processes = [multiprocessing.Process(target=hog, args=(seed,), daemon=True) for seed in range(count)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()


def collect(  # noqa: PLR0913 -- what the command line takes
    out: Path, runs: int, beside: int, planted: float | None, models: str, sizes: str, *, early: bool
) -> None:
    """Run `bench ab` RUNS times into OUT; cases end EARLY where they are clear."""
    bench = Path(sys.executable).with_name("bench")
    with tempfile.TemporaryDirectory() as scratch, hogs(beside):
        suite = Path(scratch) / "suite.yaml"
        suite.write_text(SUITE.replace("MODELS", models).replace("SIZES", sizes))
        path = os.pathsep.join(filter(None, (scratch, os.environ.get("PYTHONPATH"))))
        (Path(scratch) / "sitecustomize.py").write_text(PLANT)
        sides = ["--self"]
        if planted is not None:
            sides = ["--base-env", f"PLANTED={max(0.0, -planted)}", "--head-env", f"PLANTED={max(0.0, planted)}"]
        # A margin beyond everything: no case ends early, and every run has its 24 pairs.
        whole = [] if early else ["--margin", "0.99"]
        command = [str(bench), "ab", str(suite), *sides, *whole, "--out", str(out), "--json"]
        for number in range(runs):
            start = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path})
            print(f"run {number + 1}: {time.monotonic() - start:.0f} s", flush=True)


def cut(pair: Both, metric: str) -> Both:
    """Give PAIR with no more calls of METRIC than the sampling plan of today makes of them."""
    base, head = pair
    sides = [next((one.values for one in record.samples if is_measured(one, metric)), None) for record in pair]
    if base.paired is None or sides[0] is None or sides[1] is None:
        return pair
    before, after, today = sides[0], sides[1], Procedure()
    plan = replace(base.procedure, min_seconds=today.min_seconds, min_iterations=today.min_iterations)
    plan = of_pair(plan, base.paired.number)
    both = range(1, min(len(before), len(after)))
    calls = next((count for count in both if enough(before[:count], plan) and enough(after[:count], plan)), len(before))
    return _first(base, metric, calls), _first(head, metric, calls)


def is_measured(samples: Samples, metric: str) -> bool:
    """Tell whether SAMPLES are of the calls of METRIC that count."""
    return samples.metric.name == metric and samples.phase.startswith("measure.")


def _first(record: Record, metric: str, calls: int) -> Record:
    return replace(
        record,
        samples=tuple(replace(one, values=one.values[:calls]) if is_measured(one, metric) else one for one in record.samples),
    )


def pairs_of(out: Sequence[Path]) -> dict[str, list[list[Both]]]:
    """Read the pairs below OUT: by case, run by run."""
    records, _ = read_records(out)
    by_run: dict[str, tuple[list[Record], list[Record]]] = {}
    for record in records:
        if record.paired is not None:
            by_run.setdefault(record.paired.ab, ([], []))[record.paired.side is Side.HEAD].append(record)
    found: dict[str, list[list[Both]]] = {}
    for base, head in by_run.values():
        for case, pairs in paired.pairs(base, head).items():
            found.setdefault(case, []).append(pairs)
    return found


def draw(chance: np.random.Generator, cases: Sequence[Sequence[Apart]]) -> Apart:
    """Draw a case-run of one of CASES: for each of its pairs a run, then a pair of that which the same side began, if it tells."""
    runs = cases[int(chance.integers(len(cases)))]
    ratios, begun = [], []
    for number in range(paired.LOOKS[-1]):
        run = runs[int(chance.integers(len(runs)))]
        pool = [at for at, one in enumerate(run.begun) if one in {base_begins(number), None}]
        at = pool[int(chance.integers(len(pool)))]
        ratios.append(run.ratios[at])
        begun.append(run.begun[at])
    return replace(runs[0], ratios=tuple(ratios), begun=tuple(begun))


def times_by(run: Apart, effect: float) -> Apart:
    """Give RUN with its ratios times EFFECT."""
    return replace(run, ratios=tuple(ratio + math.log(effect) for ratio in run.ratios))


def ours(cases: Sequence[Apart]) -> list[Verdict]:
    """Judge CASES, those of one run."""
    case = Case(id="0", label="case", requested={})
    waiting = []
    for one in cases:
        gap: Gap | None = one.gap()
        assert gap is not None
        waiting.append(Open(contrast=Contrast(case=case, metric=one.metric, verdict=Verdict.INCONCLUSIVE), difference=gap))
    return [row.verdict for row in settle(waiting, Rules())]


def times(record: Record, metric: str) -> np.ndarray:
    """Give the calls' times of METRIC in one process."""
    return np.array(next(one.values for one in readings(record.samples) if one.metric.name == metric))


def median_rule(base: Sequence[np.ndarray], head: Sequence[np.ndarray]) -> bool:
    """Judge as pytest-benchmark does."""
    return bool(np.median(head[0]) > 1.05 * np.median(base[0]))


def google_rule(base: Sequence[np.ndarray], head: Sequence[np.ndarray]) -> bool:
    """Judge as google-benchmark does."""
    before, after = (np.array([part.mean() for part in np.array_split(side[0], REPETITIONS)]) for side in (base, head))
    return bool(stats.mannwhitneyu(before, after).pvalue < 0.05 and after.mean() > before.mean())  # noqa: PLR2004 -- its level


def pyperf_rule(base: Sequence[np.ndarray], head: Sequence[np.ndarray]) -> bool:
    """Judge as pyperf does."""
    before, after = ([part.mean() for one in side for part in np.array_split(one, 2)] for side in (base, head))
    return bool(stats.ttest_ind(before, after).pvalue < 0.05 and np.mean(after) > np.mean(before))  # noqa: PLR2004 -- its level


def spans(found: dict[str, list[list[Both]]]) -> dict[str, dict[str, list[float]]]:
    """Give by label and run the time from the begin of each pair to that of the next one, in seconds."""
    begun: dict[str, list[tuple[datetime, Record]]] = {}
    for base, _ in (pair for runs in found.values() for run in runs for pair in run):
        begun.setdefault(base.run, []).append((datetime.fromisoformat(base.started_at), base))
    spent: dict[str, dict[str, list[float]]] = {}
    for run, starts in begun.items():
        ordered = sorted(starts, key=lambda one: one[0])
        for (start, record), (following, _) in pairwise(ordered):
            spent.setdefault(record.case.label, {}).setdefault(run, []).append((following - start).total_seconds())
    return spent


def took(found: dict[str, list[list[Both]]]) -> dict[str, float]:
    """Give by label the median time from the begin of a pair to that of the next one, for pairs up to the first look."""
    return {
        label: float(np.median([seconds for run in runs.values() for seconds in run[: paired.LOOKS[0]]]))
        for label, runs in spans(found).items()
    }


def clear(out: Sequence[Path], effect: float) -> None:
    """Print where the case-runs below OUT end, and after how long, with head's times multiplied by EFFECT."""
    found = pairs_of(out)
    spent, rows = spans(found), Counter[str]()
    for run in (run for runs in found.values() for run in runs):
        rows[run[0][0].run] += sum(one.metric.unit is Unit.SECOND for one in paired.apart(run[:1]).values())
    for runs in found.values():
        case, label = runs[0][0][1].case.id, runs[0][0][0].case.label
        ends, proved, lasted, sizes = Counter[str](), Counter[str](), [], []
        for run in runs:
            of = run[0][0].run
            gated = {name: times_by(one, effect) for name, one in paired.apart(run).items() if name in steps(case, Rules())}
            look, clears = end_of(case, gated, rows[of])
            ends[f"at {look} pairs" if clears else f"not by {look}"] += 1
            proved.update(
                name
                for name, one in gated.items()
                if paired.decided(case, {name: first(one, look)}, frozenset([name]), rows[of], Rules())
            )
            seconds = spent[label][of]
            lasted.append(sum([*seconds, float(np.median(seconds))][:look]))  # the last pair of a run has none after it
            sizes.append(math.exp(gated["e2e" if "e2e" in gated else "forward"].middle()))
        print(f"{label}: {len(runs)} case-runs end {', '.join(f'{count} {where}' for where, count in ends.items())}")
        print(f"    after {np.median(lasted):.0f} s ({min(lasted):.0f} to {max(lasted):.0f})")
        print(f"    head took {min(sizes):.3f} to {max(sizes):.3f} times as long")
        print(f"    proved by itself there: {', '.join(f'{name} {count}' for name, count in proved.items())}")


def end_of(case: str, gated: dict[str, Apart], rows: int) -> tuple[int, bool]:
    """Give the look at which the CASE with the times GATED ends, in a run of so many ROWS, and whether that is as it is clear."""
    most = max(len(one.ratios) for one in gated.values())
    for look in (look for look in paired.LOOKS if look <= most):
        if paired.decided(case, {name: first(one, look) for name, one in gated.items()}, frozenset(gated), rows, Rules()):
            return look, True
    return most, False


def first(one: Apart, pairs: int) -> Apart:
    """Give ONE as it was after so many PAIRS."""
    return replace(one, ratios=one.ratios[:pairs], begun=one.begun[:pairs])


def said(found: dict[str, list[list[Both]]]) -> None:
    """Print what the verdicts of the case-runs of FOUND are, each by itself, over all their times."""
    rows: Counter[str] = Counter()
    alarmed, whole = 0, 0
    for run in (run for runs in found.values() for run in runs):
        verdicts = [
            row.verdict
            for row in compare([base for base, _ in run], [head for _, head in run], Rules()).rows
            if row.metric.unit is Unit.SECOND and row.verdict is not Verdict.MISSING
        ]
        rows.update(verdicts)
        whole += 1
        alarmed += any(verdict in {Verdict.SLOWER, Verdict.FASTER} for verdict in verdicts)
    for label, seconds in took(found).items():
        print(f"{label}: {seconds:.1f} s a pair of the first look, {8 * seconds:.0f} s for eight")
    print(f"{whole} case-runs as they were: {alarmed} with a slower or faster time; {rows.total()} times: {dict(rows)}")


def rates(out: Sequence[Path], metric: str, resamples: int, seed: int) -> None:
    """Print the rates of every rule on the pairs below OUT."""
    chance = np.random.default_rng(seed)
    found = pairs_of(out)
    said(found)
    cases = []
    for runs in found.values():
        apart = [paired.apart([cut(pair, metric) for pair in pairs]) for pairs in runs]
        ours_of = [one[metric] for one in apart if metric in one]
        if not ours_of:
            continue
        cases.append(ours_of)
        every = np.array([ratio for run in ours_of for ratio in run.ratios])
        slower = [
            -ratio if one else ratio for run in ours_of for ratio, one in zip(run.ratios, run.begun, strict=True) if one is not None
        ]
        label, step = runs[0][0][0].case.label, np.median([np.median(times(base, metric)) for pairs in runs for base, _ in pairs])
        print(
            f"{label}: {metric} {step * 1e3:.1f} ms, {len(every)} pairs of {len(ours_of)} runs, "
            f"ratio {math.exp(stats.trim_mean(every, 0.1)):.4f}, sd of a pair {every.std(ddof=1):.2%}, who begins is slower by "
            f"{f'{np.mean(slower):.2%}' if slower else '(not told)'}"
        )
    print(f"{'rule':10} {'faster':>8} " + " ".join(f"{f'+{effect:.1%}':>8}" for effect in EFFECTS))
    heard = {effect: [ours([times_by(draw(chance, cases), 1 + effect)])[0] for _ in range(resamples)] for effect in EFFECTS}
    shares = " ".join(f"{sum(verdict is Verdict.SLOWER for verdict in heard[effect]) / resamples:8.3f}" for effect in EFFECTS)
    print(f"{'bench ab':10} {sum(verdict is Verdict.FASTER for verdict in heard[0.0]) / resamples:8.3f} {shares}")
    sped = {effect: [ours([times_by(draw(chance, cases), 1 / (1 + effect))])[0] for _ in range(resamples)] for effect in EFFECTS}
    shares = " ".join(f"{sum(verdict is Verdict.FASTER for verdict in sped[effect]) / resamples:8.3f}" for effect in EFFECTS)
    print(f"{'speed-up':10} {'':>8} {shares}")
    alarms = sum(
        any(verdict in {Verdict.SLOWER, Verdict.FASTER} for verdict in ours([draw(chance, cases) for _ in range(CASES)]))
        for _ in range(resamples // 4)
    )
    flat = [[(times(base, metric), times(head, metric)) for run in runs for base, head in run] for runs in found.values()]
    rules: dict[str, Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], bool]] = {
        "median:5%": median_rule, "google": google_rule, "pyperf": pyperf_rule,
    }  # fmt: skip
    for name, rule in rules.items():
        counts = dict.fromkeys(EFFECTS, 0)
        for _ in range(resamples):
            pool = flat[int(chance.integers(len(flat)))]
            drawn = [pool[at] for at in chance.integers(len(pool), size=PROCESSES)]
            for effect in EFFECTS:
                counts[effect] += rule([base for base, _ in drawn], [head * (1 + effect) for _, head in drawn])
        print(f"{name:10} {'':>8} " + " ".join(f"{counts[effect] / resamples:8.3f}" for effect in EFFECTS))
    print(f"a suite of {CASES} unchanged cases, any alarm: {alarms / (resamples // 4):.4f} of {resamples // 4}")


def main() -> None:
    """Collect pairs, or say what they tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["collect", "rates", "clear"])
    parser.add_argument("out", type=Path, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--hogs", type=int, default=0)
    parser.add_argument("--planted", type=float)
    parser.add_argument("--early", action="store_true")
    parser.add_argument("--times", type=float, default=1.0)
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--batch-sizes", default="2")
    parser.add_argument("--metric", default="forward")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.what == "collect":
        sizes = given.batch_sizes
        collect(given.out[0], given.runs, given.hogs, given.planted, given.models, sizes, early=given.early)
    elif given.what == "rates":
        rates(given.out, given.metric, given.resamples, given.seed)
    else:
        clear(given.out, given.times)


if __name__ == "__main__":
    main()
