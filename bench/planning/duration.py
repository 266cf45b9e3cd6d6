"""How long a plan may take: a guess from parameter counts, good for deciding between coffee and lunch.

The speeds are those of a small machine without an accelerator. Live progress replaces the guess by what trials really took.
"""

from collections.abc import Sequence

from bench.domain import lengths
from bench.domain.plan import PlannedCase
from bench.domain.procedure import Procedure
from bench.domain.task import Trait

_FLOPS = 1e11
_BYTES_PER_S = 1e10
_LEAST_CALL_S = 0.003
_FORK_S = 0.3
_NURSERY_S = 10.0
_TOKENS_OF_AN_IMAGE = 200
_WARMUP_CALLS = 10
_WARMUP_CAP_S = 5.0
_SHARE = 0.15
_LOOKED_AT = 1000


def expected_s(cases: Sequence[PlannedCase]) -> float | None:
    """Guess the seconds that CASES take, from a thousand of them spread evenly; None where the size of a model is not known."""
    total = 0.0
    looked_at = cases[:: max(len(cases) // _LOOKED_AT, 1)]
    for planned in looked_at:
        one = trial_s(planned)
        if one is None:
            return None
        total += one * planned.suite.procedure.trials
    return _NURSERY_S + total * len(cases) / len(looked_at) if cases else 0.0


def trial_s(planned: PlannedCase) -> float | None:
    """Guess the seconds of one trial: 2 FLOPs a parameter and token, and the weights read once a call."""
    facts, requested, procedure = planned.model, planned.case.requested, planned.suite.procedure
    if facts.parameters is None:
        return None
    size = facts.weight_bytes or 4 * facts.parameters
    tokens = _integer(requested.get("batch_size", 1)) * (
        lengths.longest(requested.get("prompt_tokens", 0)) + (_TOKENS_OF_AN_IMAGE if Trait.IMAGE in facts.traits else 0)
    )
    forward = max(2 * facts.parameters * tokens / _FLOPS, size / _BYTES_PER_S, _LEAST_CALL_S)
    calls = [_LEAST_CALL_S, _LEAST_CALL_S, forward]
    if Trait.GENERATES in facts.traits:
        whole = forward + _integer(requested.get("new_tokens", 1)) * max(size / _BYTES_PER_S, _LEAST_CALL_S)
        calls += [whole, whole]
    return min(_FORK_S + size / _BYTES_PER_S + sum(_sampled_s(call, procedure) for call in calls), procedure.time_limit_s)


def _sampled_s(call_s: float, procedure: Procedure) -> float:
    """Give the seconds that warm-up and sampling of a step of CALL_S take."""
    warmup = procedure.warmup.seconds or (procedure.warmup.iterations or _WARMUP_CALLS) * call_s
    measured = max(procedure.min_iterations * call_s, procedure.min_seconds)
    return min(warmup, max(_WARMUP_CAP_S, 2 * call_s)) + min(measured, max(_SHARE * procedure.time_limit_s, 3 * call_s))


def _integer(value: object) -> int:
    return value if isinstance(value, int) else 1
