"""Inputs on their way to an engine of another environment: a worker of this one leaves them in a file, one of that takes them up.

A tokenizer or processor that transformers 5 wrote is none that an older version reads. So the tensors travel, and beside them
what was counted in them.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.protocol.messages import Handed, Measure
from bench.worker import built, opening
from bench.worker.clock import Clock
from bench.worker.failures import Refused
from bench.worker.wire import Send

_FACTS = "facts"
_OF_PROCESSOR = frozenset({"processor_class", "processor_parts", "processor_backend", "tokenizer_class"})
_PLAIN: Mapping[str, Json] = {
    "autocast": "none", "quantization": "none", "attention": "auto", "engine": "eager", "device": "cpu", "device_map": "none",
    "ranks": 1, "mask": "padding", "output_attentions": False, "output_hidden_states": False, "experts": "auto",
}  # fmt: skip
"""Axes that say nothing of inputs: the model is loaded for its processor and its config, as plainly as it can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Tensors by name, on the host, and the facts that were read off them and the processor that made them."""

    tensors: Mapping[str, Any]
    facts: Mapping[str, Json]


def leave(request: Measure, handed: Handed, send: Send) -> None:
    """Prepare the inputs of REQUEST's case as a trial of this environment does, and leave them at HANDED's path.

    Raises Refused where the case's inputs cannot be had, or are more than one batch of tensors.
    """
    import torch

    asked = request.case.requested
    if (refusal := built.refusal(asked)) is not None:
        raise Refused(refusal.reason, refusal.reason_code)
    plain = {**asked, **{axis: value for axis, value in _PLAIN.items() if axis in asked}}
    with torch.inference_mode():
        trial = opening.load(replace(request, case=replace(request.case, requested=plain)), send, Clock())
        before = trial.observed.keys() - _OF_PROCESSOR
        given = opening.prepare(trial)
    if given.others or given.matrix is not None:
        what = "a matrix of images and texts" if given.matrix is not None else f"{1 + len(given.others)} batches of a data set"
        raise Refused(f"inputs for another environment are one batch of tensors, and these are {what}", ReasonCode.NOT_IN_VERSION)
    facts = {name: value for name, value in trial.observed.items() if name not in before}
    write(Path(handed.path), Taken(tensors=given.tensors, facts=facts))


def write(path: Path, taken: Taken) -> None:
    """Have what is TAKEN at PATH, whole or not at all."""
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in taken.tensors.items()}
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        save_file(tensors, beside, {_FACTS: json.dumps(dict(taken.facts))})
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def take(path: Path) -> Taken:
    """Take up what lies at PATH. Raises what safetensors raises where it is no such file."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- it is no mapping
        facts = json.loads(file.metadata()[_FACTS])
    return Taken(tensors=tensors, facts=facts)
