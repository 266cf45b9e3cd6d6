"""The first call of a trial: timed apart, and read off it what only a running model shows."""

from contextlib import ExitStack
from typing import Any

from bench.domain.task import Trait
from bench.domain.values import Json
from bench.protocol.messages import Observed, Sampled
from bench.worker import metrics, opening
from bench.worker.failures import Refused
from bench.worker.generating import decoding
from bench.worker.loads import placement
from bench.worker.loads.loading import Loaded, synchronize
from bench.worker.network import experts, observe
from bench.worker.parallel import sharing
from bench.worker.passive import Observer
from bench.worker.precision import casting, quantizing
from bench.worker.steps import Step
from bench.worker.wire import Send


def called(step: Step, loaded: Loaded, observer: Observer, send: Send) -> tuple[dict[str, Json], Any]:
    """Make the first call, one of STEP, and give what was seen of the model in it, and its outputs.

    Raises Refused where the model's own code does not go together with what was asked for.
    """
    facts: dict[str, Json] = {}
    outputs: list[Any] = []
    looking = (observe.riding_along(loaded, facts), decoding.seen(loaded, facts), experts.seen(loaded.model, facts))
    step.prepare()
    with observer.phase("first_call"), ExitStack() as seen:
        for one in looking:
            seen.enter_context(one)
        try:
            wall_s = observer.clock.time_s(lambda: outputs.append(step.run()), lambda: synchronize(loaded.device))
        except Exception as error:
            answer = _answer(error, loaded)
            if answer is None:
                raise
            raise answer from error
    send(Sampled(samples=metrics.sample(metrics.FIRST_CALL, "first_call", wall_s)))
    return facts, outputs[-1]


def _answer(error: Exception, loaded: Loaded) -> Refused | None:
    """Make an answer of an ERROR of LOADED's own code that what was asked for explains; else None."""
    for one in (quantizing.answer, casting.answer, sharing.answer):
        found = one(error, loaded.model, loaded.asked)
        if found is not None:
            return found
    return placement.answer(error, loaded.model)


def first(of_model: tuple[Step, ...], trial: opening.Trial) -> None:
    """Call TRIAL's model once, by the first of its steps OF_MODEL that tells what it gave, and send what was observed.

    That is all that a trial needs which is not about speed. Raises Refused where it is not what was asked. A generation that tells
    of its tokens needs the memory of one that does not.
    """
    generates = Trait.GENERATES in trial.traits
    step = of_model[1] if generates else of_model[0]
    facts, _ = called(step, trial.loaded, trial.observer, trial.send)
    if generates:
        facts |= decoding.tokens(facts, sum(len(samples) for samples in step.read().values()))
    trial.observed |= facts
    trial.observed |= observe.spell_as_requested(trial.requested, trial.observed)
    trial.send(Observed(facts=trial.observed))
    observe.refuse_differences(trial.requested, trial.observed)
