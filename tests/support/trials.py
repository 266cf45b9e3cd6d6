"""Trials of small presets in a real worker: what tests of the worker begin with, and what they look at afterwards."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.domain.metric import Samples
from bench.domain.model import Kind, ModelFacts, ModelRef, Submodel
from bench.domain.procedure import StartMethod
from bench.domain.values import Json
from bench.execution.executors.local import Local
from bench.models import facts
from bench.protocol.messages import Build, Failed, Finished, Measure, Observed, Sampled
from bench.worker import tasks
from tests.support.cases import a_request

LIMIT_S = 120.0


@contextmanager
def opened() -> Iterator[Local]:
    """Have one nursery while the block runs."""
    executor = Local()
    executor.open(1, StartMethod.NURSERY)
    try:
        yield executor
    finally:
        executor.close()


def built(executor: Local, folder: Path, name: str, task: str, submodel: Submodel | None = None) -> ModelFacts:
    """Write the preset for the task into FOLDER, once, and give what is known of it."""
    out = folder / f"{name}-{task}"
    if not out.exists():
        events = list(executor.ask(Build(preset=name, task=task, out=str(out)), 0, LIMIT_S, None))
        assert any(isinstance(event, Finished) for event in events), executor.stderr_tail()
    found = facts.find(ModelRef(kind=Kind.PRESET, name=name, where=name, task=task, submodel=submodel), tasks.declared())
    return replace(found, folder=str(out))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a trial told: its last word, what was observed, and all samples."""

    word: Finished | Failed
    observed: Mapping[str, Json]
    samples: tuple[Samples, ...]

    @property
    def metrics(self) -> set[str]:
        return {some.metric.name for some in self.samples}

    def amounts(self, name: str) -> dict[str | None, float]:
        """Give the first value of the metric NAME by part."""
        return {some.part: some.values[0] for some in self.samples if some.metric.name == name}


def measured(executor: Local, model: ModelFacts, **axes: Json) -> Told:
    """Measure MODEL with few calls, on one thread, with those of AXES that apply to it."""
    plain = a_request(model)
    applying = plain.case.requested
    wanted: dict[str, Json] = {"threads": 1, **axes}
    return told(executor, a_request(model, **{name: value for name, value in wanted.items() if name in applying}))


def told(executor: Local, request: Measure) -> Told:
    events = list(executor.ask(request, 0, LIMIT_S, None))
    (word,) = [event for event in events if isinstance(event, Finished | Failed)]
    return Told(
        word=word,
        observed={name: value for event in events if isinstance(event, Observed) for name, value in event.facts.items()},
        samples=tuple(event.samples for event in events if isinstance(event, Sampled)),
    )
