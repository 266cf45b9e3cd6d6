"""Builders of what the rooms between a suite and a record work with: cases, models, requests, trials."""

from dataclasses import replace
from pathlib import Path

from bench.domain.axes import AXES
from bench.domain.model import Kind, ModelFacts, ModelRef
from bench.domain.plan import Case, PlannedCase, Suite, Trial
from bench.domain.procedure import Limits, PageCache, Procedure, Warmup
from bench.domain.scenario import Scenario
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.protocol.messages import Measure

TEXT_GENERATION = frozenset({Trait.TEXT, Trait.GENERATES})


def requested_of(traits: frozenset[Trait], **axes: Json) -> dict[str, Json]:
    """Fill in every axis that applies to TRAITS, AXES first."""
    applying = {axis.name: axis.default for axis in AXES if axis.applies(traits, Scenario.INFERENCE)}
    return {"model": "tiny-gpt2", "task": "text-generation", "scenario": "inference", **applying, **axes}


def a_planned_case(name: str = "tiny-gpt2", **axes: Json) -> Case:
    return Case(id=f"{name}-id", label=name, requested=requested_of(TEXT_GENERATION, **axes))


def a_model(
    name: str = "tiny-gpt2",
    *,
    task: str = "text-generation",
    traits: frozenset[Trait] = TEXT_GENERATION,
    folder: Path | None = None,
) -> ModelFacts:
    ref = ModelRef(kind=Kind.PRESET, name=name, where=name)
    return ModelFacts(ref=ref, task=task, content="content", folder=None if folder is None else str(folder), traits=traits)


def quick(**changes: object) -> Procedure:
    """Give a procedure of as few calls as the rules allow."""
    few = Procedure(trials=1, max_trials=1, warmup=Warmup(iterations=1), min_iterations=3, max_iterations=3, min_seconds=0.0)
    return replace(few, **changes)  # type: ignore[arg-type]


def a_request(model: ModelFacts | None = None, **axes: Json) -> Measure:
    chosen = a_model() if model is None else model
    requested = {**requested_of(chosen.traits, **axes), "model": chosen.ref.name, "task": chosen.task}
    if chosen.ref.submodel is not None:
        requested["submodel"] = chosen.ref.submodel.value
    return Measure(
        case=Case(id="id", label=chosen.ref.name, requested=requested),
        model=chosen,
        procedure=quick(),
        page_cache=PageCache.UNSET,
        limits=Limits(),
        trial=0,
    )


def a_suite(**changes: object) -> Suite:
    plain = Suite(file="suites/x.yaml", name="x", models=(ModelRef(kind=Kind.PRESET, name="tiny-gpt2", where="tiny-gpt2"),))
    return replace(plain, **changes)  # type: ignore[arg-type]


def a_trial(number: int = 0, *, nursery: int = 0, suite: Suite | None = None, case: Case | None = None) -> Trial:
    planned = PlannedCase(case=case or a_planned_case(), model=a_model(), suite=suite or a_suite())
    return Trial(planned=planned, number=number, nursery=nursery)
