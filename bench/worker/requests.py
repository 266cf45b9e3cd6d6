"""From a request to its last event: the worker's outermost frame, where every failure becomes a typed outcome."""

import traceback

from bench.domain.outcome import Outcome
from bench.protocol.messages import Build, Finished, Measure, Request
from bench.worker import failures
from bench.worker.clock import Clock
from bench.worker.wire import Send


def carry_out(request: Request, send: Send) -> int:
    """Carry REQUEST out, sending its events, and give the exit code of the process: 0, or 1 where it failed."""
    try:
        if isinstance(request, Build):
            _build(request)
        else:
            _measure(request, send)
    except Exception as error:  # noqa: BLE001 -- nothing may leave a worker but a typed outcome
        failed = failures.classify(error)
        if failed.outcome is Outcome.ERROR:
            traceback.print_exc()
        send(failed)
        return 1
    send(Finished())
    return 0


def _build(request: Build) -> None:
    from pathlib import Path

    from bench.models import presets
    from bench.worker import building

    building.write(presets.find(request.preset), request.task, Path(request.out), request.seed)


def _measure(request: Measure, send: Send) -> None:
    from bench.worker import recipe

    recipe.measure(request, send, Clock())
