"""One case for a long time: does memory grow, do steps become slower, does memory come back.

Memory is read between steps, exactly, at some two hundred points of the run; beside each stands the number of steps made by then
and the time of the step before it. What follows from these is computed from the record (bench/analysis/endurance.py).
"""

import gc
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.domain.metric import Metric
from bench.domain.values import Json
from bench.protocol.messages import Measure, Sampled
from bench.worker import calling, metrics, opening, steps, tasks
from bench.worker.clock import Clock
from bench.worker.host import memory
from bench.worker.loads import loading, resolving
from bench.worker.loads.loading import synchronize
from bench.worker.network import attention
from bench.worker.steps import Step
from bench.worker.wire import Send

POINTS = 200
PHASE = "measure.endurance"
_MINUTE_S = 60.0


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Call the model of REQUEST as long as its case asks, then unload it. Raises Refused, and what the libraries raise."""
    task = tasks.find(request.model.task).TASK
    resolving.resolve_class(resolving.read_config(request.model, loading.folder_of(request.model)), task)
    before = memory.exact_anonymous_bytes()  # with the class's code, which stays
    device = _go_on(request, send, clock, before)
    gc.collect()
    retained = memory.exact_anonymous_bytes() - before
    send(Sampled(samples=metrics.sample(metrics.RETAINED, "unloaded", retained)))
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()
        send(Sampled(samples=metrics.sample(metrics.DEVICE_RETAINED, "unloaded", torch.cuda.memory_allocated(device))))


def _go_on(request: Measure, send: Send, clock: Clock, baseline_bytes: int) -> str:
    """Load, call, and let everything go; give the device that it ran on."""
    import torch

    requested = request.case.requested
    with torch.inference_mode():
        trial = opening.load(request, send, clock)
        given = opening.prepare(trial)
        of_model = tuple(steps.of_model(trial.loaded, given.tensors, trial.traits, requested))
        with attention.kernel(str(requested["attention"])):
            calling.first(of_model, trial)
            with trial.observer.disturbances(), trial.observer.phase(PHASE) as note:
                points = Points(device=trial.loaded.device, clock=clock, baseline_bytes=baseline_bytes)
                note.stopped_by = points.run(of_model[0], _asked(requested))
            for metric, values in points.found.items():
                send(Sampled(samples=metrics.sample(metric, PHASE, *values)))
            return trial.loaded.device


def _asked(requested: Mapping[str, Json]) -> Mapping[str, Json]:
    asked = requested["endurance"]
    return asked if isinstance(asked, Mapping) else {}


@dataclass(slots=True, kw_only=True)
class Points:
    """The points of a run at which something is read, spread evenly over its steps or its time."""

    device: str
    clock: Clock
    baseline_bytes: int
    found: dict[Metric, list[float]] = field(default_factory=dict)

    def run(self, step: Step, asked: Mapping[str, Json]) -> str:
        """Make STEP for the minutes or the steps that are ASKED, and say which of the two ended it."""
        count, minutes = asked.get("steps"), asked.get("minutes")
        done, begun, next_s = 0, self.clock.elapsed_s(), 0.0
        span_s = minutes * _MINUTE_S if isinstance(minutes, int | float) else float("inf")
        stride = max(count // POINTS, 1) if isinstance(count, int) else 1
        while (spent_s := self.clock.elapsed_s() - begun) < span_s and done != count:
            step.prepare()
            wall_s = self.clock.time_s(step.run, lambda: synchronize(self.device))
            done += 1
            due = spent_s >= next_s if count is None else done % stride == 0
            if due:
                next_s += span_s / POINTS if count is None else 0.0
                self._read(step, wall_s, done)
        return "count" if done == count else "seconds"

    def _read(self, step: Step, wall_s: float, done: int) -> None:
        values: dict[Metric, float] = {
            metrics.STEPS_DONE: done,
            metrics.RESTING: memory.exact_anonymous_bytes() - self.baseline_bytes,
        }
        if step.metric is not None:
            values[step.metric] = wall_s
        if self.device.startswith("cuda"):
            import torch

            values[metrics.DEVICE_RESTING] = torch.cuda.memory_allocated(self.device)
        for metric, value in values.items():
            self.found.setdefault(metric, []).append(value)
