"""Presets become checkpoints on this machine once: written by a worker into a cache, by what they hold."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from bench.domain.model import Kind, ModelFacts
from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.plan import PlannedCase
from bench.execution import drafts
from bench.execution.executors import Executor
from bench.models import cache, presets
from bench.protocol.messages import Build, Exited, Failed


@dataclass(slots=True)
class Checkpoints:
    """The checkpoints of a run's presets: each is written, or refused, once a run."""

    executor: Executor
    tell: Callable[[str], None]
    _models: dict[tuple[str, str, int], ModelFacts] = field(default_factory=dict)

    def on_disk(self, planned: PlannedCase) -> ModelFacts:
        """Have the model of PLANNED on disk where the executor loads it, and give its facts with the folder, or a refusal.

        A preset that drafts for it is written too.
        """
        if not self.executor.loads:
            return planned.model
        refusal = drafts.on_disk(planned, partial(write, executor=self.executor), self.tell)
        if refusal is not None:
            return replace(planned.model, refusals=(*planned.model.refusals, refusal))
        if planned.model.ref.kind is not Kind.PRESET:
            return planned.model
        seed = planned.suite.procedure.seed
        key = (planned.model.content, planned.model.task, seed)
        if key not in self._models:
            self._models[key] = materialise(planned.model, seed, self.executor, self.tell)
        made = self._models[key]
        return replace(planned.model, folder=made.folder, refusals=made.refusals)


def materialise(facts: ModelFacts, seed: int, executor: Executor, tell: Callable[[str], None]) -> ModelFacts:
    """Have the checkpoint of a preset on disk and give the facts with its folder; other models are given back as they are.

    Where it cannot be written, the facts that come back have a refusal that says why.
    """
    if facts.ref.kind is not Kind.PRESET or facts.folder is not None:
        return facts
    folder = cache.folder_of(presets.find(facts.ref.name), facts.task, seed)
    if not folder.is_dir():
        tell(f"writing the checkpoint of {facts.ref.name} for {facts.task} (once, into {folder.parent})")
        refusal = write(facts.ref.name, facts.task, folder, seed, facts.weight_bytes or 0, executor)
        if refusal is not None:
            return replace(facts, refusals=(*facts.refusals, refusal))
    return replace(facts, folder=str(folder))


def write(name: str, task: str, out: Path, seed: int, size: int, executor: Executor) -> Refusal | None:
    """Let a worker write preset NAME for TASK into OUT, where SIZE bytes have to fit; say why where that failed."""
    no_room = cache.lacks_room(name, out.parent, size)
    if no_room is not None:
        return no_room
    failed: Failed | None = None
    status = 0
    for event in executor.ask(Build(preset=name, task=task, out=str(out), seed=seed), 0, None, None):
        failed = event if isinstance(event, Failed) else failed
        status = event.status if isinstance(event, Exited) else status
    if out.is_dir() and any(out.iterdir()):
        return None  # written, or by another run at the same time
    if failed is not None:
        return Refusal(reason=f"the checkpoint of {name} could not be written: {failed.reason}", reason_code=failed.reason_code)
    return Refusal(
        reason=f"the process that wrote the checkpoint of {name} ended with status {status}", reason_code=ReasonCode.EXITED
    )
