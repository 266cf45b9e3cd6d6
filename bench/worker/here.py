"""A case in the process of a caller, such as a test: the same load, inputs, checks and steps as in a trial, timed by the caller.

What a trial settles for its whole process (threads, random state) is put back when the caller is done.
"""

import gc
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bench.domain.model import Kind, ModelFacts
from bench.domain.plan import PlannedCase
from bench.domain.procedure import Limits, Procedure
from bench.domain.values import Json
from bench.protocol.messages import Environment, Event, Measure
from bench.worker import beginning, opening, recipe, steps, stopping
from bench.worker.clock import Clock
from bench.worker.host import libraries, scratch
from bench.worker.loads import finding
from bench.worker.loads.loading import Loaded, synchronize
from bench.worker.material import masks
from bench.worker.network import attention, observe
from bench.worker.steps import Step


@dataclass(slots=True, kw_only=True)
class Opened:
    """A case that is ready to be timed: its steps by name, and what was observed of it."""

    loaded: Loaded
    steps: Mapping[str, Step]
    observed: Mapping[str, Json]
    environment: Mapping[str, Json]
    procedure: Procedure
    clock: Clock = field(default_factory=Clock)

    def call(self, step: Step) -> Callable[[], object]:
        """Give the call of STEP that is to be timed, synchronised with the device. `step.prepare` comes before each."""

        def timed() -> object:
            result = step.run()
            synchronize(self.loaded.device)
            return result

        return timed

    def warm_up(self, step: Step) -> list[float]:
        """Call STEP until it is steady, as a trial does, and give the seconds of each call."""
        times: list[float] = []
        while stopping.warm(times, self.procedure.warmup, self.procedure.time_limit_s) is None:
            step.prepare()
            times.append(self.clock.time_s(step.run, lambda: synchronize(self.loaded.device)))
        return times


@contextmanager
def opened(planned: PlannedCase) -> Iterator[Opened]:
    """Load the model of PLANNED, prepare its inputs and observe both. Raises Refused, and what the libraries raise."""
    import torch

    libraries.import_all()
    model = _on_disk(planned.model)
    events: list[Event] = []
    request = Measure(
        case=planned.case,
        model=model,
        procedure=planned.suite.procedure,
        page_cache=planned.suite.page_cache,
        limits=Limits(),
        trial=0,
    )
    with _settings_kept(), scratch.lent(), torch.inference_mode():
        trial = opening.load(request, events.append, Clock())
        given = opening.prepare(trial)
        engaged = beginning.begin(trial, given)
        of_model = tuple(steps.of_model(trial.loaded, given.tensors, trial.traits, trial.requested))
        with attention.kernel(str(trial.requested["attention"])), engaged.running():
            seen = recipe.first_call(of_model, trial.loaded, given.tensors, trial.traits, trial.observer, events.append)
            observed = {**trial.observed, **seen}
            observed |= masks.arrived(trial.requested, observed)
            observed |= engaged.observe()
            observed |= observe.spell_as_requested(trial.requested, observed)
            observe.refuse_differences(trial.requested, observed)
            every = (*steps.of_data(given.decode, given.process, given.move), *of_model, *steps.of_retrieval(given.matrix))
            yield Opened(
                loaded=trial.loaded,
                steps={step.name: step for step in every},
                observed=observed,
                environment={
                    key: value for event in events if isinstance(event, Environment) for key, value in event.facts.items()
                },
                procedure=planned.suite.procedure,
            )
    del trial, given, of_model, every
    gc.collect()


def _on_disk(model: ModelFacts) -> ModelFacts:
    """Have a preset's checkpoint written, where it is not there yet."""
    return replace(model, folder=finding.on_disk(model.ref).folder) if model.ref.kind is Kind.PRESET else model


@contextmanager
def _settings_kept() -> Iterator[None]:
    """Put threads and random states back to what the caller had."""
    import torch

    threads, drawn, state = torch.get_num_threads(), random.getstate(), torch.get_rng_state()
    arrays = _numpy_state()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
        random.setstate(drawn)
        _set_numpy_state(arrays)


def _numpy_state() -> Any:
    import numpy as np

    return np.random.get_state()  # noqa: NPY002 -- the caller's global state, whatever it is for


def _set_numpy_state(state: Any) -> None:
    import numpy as np

    np.random.set_state(state)  # noqa: NPY002 -- as above
