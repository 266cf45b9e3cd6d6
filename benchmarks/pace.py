"""How well the fixed work that is timed beside trials tells the pace of this machine: it and a forward, in turn, for some minutes.

    .venv/bin/python benchmarks/pace.py [--seconds 180]

A round is a reading of the yardsticks, twelve forwards of four transformer layers on one thread, and a reading again; each round
goes to the next core. Printed are how far the forward's median scatters over the rounds, and for each piece its own scatter, how
both go together (correlation and slope of logs), and what scatter is left where the forward is divided by the piece; then the same
of medians of ten rounds.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from bench.worker.host import yardsticks

FORWARDS, BLOCK = 12, 10


def forward() -> Callable[[], object]:
    """Make the step that stands for a model's."""
    torch.manual_seed(0)
    layers = [torch.nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True) for _ in range(4)]
    model = torch.nn.Sequential(torch.nn.Embedding(8000, 256), *layers, torch.nn.Linear(256, 8000)).eval()
    tokens = torch.randint(0, 8000, (2, 64))
    return lambda: model(tokens)


def seconds(step: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def collect(limit_s: float) -> dict[str, np.ndarray]:
    """Give the logs of the forward's median and of each piece, round by round."""
    found: dict[str, list[float]] = {}
    step, end, cores = forward(), time.monotonic() + limit_s, sorted(os.sched_getaffinity(0))
    while time.monotonic() < end:
        cores = [*cores[1:], cores[0]]
        os.sched_setaffinity(0, {cores[0]})
        seconds(step)
        before = yardsticks.read()
        found.setdefault("forward", []).append(np.log(statistics.median(seconds(step) for _ in range(FORWARDS))))
        after = yardsticks.read()
        for name in before:
            found.setdefault(name, []).append(np.log(before[name] * after[name]) / 2)
    return {name: np.array(values) for name, values in found.items()}


def tell(title: str, found: dict[str, np.ndarray]) -> None:
    """Print what the module's docstring says."""
    step = found["forward"]
    low, high = np.exp(np.percentile(step, [1, 99])) * 1e3
    print(f"{title}: {len(step)}; forward {low:.1f} to {high:.1f} ms (1st and 99th percentile), sd {step.std(ddof=1):.1%}")
    for name in (name for name in found if name != "forward"):
        piece = found[name]
        together, slope = np.corrcoef(piece, step)[0, 1], np.cov(piece, step)[0, 1] / piece.var(ddof=1)
        left = (step - piece).std(ddof=1)
        print(f"  {name:14} sd {piece.std(ddof=1):6.1%}  correlation {together:.2f}  slope {slope:.2f}  sd left {left:.1%}")


def main() -> None:
    """Measure, and say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180)
    torch.set_num_threads(1)
    with torch.inference_mode():
        found = collect(parser.parse_args().seconds)
    tell("rounds", found)
    whole = len(found["forward"]) // BLOCK * BLOCK
    tell(f"medians of {BLOCK} rounds", {name: np.median(one[:whole].reshape(-1, BLOCK), axis=1) for name, one in found.items()})


if __name__ == "__main__":
    main()
