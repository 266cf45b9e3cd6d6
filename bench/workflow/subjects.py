"""What is asked of a worker without measuring: the machine as it is, and models as they are."""

from pathlib import Path
from typing import TYPE_CHECKING

from bench.domain.errors import UsageError, WorkerError
from bench.domain.values import Json

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.domain.description import Description
    from bench.protocol.messages import Event, Request


def ask_worker(request: "Request") -> "list[Event]":
    """Start one worker, let it carry REQUEST out and give its events. Raises WorkerError."""
    from bench.domain.procedure import StartMethod
    from bench.execution import executors

    worker = executors.find("local")
    try:
        worker.open(1, StartMethod.NURSERY)
        return list(worker.ask(request, 0, None, None))
    finally:
        worker.close()


def describe_machine() -> dict[str, Json]:
    """Describe this machine, its libraries and settings as a worker sees them, and how quiet it is now (over one second).

    Under `noise` is what disturbs it, under `advice` what is wrong with it as a place to measure on, and how to mend that.
    """
    from bench.analysis.advice import advise
    from bench.protocol.codec import to_json
    from bench.protocol.messages import Describe, Environment
    from bench.worker.host import neighbours

    now = neighbours.disturbance(1.0)  # before a worker starts, which would be seen as a neighbour
    facts: dict[str, Json] = {}
    for event in ask_worker(Describe()):
        if isinstance(event, Environment):
            facts |= event.facts
    return {**facts, "noise": now, "advice": [to_json(one) for one in advise(facts, now)]}


def what_disturbs(seconds: float = 0.3) -> str | None:
    """Say in one line what is wrong with this machine, watched for SECONDS, as a place to measure on; None where nothing is."""
    from bench.analysis.advice import advise
    from bench.worker.host import machine, neighbours

    found = advise(machine.facts(), neighbours.disturbance(seconds))
    return f"this machine: {'; '.join(one.says for one in found)}. bench env says how to mend it" if found else None


def describe_model(name: str, task: str | None, revision: str | None = None) -> "Description":
    """Describe NAME, a preset, a folder or `org/name` of the Hub, for TASK, its first where there is none; no weights are read.

    Raises UsageError where nothing has this name or no class of transformers knows it, WorkerError where no worker can say.
    """
    from bench.domain.description import Description
    from bench.models import facts, naming
    from bench.models.digests import Unread
    from bench.protocol.codec import from_json
    from bench.protocol.messages import DescribeModel, Failed, Observed
    from bench.worker import tasks

    model = facts.find(naming.name_model(name, task=task, revision=revision), tasks.declared(), digests=Unread())
    for event in ask_worker(DescribeModel(model=model)):
        if isinstance(event, Observed):
            return from_json(Description, event.facts)
        if isinstance(event, Failed):
            raise UsageError(f"{name} cannot be described: {event.reason}")
    raise WorkerError(f"the worker that described {name} ended without an answer")


def write_model(name: str, task: str | None, out: Path, seed: int) -> None:
    """Write preset NAME for TASK, its first where there is none, as a checkpoint with its processor into OUT.

    Raises UsageError where there is no such preset or task, or where it cannot be written.
    """
    from bench.domain.model import Kind, ModelRef
    from bench.domain.procedure import StartMethod
    from bench.execution import executors, materialise
    from bench.models import facts, presets
    from bench.worker import tasks

    preset = presets.find(name)
    task = task or preset.default_task
    if task not in preset.tasks:
        raise UsageError(f'preset "{name}" has no task "{task}" (has: {", ".join(preset.tasks)})')
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"{out} is not an empty folder: name another one, or remove it first")
    size = facts.find(ModelRef(kind=Kind.PRESET, name=name, where=name, task=task), tasks.declared()).weight_bytes or 0
    executor = executors.find("local")
    try:
        executor.open(1, StartMethod.NURSERY)
        refusal = materialise.write(name, task, out, seed, size, executor)
    finally:
        executor.close()
    if refusal is not None:
        raise UsageError(refusal.reason)
