"""How much fits, sought by `scenario: capacity` and by accelerate's find_executable_batch_size: answers, and whether they are true.

    .venv/bin/python benchmarks/capacity.py [--limit 2GiB] [--most 128] [--tries 3] [--models tiny-gpt2 ...]

Both seek the largest batch of the same checkpoint under the same memory: what a process may have above what it holds once torch
and transformers are imported. Both do the same for each batch: the model is loaded, its inputs are made, and it is called once.

    bench        doubles from 1, then bisects; a fresh process a batch. The limit is the suite's `limits.host_memory`: memory that
                 is touched, anonymous, by the kernel's own peak
    accelerate   begins with --most and takes a tenth off as long as torch cannot allocate; all in one process. The limit is the
                 kernel's own (RLIMIT_DATA), since a search within a process needs an allocation that fails: memory that is mapped

Each answer N is then tried --tries times, N and N + 1 each in a fresh process, forked from a nursery of its own: `fits` counts how
often N ran within the limit, `next does not` how often N + 1 did not. Memory does not depend on how busy the machine is; times do.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import workflow
from bench.domain.plan import Trial
from bench.domain.procedure import StartMethod
from bench.domain.record import Record
from bench.execution import capacity
from bench.execution import trial as one_trial
from bench.execution.executors.local import Local
from bench.planning.amounts import read_bytes

MODELS = {
    "tiny-gpt2": ("text-generation", "prompt_tokens: [1000], new_tokens: [2]"),
    "tiny-bert": ("fill-mask", "prompt_tokens: [512]"),
    "tiny-llama": ("text-generation", "prompt_tokens: [1000], new_tokens: [2]"),
    "tiny-whisper": ("automatic-speech-recognition", "new_tokens: [2]"),
    "tiny-qwen2-vl": ("image-text-to-text", "image_size: [672x672], prompt_tokens: [32], new_tokens: [2]"),
}
SUITE = """
version: 1
name: capacity-{name}
scenario: capacity
models: [{{path: {folder}, task: {task}}}]
axes: {{threads: [1], attention: [eager]{axes}}}
capacity: {{over: batch_size, max: {most}}}
limits: {{host_memory: {limit}}}
procedure: {{trials: 1, time_limit_s: 600}}
"""
BENCH = Path(sys.executable).with_name("bench")


@dataclass(frozen=True)
class Answer:
    """What a search found, in how many probes and seconds; `value` is None where it ended otherwise, `said` why."""

    tool: str
    value: int | None
    probes: int
    seconds: float
    said: str = ""


def unheard(_said: object) -> None:
    """Hear nothing."""


def write_suite(name: str, folder: Path, given: argparse.Namespace) -> Path:
    """Write the checkpoint of preset NAME and the suite that seeks its capacity; give the suite's file."""
    task, axes = MODELS[name]
    checkpoint = folder / name
    subprocess.run([BENCH, "model", name, "--task", task, "--out", checkpoint], check=True, stdout=subprocess.DEVNULL)
    suite = folder / f"{name}.yaml"
    axes = f", {axes}" if axes else ""
    suite.write_text(SUITE.format(name=name, folder=checkpoint, task=task, axes=axes, most=given.most, limit=given.limit))
    return suite


def by_bench(suite: Path, folder: Path) -> Answer:
    """Let `bench run` search."""
    start = time.perf_counter()
    done = subprocess.run([BENCH, "run", suite, "--out", folder / "runs", "--quiet"], check=False, stdout=subprocess.PIPE)
    seconds = time.perf_counter() - start
    (line,) = (Path(done.stdout.decode().splitlines()[-1]) / "records.jsonl").read_text().splitlines()
    record = json.loads(line)
    found = [some["values"][0] for some in record["samples"] if some["metric"]["name"] == "capacity.batch_size"]
    probes = len(record["observed"].get("capacity_probes", ()))
    return Answer("bench", int(found[0]) if found else None, probes, seconds, record["reason"] or "")


