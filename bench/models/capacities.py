"""Whether a capacity can be sought at all: only of an axis that the model uses."""

from collections.abc import Mapping

from bench.domain.axes import BY_NAME
from bench.domain.model import ModelFacts
from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.scenario import Scenario
from bench.domain.values import Json


def check_capacity(facts: ModelFacts, requested: Mapping[str, Json]) -> Refusal | None:
    """Refuse a capacity over an axis that the model of FACTS does not use; None where there is nothing against it."""
    asked = requested.get("capacity")
    over = asked.get("over") if isinstance(asked, Mapping) else None
    if not isinstance(over, str) or BY_NAME[over].applies(facts.traits, Scenario.CAPACITY):
        return None
    reason = f"capacity over {over}: {facts.ref.name} does not use {over} in {facts.task}"
    return Refusal(reason=reason, reason_code=ReasonCode.INPUT_MISMATCH)
