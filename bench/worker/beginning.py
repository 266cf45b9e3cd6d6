"""Before the first call: the draft model is loaded, what cannot be generated as asked is refused, and the engine put into place."""

from bench.worker import engines
from bench.worker.generating import drafting, generation
from bench.worker.network import experts
from bench.worker.opening import Given, Trial


def begin(trial: Trial, given: Given) -> engines.Engaged:
    """Make the model of TRIAL ready to be called with what is GIVEN, as the case asks. Raises Refused where it cannot be."""
    loaded, requested = trial.loaded, trial.requested
    generation.refuse(loaded, trial.traits, requested)
    experts.keep(loaded.model, requested)
    trial.observed |= drafting.load(loaded, requested, trial.request.procedure.seed)
    loaded.asked = requested
    work = engines.Work(
        loaded=loaded, inputs=given.tensors, traits=trial.traits, requested=requested, matched=given.matrix is not None
    )
    return engines.engage(work)