def by_accelerate(suite: Path, given: argparse.Namespace) -> Answer:
    """Let find_executable_batch_size search, in a process of its own."""
    start = time.perf_counter()
    command = [sys.executable, __file__, "--within", suite, "--limit", given.limit, "--most", str(given.most)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        return Answer("accelerate", None, 0, seconds, (done.stderr.strip().splitlines() or ["it said nothing"])[-1])
    found = json.loads(done.stdout.splitlines()[-1])
    return Answer("accelerate", found["value"], found["probes"], seconds, found["said"])


def planned_trial(suite: Path) -> Trial:
    """Give the only trial of SUITE, as the tool plans it."""
    (planned,) = workflow.draw_up(workflow.read_suites([suite])).cases
    return Trial(planned=planned, number=0)


def within(suite: Path, limit_bytes: int, most: int) -> None:
    """Search in this process, as users of accelerate do, and print what was found."""
    from accelerate.utils import find_executable_batch_size  # type: ignore[import-untyped]

    from bench.protocol.messages import Measure
    from bench.worker.clock import Clock
    from bench.worker.host import libraries
    from bench.worker.scenarios import capacity as probe

    libraries.preload()
    planned = planned_trial(suite).planned
    tried: list[int] = []
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    bound = int(held.split()[1]) * 1024 + limit_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (bound, bound))

    def run(batch_size: int) -> int:
        tried.append(batch_size)
        requested = {key: value for key, value in planned.case.requested.items() if key != capacity.KEY}
        case = replace(planned.case, requested={**requested, "batch_size": batch_size})
        request = Measure(
            case=case, model=planned.model, procedure=planned.suite.procedure, page_cache=planned.suite.page_cache,
            limits=planned.suite.limits, trial=0,
        )  # fmt: skip
        probe.measure(request, unheard, Clock())
        return batch_size

    found, said = None, ""
    try:
        found = find_executable_batch_size(run, starting_batch_size=most)()
    except Exception as error:  # noqa: BLE001 -- what it ends with is its answer
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
    print(json.dumps({"value": found, "probes": len(tried), "said": said}))


@contextmanager
def a_nursery() -> Iterator[Local]:
    """Have one nursery while the block runs."""
    executor = Local()
    executor.open(1, StartMethod.NURSERY)
    try:
        yield executor
    finally:
        executor.close()


def judge(suite: Path, values: set[int], limit_bytes: int, tries: int) -> dict[int, list[bool]]:
    """Try each of VALUES so often, each time in a fresh process of a fresh nursery, and tell whether it fitted."""
    trial = planned_trial(suite)
    found: dict[int, list[bool]] = {value: [] for value in values}
    for _ in range(tries):
        with a_nursery() as executor:

            def run(one: Trial, executor: Local = executor) -> Record:
                return one_trial.carry_out(one, executor, "judge", 1, (), unheard)

            for value in sorted(values):
                search = capacity.Search(trial=trial, run=run, tell=unheard, limit_bytes=limit_bytes)
                found[value].append(search.fits(value))
    return found


def main() -> None:
    """Search with both, judge their answers, and say whether ours hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", default="2GiB")
    parser.add_argument("--most", type=int, default=128)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    limit_bytes = read_bytes(given.limit)
    if limit_bytes is None:
        parser.error(f"--limit {given.limit} is no amount of memory")
    if given.within is not None:
        within(given.within, limit_bytes, given.most)
        return
    print(f"| model | tool | batch_size | probes | time | fits | next does not |\n|{'---|' * 7}")
    hold = [row for name in given.models for row in compare(name, limit_bytes, given)]
    sys.exit(0 if all(hold) else 1)


def compare(name: str, limit_bytes: int, given: argparse.Namespace) -> Iterator[bool]:
    """Search the capacity of preset NAME with both tools and print a row for each; give for ours whether it held every time."""
    with tempfile.TemporaryDirectory() as scratch:
        suite = write_suite(name, Path(scratch), given)
        answers = (by_bench(suite, Path(scratch)), by_accelerate(suite, given))
        values = {one for answer in answers if answer.value for one in (answer.value, answer.value + 1)}
        found = judge(suite, values, limit_bytes, given.tries)
        for answer in answers:
            fits, beyond = (found.get(value, []) for value in (answer.value or -1, (answer.value or -1) + 1))
            counts = f"{sum(fits)} of {len(fits)} | {len(beyond) - sum(beyond)} of {len(beyond)}" if answer.value else "| "
            value = answer.value if answer.value is not None else f"none: {answer.said}"
            print(f"| {name} | {answer.tool} | {value} | {answer.probes} | {answer.seconds:.0f} s | {counts} |", flush=True)
            if answer.tool == "bench":
                yield bool(fits) and all(fits) and not any(beyond)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
