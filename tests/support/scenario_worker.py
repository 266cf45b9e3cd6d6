"""Runs scenarios in a process of its own, some with a fault planted, and prints what they told as one JSON object.

Run as `python -m tests.support.scenario_worker FOLDER`; presets are written below FOLDER.
"""

import json
import mmap
import os
import subprocess
import sys
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20


def run(folder: Path) -> dict[str, Any]:
    """Start this file and give what it printed."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.scenario_worker", str(folder)]
    environment = {**os.environ, "BENCH_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(model: Any, scenario: str, parity: Path | None = None, *, own: bool = False, **axes: Any) -> dict[str, Any]:
    """Measure MODEL in SCENARIO and give outcome, facts, and samples by metric."""
    from bench.domain.axes import AXES
    from bench.domain.scenario import Scenario
    from bench.protocol.messages import Failed, Observed, Parity, Sampled, encode
    from bench.worker import requests
    from tests.support.cases import a_request

    told: dict[str, Any] = {"outcome": "finished", "observed": {}, "samples": {}}

    def send(event: Any) -> None:
        if isinstance(event, Failed):
            told.update(outcome=event.outcome.value, code=event.reason_code.value, reason=event.reason)
        if isinstance(event, Observed):
            told["observed"] |= dict(event.facts)
        if isinstance(event, Sampled) and event.samples.part is None:
            told["samples"].setdefault(event.samples.metric.name, []).extend(event.samples.values)

    plain = a_request(model)
    applying = {axis.name: axis.default for axis in AXES if axis.applies(model.traits, Scenario(scenario))}
    requested = {"model": model.ref.name, "task": model.task, "scenario": scenario, **applying, "threads": 1, **axes}
    compared = None if parity is None else Parity(reference="reference", path=str(parity), own=own)
    requests.carry_out(encode(replace(plain, case=replace(plain.case, requested=requested), parity=compared)), send)
    return told


def preset(folder: Path, name: str, task: str) -> Any:
    """Write preset NAME for TASK and give what is known of it."""
    from bench.domain.model import Kind, ModelRef
    from bench.models import facts, presets
    from bench.worker import building, tasks

    out = folder / f"{name}-{task}"
    building.write(presets.find(name), task, out, 0)
    found = facts.find(ModelRef(kind=Kind.PRESET, name=name, where=name, task=task), tasks.declared())
    return replace(found, folder=str(out))


def detached() -> Any:
    """Cut one layer out of the backward pass: what it computes is right, what it learns is not."""
    from transformers.models.gpt2.modeling_gpt2 import GPT2MLP

    forward = GPT2MLP.forward
    return patch.object(GPT2MLP, "forward", lambda self, states: forward(self, states).detach())


def broken() -> Any:
    """Let the loss overflow."""
    from transformers.models.vit.modeling_vit import ViTForImageClassification

    forward = ViTForImageClassification.forward

    @wraps(forward)
    def overflowing(self: Any, *arguments: Any, **options: Any) -> Any:
        outputs = forward(self, *arguments, **options)
        outputs.loss = outputs.loss * float("inf")
        return outputs

    return patch.object(ViTForImageClassification, "forward", overflowing)


def leaking(kept: list[Any]) -> Any:
    """Keep one MiB of every call, mapped anew: from the heap it could fill what an earlier trial of this process left free."""
    from transformers.models.vit.modeling_vit import ViTForImageClassification

    forward = ViTForImageClassification.forward

    @wraps(forward)
    def keeping(self: Any, *arguments: Any, **options: Any) -> Any:
        block = mmap.mmap(-1, MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        block.write(b"\1" * MIB)
        kept.append(block)
        return forward(self, *arguments, **options)

    return patch.object(ViTForImageClassification, "forward", keeping)


def by_hand(model: Any, part: str) -> list[int]:
    """Count the parameters of MODEL, and those below PART."""
    from transformers import BlipForQuestionAnswering

    network = BlipForQuestionAnswering.from_pretrained(model.folder)
    named = [(name, one.numel()) for name, one in network.named_parameters()]
    return [sum(count for _, count in named), sum(count for name, count in named if name.startswith(f"{part}."))]


def main(folder: Path) -> dict[str, Any]:
    """Measure everything that the tests look at."""
    from bench.worker.host import libraries

    libraries.preload()
    gpt2, blip = preset(folder, "tiny-gpt2", "text-generation"), preset(folder, "tiny-blip", "visual-question-answering")
    vit = preset(folder, "tiny-vit", "image-classification")
    losses = folder / "losses"
    endurance: dict[str, Any] = {"endurance": {"steps": 40}, "image_size": "32x32"}
    found = {
        "reference": measured(gpt2, "train-step", losses, own=True),
        "again": measured(gpt2, "train-step", losses, gradient_checkpointing=True, attention="eager"),
        "accelerate": measured(gpt2, "train-step", losses, trainer="accelerate", gradient_accumulation=2, optimizer="adamw-fused"),
        "frozen": measured(blip, "train-step", freeze=["vision_model"]),
        "by_hand": by_hand(blip, "vision_model"),
        "nothing": measured(vit, "train-step", freeze=["vit", "classifier"]),
        "misspelt": measured(vit, "train-step", train=["klassifier"]),
        "quiet": measured(vit, "endurance", **endurance),
        "load": measured(gpt2, "load", page_cache="warm", mmap=False, format="sharded"),
        "capacity": measured(vit, "capacity", batch_size=2),
    }
    with detached():
        found["detached"] = measured(gpt2, "train-step", losses)
    with broken():
        found["broken"] = measured(vit, "train-step")
    kept: list[Any] = []
    with leaking(kept):
        found["leaking"] = measured(vit, "endurance", **endurance)
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))  # noqa: T201 -- read by the test
