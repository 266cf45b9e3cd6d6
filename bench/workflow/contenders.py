"""The two sides of an A/B run before anything is measured: settings, the plans under them, and the sampling plan of pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bench.domain.errors import UsageError
from bench.domain.scenario import Scenario
from bench.domain.values import Json

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.domain.plan import Plan, PlannedCase
    from bench.domain.procedure import Procedure
    from bench.execution.pairs import Couple
    from bench.planning.plans import Filter, Source

MOST_CALLS = 100
"""Calls of a step in one trial of a pair: what a pair tells hardly grows with more."""
WARM_CALLS = 4
"""Calls before the first that counts, where the suite leaves their number to the trial: warming up is common to both sides."""
SHORT, LONG = 0.4, 2.0
"""What pairs up to the first look, and later ones, take of the suite's min_seconds a step: clear cases end at that look, and of the
others the midmean of few calls would be most of what pairs scatter by (docs/verdicts.md). The first ones take that share of
min_iterations too, which is what slow steps last for."""
IN_TURN = frozenset({Scenario.INFERENCE, Scenario.TRAIN_STEP, Scenario.DATA, Scenario.LOAD})
"""Scenarios that repeat a step, between whose calls the other side can have its turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What makes a side: its interpreter, environment variables on top of the caller's, and axes that it sets."""

    python: str
    env: Mapping[str, str] = field(default_factory=dict)
    axes: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One side before it is measured: its setting, and its plan under it."""

    setting: Setting
    plan: "Plan"


def contender(sources: "Sequence[Source]", setting: Setting, wanted: "Filter") -> Contender:
    """Plan the cases of SOURCES that are WANTED as SETTING has them. Raises SuiteError, UsageError."""
    from bench.planning.settings import with_settings
    from bench.workflow.plans import draw_up

    return Contender(setting=setting, plan=draw_up(with_settings(sources, setting.axes), wanted))


def couples(base: Contender, head: Contender) -> "list[Couple]":
    """Set the cases of both sides beside each other, with the sampling plan of pairs. Raises UsageError."""
    from bench.execution.pairs import Couple
    from bench.planning import settings

    axes = {*base.setting.axes, *head.setting.axes}
    found = [Couple(base=_for_pairs(one), head=_for_pairs(other)) for one, other in settings.couples(base.plan, head.plan, axes)]
    for planned in (planned for couple in found for planned in (couple.base, couple.head)):
        if planned.suite.scenario not in IN_TURN:
            raise UsageError(
                f"{planned.case.label}: scenario {planned.suite.scenario} is not made of calls that two sides could make in turn: "
                "run both by bench run, and bench compare them"
            )
        if planned.case.requested.get("environment", "this") != "this":
            raise UsageError(f"{planned.case.label}: the sides of an A/B run are its environments: name them by --base and --head")
    return found


def _for_pairs(planned: "PlannedCase") -> "PlannedCase":
    """Give the case with the sampling plan of pairs: 8 to 24, and no more calls in a trial than tell something."""
    from bench.analysis.paired import LOOKS
    from bench.domain.procedure import Warmup

    procedure = planned.suite.procedure
    own = replace(
        procedure,
        trials=LOOKS[0],
        max_trials=LOOKS[-1],
        max_iterations=min(procedure.max_iterations, MOST_CALLS),
        min_iterations=min(procedure.min_iterations, MOST_CALLS),
        warmup=Warmup(iterations=WARM_CALLS) if procedure.warmup == Warmup() else procedure.warmup,
    )
    return replace(planned, suite=replace(planned.suite, procedure=own))


def of_pair(procedure: "Procedure", number: int) -> "Procedure":
    """Give the sampling plan of pair NUMBER."""
    from bench.analysis.paired import LOOKS

    if number >= LOOKS[0]:
        return replace(procedure, min_seconds=procedure.min_seconds * LONG)
    calls = max(1, round(procedure.min_iterations * SHORT))
    return replace(procedure, min_seconds=procedure.min_seconds * SHORT, min_iterations=calls)
