"""The load path alone, many times: each load begins in the state asked for and ends with the first touch; nothing is computed.

The first load of a process imports the class and is kept apart as what it is; those after it are what loading costs a process
that has loaded before. Before each, the model of the one before is let go, so that nothing maps its files.
"""

import gc
from dataclasses import replace
from pathlib import Path

from bench.domain.metric import Metric
from bench.domain.model import ModelRef
from bench.domain.procedure import PageCache
from bench.domain.values import Json
from bench.protocol.messages import Measure, Observed
from bench.worker import metrics, opening, recipe, tasks
from bench.worker.clock import Clock
from bench.worker.host import page_cache
from bench.worker.loads import asking, formats, loading
from bench.worker.loads.loading import Loaded
from bench.worker.network import observe
from bench.worker.steps import Step, Values
from bench.worker.wire import Send

_ONCE = "import"
"""A stage that a process goes through once."""


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Load the model of REQUEST again and again, sending every stage of every load.

    Raises Refused, and what the libraries raise.
    """
    import torch

    asked = str(request.case.requested["format"])
    with torch.inference_mode(), formats.converted(loading.folder_of(request.model), asked) as folder:
        _measure(_settled(request, folder), folder, send, clock)


def _settled(request: Measure, folder: Path) -> Measure:
    """Give REQUEST as loading takes it: from FOLDER, with the page cache of its case, and no word where the library decides."""
    decided = {("mmap", "auto"), (asking.AXIS, "auto")}
    requested = {name: value for name, value in request.case.requested.items() if (name, value) not in decided}
    state = str(requested["page_cache"])
    return replace(
        request,
        case=replace(request.case, requested=requested),
        model=replace(request.model, folder=str(folder), ref=_readable(request, folder)),
        page_cache=PageCache.UNSET if state == "auto" else PageCache(state),
    )


def _readable(request: Measure, folder: Path) -> ModelRef:
    """Let what this tool pickled itself be loaded: its weights are the ones that the suite loads anyway."""
    ref = request.model.ref
    return replace(ref, allow_pickle=True) if str(folder) != request.model.folder else ref


def _measure(request: Measure, folder: Path, send: Send, clock: Clock) -> None:
    answers: dict[str, Json] = {}
    with asking.answers(request.case.requested, answers):
        trial = opening.load(request, send, clock)
    trial.observed |= {"format": formats.of(folder), **answers}
    trial.observed |= observe.spell_as_requested(trial.requested, trial.observed)
    send(Observed(facts=trial.observed))
    asking.refuse_unasked(trial.requested, trial.observed)
    observe.refuse_differences(trial.requested, trial.observed)
    trial.loaded = replace(trial.loaded, model=None, processor=None)
    again = _Again(request, folder)
    with trial.observer.disturbances():
        recipe.sample(Step(name="load", run=again.load, prepare=again.let_go, read=again.values), trial)


class _Again:
    """Loads the model of REQUEST from FOLDER as often as it is asked to."""

    def __init__(self, request: Measure, folder: Path) -> None:
        self._request, self._folder = request, folder
        self._task = tasks.find(request.model.task).TASK
        self._loaded: Loaded | None = None

    def let_go(self) -> None:
        """Let the model go and bring the page cache into its state."""
        self._loaded = None
        gc.collect()
        page_cache.prepare(self._folder, self._request.page_cache)

    def load(self) -> None:
        """Load once."""
        self._loaded = loading.load(self._request.model, self._task, self._request.case.requested)

    def values(self) -> Values:
        """Give the stages of the last load, its total, and what no stage accounts for."""
        loaded = self._loaded
        if loaded is None:
            return {}
        stages: dict[Metric, tuple[float, ...]] = {
            metrics.seconds(f"load.{stage}"): (seconds,) for stage, seconds in loaded.stage_s.items() if stage != _ONCE
        }
        rest = loaded.total_s - sum(loaded.stage_s.values())
        return {**stages, metrics.LOAD_TOTAL: (loaded.total_s,), metrics.LOAD_UNATTRIBUTED: (rest,)}
