"""Whether the harness disturbs what it measures: forward and decode times of a trial against a plain torch script.

    .venv/bin/python benchmarks/disturbance.py [--rounds 12] [--model gpt2] [--threads 1]

A trial of `bench run` and the plain script below, a process each, measure the same checkpoint with inputs of the same size on the
same threads and cores. They take turns call by call, so that what the minute does is done to both: where one ran after the other,
the minutes alone moved a round by 30 %. A round's forward is the median of the ratios of its calls; its decode is that of
(whole - first token) / (tokens - 1), from the same ratios. Every round is followed by one in which the script itself leads: who
leads finds warmer caches, so that the bar (2 %) is about the medians of the trial over those of the script in its place. The
scatter of the script against itself is printed beside it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench import workflow
from bench.domain.plan import PlannedCase, Trial
from bench.domain.procedure import StartMethod
from bench.execution import trial
from bench.execution.executors.local import Local
from bench.planning.plans import Filter
from bench.protocol.messages import Turns

Times = Mapping[str, list[float]]

PLAIN = """
import json, os, sys, time, torch
from bench.worker.host.libraries import stand_in_for_torchvision_operators
stand_in_for_torchvision_operators()   # without it nothing of transformers can be imported beside a CPU torch
import transformers
folder, threads, tokens, new, reading, writing, leads = *sys.argv[1:2], *map(int, sys.argv[2:5]), *sys.argv[5:]
torch.set_num_threads(threads)
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])   # the cores of a run's first trial
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
model.generation_config.eos_token_id = None
ids = torch.randint(0, model.config.vocab_size - 1, (1, tokens)); mask = torch.ones_like(ids)
generate = lambda n: model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=n, do_sample=False, pad_token_id=0)
calls = {"generate": lambda: generate(new), "ttft": lambda: generate(1),
         "forward": lambda: model(input_ids=ids, attention_mask=mask)}
pipe_in, pipe_out = os.fdopen(os.open(reading, os.O_RDWR), "r"), os.open(writing, os.O_RDWR)
times = {}
def timed(phase):
    call = calls.get(phase.partition(".")[2])
    if call:
        start = time.perf_counter(); call(); times.setdefault(phase, []).append(time.perf_counter() - start)
print("ready", flush=True)
with torch.inference_mode():
    if leads == "leads":
        sys.stdin.readline()
        for phase, count in [(f"{kind}.{name}", count) for name in calls for kind, count in (("warmup", 4), ("measure", 12))]:
            for _ in range(count):
                timed(phase); os.write(pipe_out, f"{phase} 1\\n".encode()); pipe_in.readline()
        os.write(pipe_out, b"end\\n")
    else:
        while (line := pipe_in.readline().split())[0] != "end":
            timed(line[0]); os.write(pipe_out, f"{line[0]} 1\\n".encode())
