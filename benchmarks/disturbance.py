"""Whether the harness disturbs what it measures: forward and decode times under `bench run` against a plain torch script.

    .venv/bin/python benchmarks/disturbance.py [--rounds 12] [--model gpt2] [--threads 1]

The script below and `bench run` measure the same checkpoint, inputs of the same size, threads and cores (two idle cores are not
alike), the script before and after each run. A round's ratio is the run's value over the mean of the two; the bar (2 %) is about
the median of the ratios. The scatter of the script against itself, before over after, is printed beside it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PLAIN = """
import json, os, statistics, sys, time, torch
from bench.worker.libraries import stand_in_for_torchvision_operators
stand_in_for_torchvision_operators()   # without it nothing of transformers can be imported beside a CPU torch
import transformers
folder, threads, tokens, new = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(threads)
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])   # the cores of a run's first trial
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
model.generation_config.eos_token_id = None
ids = torch.randint(0, model.config.vocab_size - 1, (1, tokens)); mask = torch.ones_like(ids)
def timed(step, count):
    times = []
    while len(times) < count or sum(times) < 1.5:
        start = time.perf_counter(); step(); times.append(time.perf_counter() - start)
    return statistics.median(times[len(times) // 3:])
generate = lambda n: model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=n, do_sample=False, pad_token_id=0)
with torch.inference_mode():
    forward = timed(lambda: model(input_ids=ids, attention_mask=mask), 24)
    whole, first = timed(lambda: generate(new), 9), timed(lambda: generate(1), 9)
print(json.dumps({"forward": forward, "decode": (whole - first) / (new - 1)}))
"""
SUITE = """
version: 1
name: disturbance
models: [{{path: {folder}, task: text-generation}}]
axes: {{dtype: [float32], batch_size: [1], prompt_tokens: [{tokens}], new_tokens: [{new}], threads: [{threads}]}}
load: {{page_cache: warm}}
procedure: {{trials: 1, warmup: 4, min_iterations: 10, min_seconds: 1}}
"""
TOKENS, NEW = 64, 8


def plain(folder: Path, threads: int) -> dict[str, float]:
    """Run the plain script once."""
    command = [sys.executable, "-c", PLAIN, str(folder), str(threads), str(TOKENS), str(NEW)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def under_bench(suite: Path, out: Path) -> dict[str, float]:
    """Run one trial under `bench run`."""
    bench = Path(sys.executable).with_name("bench")
    done = subprocess.run(
        [bench, "run", suite, "--out", out, "--quiet"], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    report = subprocess.run(
        [bench, "report", done.stdout.splitlines()[-1], "--format", "json"], check=True, stdout=subprocess.PIPE, text=True
    )
    metrics = json.loads(report.stdout)["rows"][0]["metrics"]
    return {"forward": metrics["forward"]["value"], "decode": metrics["tpot"]["value"]}


def main() -> None:
    """Measure round after round and say whether the bar holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--model", default="gpt2")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    ratios: dict[str, list[float]] = {"forward": [], "decode": []}
    scatter: dict[str, list[float]] = {"forward": [], "decode": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder, suite = Path(scratch) / given.model, Path(scratch) / "suite.yaml"
        subprocess.run([Path(sys.executable).with_name("bench"), "model", given.model, "--out", folder], check=True)
        suite.write_text(SUITE.format(folder=folder, tokens=TOKENS, new=NEW, threads=given.threads))
        for number in range(given.rounds):
            before, run, after = plain(folder, given.threads), under_bench(suite, Path(scratch)), plain(folder, given.threads)
            for name, value in run.items():
                ratios[name].append(value / statistics.mean((before[name], after[name])))
                scatter[name].append(before[name] / after[name])
            print(f"round {number + 1}: " + ", ".join(f"{name} {found[-1]:.3f}" for name, found in ratios.items()), flush=True)
    good = True
    for name, found in ratios.items():
        off = statistics.median(found) - 1
        own = statistics.quantiles(scatter[name], n=4)
        good &= abs(off) <= 0.02  # noqa: PLR2004 -- the bar
        print(f"{name}: bench/plain {off:+.2%} (bar ±2 %); the script before/after: quartiles {own[0]:.3f} to {own[2]:.3f}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
