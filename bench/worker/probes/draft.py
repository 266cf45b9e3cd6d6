"""How many of the tokens that a draft model proposes the model itself accepts, in one generation of its own."""

from typing import Any

from bench.worker.metrics import DRAFT_ACCEPTANCE, sample
from bench.worker.probes import Cost, Reading, Subject
from bench.worker.steps import generation_call

COST = Cost.OWN_PASS
PHASE = "probe.draft"


def read(subject: Subject) -> Reading:
    """Generate once and count what was proposed and what was accepted; nothing where no draft model is at work."""
    if subject.loaded.draft is None:
        return Reading()
    from unittest.mock import patch

    from transformers.generation.candidate_generator import AssistedCandidateGenerator

    proposed, accepted = [0], [0]
    propose, judge = AssistedCandidateGenerator.get_candidates, AssistedCandidateGenerator.update_candidate_strategy

    def proposing(self: Any, input_ids: Any, *more: Any, **options: Any) -> Any:
        found = propose(self, input_ids, *more, **options)
        proposed[0] += int(found[0].shape[1]) - int(input_ids.shape[1])
        return found

    def judging(self: Any, input_ids: Any, scores: Any, num_matches: Any) -> Any:
        accepted[0] += int(num_matches)
        return judge(self, input_ids, scores, num_matches)

    call = generation_call(subject.loaded, subject.inputs, subject.requested)
    call.refresh()
    with (
        patch.object(AssistedCandidateGenerator, "get_candidates", proposing),
        patch.object(AssistedCandidateGenerator, "update_candidate_strategy", judging),
    ):
        call.generate()
    facts = {"draft_proposed": proposed[0], "draft_accepted": accepted[0]}
    if not proposed[0]:
        return Reading(facts=facts)
    return Reading(samples=(sample(DRAFT_ACCEPTANCE, PHASE, accepted[0] / proposed[0]),), facts=facts)
