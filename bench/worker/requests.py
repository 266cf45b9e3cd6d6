"""From a request to its last event: the worker's outermost frame, where every failure becomes a typed outcome."""

import traceback
from collections.abc import Mapping
from importlib import import_module
from typing import cast

from bench.domain.outcome import Outcome
from bench.domain.values import Json
from bench.protocol.messages import (
    Build,
    Describe,
    DescribeModel,
    Environment,
    Finished,
    MatchNames,
    Measure,
    Observed,
    decode_request,
)
from bench.worker import failures
from bench.worker.clock import Clock
from bench.worker.wire import Send


def make_ready() -> None:
    """Import what requests are carried out with, so that a nursery has it and no child imports it again."""
    from bench.worker import engines, probes, quantization, recipe, scenarios, tasks
    from bench.worker.abroad import measuring

    del recipe, measuring
    for folder in (engines, probes, quantization, scenarios, tasks):
        for name in folder.names():
            import_module(f"{folder.__name__}.{name.replace('-', '_')}")


def carry_out(line: str, send: Send) -> int:
    """Carry the request on LINE out, sending its events, and give the exit code of the process: 0, or 1 where it failed."""
    try:
        match request := decode_request(line):
            case Build():
                _build(request)
            case Describe():
                _describe(send)
            case DescribeModel():
                _describe_model(request, send)
            case MatchNames():
                _match_names(request, send)
            case Measure():
                _measure(request, send)
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- nothing may leave a worker but a typed outcome
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


def _describe(send: Send) -> None:
    from bench.worker.host import machine

    send(Environment(facts=machine.facts()))


def _describe_model(request: DescribeModel, send: Send) -> None:
    from bench.protocol.codec import to_json
    from bench.worker.network import description

    send(Observed(facts=cast("Mapping[str, Json]", to_json(description.of_facts(request.model)))))


def _match_names(request: MatchNames, send: Send) -> None:
    from bench.worker.learning import patterns

    send(Observed(facts=patterns.unmatched(request.model, request.patterns)))


def _measure(request: Measure, send: Send) -> None:
    """Measure as the case's scenario does. One that this version does not have is refused by the recipe, as it opens the trial."""
    from bench.worker import engines, recipe, scenarios
    from bench.worker.abroad import handing
    from bench.worker.host import reach
    from bench.worker.network import alone
    from bench.worker.parallel import ranks

    if request.handed is not None and request.handed.leave:
        handing.leave(request, request.handed, send)
        return
    if (own := engines.recipe_of(request.case.requested)) is not None:
        own(request, send, Clock())
        return
    reach.refuse()
    if request.model.ref.submodel is not None:
        alone.measure(request, send, Clock())
        return
    asked = str(request.case.requested["scenario"])
    measure = scenarios.find(asked).measure if asked in scenarios.names() else recipe.measure
    if ranks.count(request.case.requested) > 1:
        ranks.measure(request, send, measure)
        return
    measure(request, send, Clock())