print(json.dumps(times))
"""
SUITE = """
version: 1
name: disturbance
models: [{{path: {folder}, task: text-generation}}]
axes: {{dtype: [float32], batch_size: [1], prompt_tokens: [{tokens}], new_tokens: [{new}], threads: [{threads}]}}
load: {{page_cache: warm}}
procedure: {{trials: 1, warmup: 4, min_iterations: 12, min_seconds: 0.3, max_iterations: 60}}
"""
TOKENS, NEW = 64, 8


@contextmanager
def plain(folder: Path, threads: int, take: str, give: str, *, leads: bool = False) -> Iterator["subprocess.Popen[str]"]:
    """Start the plain script and wait until it is ready to take turns."""
    command = [
        sys.executable,
        "-c",
        PLAIN,
        str(folder),
        *map(str, (threads, TOKENS, NEW)),
        take,
        give,
        "leads" if leads else "answers",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            sys.exit("the plain script did not start")
        yield process


def times_of(process: "subprocess.Popen[str]") -> Times:
    """Read the times that the plain script took, by phase."""
    said, _ = process.communicate("go\n")
    found: Times = json.loads(said.splitlines()[-1])
    return found


def under_bench(planned: PlannedCase, executor: Local, turns: Turns) -> Times:
    """Run one trial as `bench run` does, taking turns, and give its samples by phase."""
    one = Trial(planned=planned, number=1)  # of pairs only trial 0 has the passes that look into the model
    cores = tuple(sorted(os.sched_getaffinity(0))[: int(str(planned.case.requested["threads"]))])
    record = trial.carry_out(one, executor, "disturbance", 1, cores, lambda _: None, turns=turns)
    if record.reason is not None:
        sys.exit(f"the trial ended {record.outcome}: {record.reason}")
    wanted = {"measure.generate": "e2e", "measure.ttft": "ttft_model", "measure.forward": "forward"}
    return {some.phase: list(some.values) for some in record.samples if wanted.get(some.phase) == some.metric.name}


def ratios(one: Times, other: Times) -> dict[str, float]:
    """Give the ratios of a round, call by call; that of decode follows from those of whole generations and first tokens."""
    by_call = {
        name: statistics.median(a / b for a, b in zip(one[phase], other[phase], strict=True))
        for name, phase in (("forward", "measure.forward"), ("e2e", "measure.generate"), ("first", "measure.ttft"))
    }
    whole, first = (statistics.median(other[phase]) for phase in ("measure.generate", "measure.ttft"))
    return {**by_call, "decode": (whole * by_call["e2e"] - first * by_call["first"]) / (whole - first)}


def one_round(planned: PlannedCase, executor: Local, threads: int) -> tuple[dict[str, float], dict[str, float]]:
    """Measure the trial against the script, then the script against itself."""
    folder = Path(str(planned.model.folder))
    with tempfile.TemporaryDirectory() as scratch:
        first, second = (str(Path(scratch) / name) for name in ("first", "second"))
        for path in (first, second):
            os.mkfifo(path)
        held = [os.open(path, os.O_RDWR) for path in (first, second)]
        with plain(folder, threads, second, first) as script:
            run = under_bench(planned, executor, Turns(take=first, give=second, first=True))
            os.write(held[1], b"end\n")
            harness = ratios(run, times_of(script))
        with plain(folder, threads, second, first) as answering, plain(folder, threads, first, second, leads=True) as leading:
            itself = ratios(times_of(leading), times_of(answering))
        for descriptor in held:
            os.close(descriptor)
    return harness, itself


def main() -> None:
    """Measure round after round and say whether the bar holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--model", default="gpt2")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    found: list[tuple[dict[str, float], dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder, suite = Path(scratch) / given.model, Path(scratch) / "suite.yaml"
        subprocess.run([Path(sys.executable).with_name("bench"), "model", given.model, "--out", folder], check=True)
        suite.write_text(SUITE.format(folder=folder, tokens=TOKENS, new=NEW, threads=given.threads))
        (planned,) = workflow.draw_up(workflow.read_suites([suite]), Filter()).cases
        executor = Local(env={"OMP_WAIT_POLICY": "PASSIVE"})
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # for the script too: a pool that spins would slow the other side
        try:
            executor.open(2, StartMethod.NURSERY)
            for number in range(given.rounds):
                found.append(one_round(planned, executor, given.threads))
                shown = ", ".join(f"{name} {found[-1][0][name]:.3f} (script {found[-1][1][name]:.3f})" for name in found[-1][0])
                print(f"round {number + 1}: {shown}", flush=True)
        finally:
            executor.close()
    good = True
    for name in ("forward", "decode", "e2e"):
        values, own = ([pair[at][name] for pair in found] for at in (0, 1))
        off = statistics.median(values) / statistics.median(own) - 1
        good &= name == "e2e" or abs(off) <= 0.02  # noqa: PLR2004 -- the bar
        low, middle, high = statistics.quantiles(own, n=4) if len(own) > 1 else own * 3
        spread = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
        print(
            f"{name}: trial over script {off:+.2%} (bar ±2 %); against the script that answers, trial: quartiles "
            f"{spread[0]:.3f} {spread[1]:.3f} {spread[2]:.3f}; script: {low:.3f} {middle:.3f} {high:.3f}"
        )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
