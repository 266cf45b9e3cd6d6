"""The recipe: what happens in a trial, on one screen. It is the same for every task; steps, probes and tasks are plugs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bench.domain.metric import Metric
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.protocol.messages import PROBE, Measure, Observed, Sampled
from bench.worker import beginning, calling, engines, metrics, opening, probes, steps, stopping
from bench.worker.clock import Clock, phase
from bench.worker.generating import decoding
from bench.worker.loads.loading import Loaded, synchronize
from bench.worker.material import feeding, masks, padding
from bench.worker.network import attention, observe, returned
from bench.worker.network.ledger import Way
from bench.worker.parallel import sharing
from bench.worker.passive import Observer
from bench.worker.probes import Cost, Subject
from bench.worker.steps import Step
from bench.worker.wire import Send

Facts = dict[str, Json]
OUTPUTS = "parity"
"""The probe that compares outputs, or leaves those of a reference."""


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Measure the case of REQUEST once, sending everything as events. Raises Refused, and what the libraries raise."""
    import torch

    requested, traits = request.case.requested, request.model.traits
    with torch.inference_mode():
        trial = opening.load(request, send, clock)
        loaded, observer = trial.loaded, trial.observer
        given = opening.prepare(trial)
        tensors, observed = given.tensors, trial.observed
        engaged = beginning.begin(trial, given)
        of_model = feeding.in_turn(
            [tuple(steps.of_model(loaded, sharing.share(one.tensors, requested), traits, requested)) for one in given.each]
        )
        of_data = feeding.in_turn([tuple(steps.of_data(one.decode, one.process, one.move)) for one in given.each])

        with attention.kernel(str(requested["attention"])), engaged.running():
            observed |= first_call(of_model, loaded, tensors, traits, observer, send)
            observed |= masks.arrived(requested, observed)
            observed |= engaged.observe()
            observed |= observe.spell_as_requested(requested, observed)
            send(Observed(facts=observed))
            observe.refuse_differences(requested, observed)
            opening.send_all(padding.waste(tensors, observed, [one.tensors for one in given.others]), send)
            timed = (*of_data, *of_model, *steps.of_retrieval(given.matrix))
            with observer.disturbances():
                for step in () if request.outputs_only else timed:
                    sample(step, trial)
            opening.send_all(engaged.sampled(), send)
            way = Way(
                loaded=loaded, traits=traits, requested=requested,
                decode=given.decode, process=given.process, move=given.move_any, raw=given.raw,
            )  # fmt: skip
            if request.turns is None or request.trial == 0:  # of pairs the first is looked into, the others are timed only
                subject = trial.subject(inputs=tensors, way=way, parity=request.parity)
                send(Observed(facts=_own_passes(subject, send, clock, outputs_only=request.outputs_only)))


def _own_passes(subject: Subject, send: Send, clock: Clock, *, outputs_only: bool) -> Facts:
    """Read every probe that has a pass of its own, in a phase of its own, whose memory is nobody's figure.

    OUTPUTS_ONLY wants no other than the one that looks at the outputs.
    """
    facts: Facts = {}
    for name, probe in probes.of_cost(Cost.OWN_PASS):
        if (outputs_only and name != OUTPUTS) or (sharing.size() > 1 and name in sharing.NOT_IN_STEP):
            continue
        with phase(f"{PROBE}{name}", send, clock):
            reading = probe.read(subject)
        facts |= reading.facts
        opening.send_all(reading.samples, send)
    return facts


def first_call(
    of_model: Sequence[Step], loaded: Loaded, tensors: Mapping[str, Any], traits: frozenset[Trait], observer: Observer, send: Send
) -> Facts:
    """Call the model for the first time, timed, and read off that call what only a running model shows.

    A generator is called twice more, untimed: for the number of tokens it gives, and for what its forward alone shows.
    """
    forward = of_model[-1]
    facts, outputs = calling.called(of_model[0], loaded, observer, send)
    if Trait.GENERATES in traits:
        facts |= decoding.tokens(facts, steps.count_tokens(of_model[1]))
        forward.prepare()
        outputs = forward.run()
    return facts | observe.of_outputs(outputs, tensors) | returned.of_outputs(outputs, loaded.model)


def sample(step: Step, trial: opening.Trial) -> None:
    """Warm STEP up and measure it, each in a phase of its own, and send every sample. Where trials take turns, so do the calls."""
    procedure, device = trial.request.procedure, trial.loaded.device
    rules: Mapping[str, Callable[[Sequence[float]], str | None]] = {
        f"warmup.{step.name}": lambda times: stopping.warm(times, procedure.warmup, procedure.time_limit_s),
        f"measure.{step.name}": feeding.whole_rounds(step, lambda times: stopping.enough(times, procedure)),
    }
    for name, over in rules.items():
        times: list[float] = []
        found: dict[Metric, list[float]] = {}
        with trial.observer.phase(name) as note, engines.watched(trial.loaded, name):
            done = (note_reason := over(times)) is not None
            while not done:
                step.prepare()
                times.append(trial.observer.clock.time_s(step.run, lambda: synchronize(device)))
                for metric, values in step.values(times[-1]).items():
                    found.setdefault(metric, []).extend(values)
                note_reason = over(times)
                done = trial.turn.agree(name, enough=note_reason is not None)
            note.stopped_by = note_reason
        for metric, collected in found.items():
            trial.send(Sampled(samples=metrics.sample(metric, name, *collected)))
