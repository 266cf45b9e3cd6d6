"""The ledger of a case: that of one request, so that its stages and residual sum to the whole.

Summaries of stages over passes or trials would not sum: the ledger shown is that of the median pass of the median trial.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.analysis.stage_rates import rates
from bench.domain.metric import Samples
from bench.domain.record import Record
from bench.domain.summary import Ledger, Stage, place_of
from bench.domain.values import Json

WATCHED = "ledger"
"""Passes with hooks: a sample of the whole a pass, and of each stage and part; the n-th of each are of the n-th pass."""
MISSING = "ledger_not_observed"
"""The fact of a trial with the stages that its model has modules for, none of which was called."""
ITEMS = "ledger_items"
"""The fact of a trial with the items of one request."""
PLAIN = "ledger.plain"
"""The same passes without hooks, alternating with those."""


@dataclass(slots=True)
class _Passes:
    """The passes of one trial: the whole of each, and of each stage (`processor`) or part of one (`processor/image`)."""

    whole: list[float] = field(default_factory=list)
    facts: Mapping[str, Json] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    pieces: dict[str, list[float]] = field(default_factory=dict)

    def take(self, some: Samples) -> None:
        """Add SOME samples."""
        (self.whole if some.part is None else self.pieces.setdefault(some.part, [])).extend(some.values)


def ledger(trials: Sequence[Record]) -> Ledger | None:
    """Give the ledger of TRIALS, the finished ones of a case; None where none of them has stages."""
    found = [passes for trial in trials if (passes := _passes(trial)) is not None]
    if not found:
        return None
    middle = _middle([_value(passes) for passes in found])
    return _of_pass(found[middle], _middle(found[middle].whole))


def _passes(trial: Record) -> _Passes | None:
    passes = _Passes(facts=trial.observed, missing=_missing(trial))
    for some in trial.samples:
        if some.metric.name == WATCHED:
            passes.take(some)
    return passes if passes.whole and passes.pieces else None


def _missing(trial: Record) -> tuple[str, ...]:
    said = trial.observed.get(MISSING)
    return tuple(stage for stage in said if isinstance(stage, str)) if isinstance(said, list) else ()


def _value(passes: _Passes) -> float:
    return passes.whole[_middle(passes.whole)]


def _middle(values: Sequence[float]) -> int:
    """Give the place of the median of VALUES, the lower of two, so that it is one that occurred."""
    return sorted(range(len(values)), key=lambda place: values[place])[(len(values) - 1) // 2]


def _of_pass(passes: _Passes, number: int) -> Ledger:
    seconds = {name: values[number] for name, values in passes.pieces.items()}
    per_second = rates(passes.facts, seconds)
    stages = tuple(
        Stage(
            name=name,
            seconds=seconds[name],
            parts=_parts(name, seconds),
            rates=tuple(rate for piece, some in per_second.items() if piece.partition("/")[0] == name for rate in some),
        )
        for name in sorted(seconds, key=place_of)
        if "/" not in name
    )
    whole = passes.whole[number]
    missing = sorted({stage for stage in passes.missing if stage not in seconds}, key=place_of)
    rest = whole - sum(stage.seconds for stage in stages)
    items = passes.facts.get(ITEMS)
    return Ledger(
        stages=stages,
        end_to_end_s=whole,
        residual_s=rest,
        not_observed=tuple(missing),
        items=items if isinstance(items, int) else None,
    )


def _parts(stage: str, seconds: Mapping[str, float]) -> dict[str, float]:
    return {name.partition("/")[2]: value for name, value in seconds.items() if name.startswith(f"{stage}/")}
