"""Suites become a plan: what is said in a file, what is known of its models, and which cases come of both."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.domain.errors import Problem, SuiteError, UsageError
from bench.domain.outcome import Refusal
from bench.domain.values import Json

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.domain.metric import Metric
    from bench.domain.model import ModelFacts
    from bench.domain.plan import Plan, Suite
    from bench.planning.plans import Filter, Source


_DECIDE = (
    "scenario", "submodel", "engine", "ranks", "parallel", "cache", "depth", "quantization", "device", "dtype", "environment",
    "capacity", "step",
)  # fmt: skip
"""What it depends on whether a case can run at all, lengths apart: the cases of a large plan differ in other axes than these."""


def read_suites(files: Sequence[Path], *, allow_floating: bool = False) -> "tuple[Source, ...]":
    """Read FILES and find their models. Raises SuiteError with the problems of all of them, UsageError where one is unreadable."""
    from bench.planning import data_sets
    from bench.planning.plans import Source
    from bench.planning.suites import load

    sources: list[Source] = []
    problems: list[Problem] = []
    for file in files:
        try:
            suite, draft = load(file, allow_floating=allow_floating)
            models = tuple(_find(suite, index, draft.complain, draft.root) for index in range(len(suite.models)))
            for finding in _of_gate(suite, draft.root):
                draft.complain(*finding)
            draft.problems.extend(data_sets.unfit(suite, [model for model in models if model is not None]))
            draft.settle()
        except SuiteError as error:
            problems.extend(error.problems)
        else:
            sources.append(Source(suite=suite, draft=draft, models=tuple(model for model in models if model is not None)))
    if problems:
        raise SuiteError(tuple(problems))
    return tuple(sources)


def _find(suite: "Suite", index: int, complain: Callable[[int, str], None], root: object) -> "ModelFacts | None":
    """Find what is known of model INDEX of SUITE; what the suite says wrongly of it becomes a problem of its line."""
    from bench.models import facts
    from bench.planning.tree import Node
    from bench.worker import tasks

    try:
        return facts.find(suite.models[index], tasks.declared())
    except UsageError as error:
        complain(root.line_of(("models", index)) if isinstance(root, Node) else 1, str(error))
        return None


def _of_gate(suite: "Suite", root: object) -> "Iterator[tuple[int, str]]":
    """Give what SUITE says wrongly of its gate, with its line."""
    from bench.analysis.compare import RATES
    from bench.planning import gate
    from bench.planning.tree import Node

    if suite.gate is not None and isinstance(root, Node):
        yield from gate.findings(suite.gate, root, _compared(), RATES)


def _compared() -> "Mapping[str, Metric]":
    """Give every metric that a comparison may have a row of, by its name."""
    from bench.analysis import compare, derive
    from bench.domain.metric import Metric
    from bench.domain.task import Trait
    from bench.execution import watch
    from bench.worker import metrics
    from bench.worker.loads import loading

    declared = [one for module in (metrics, watch) for one in vars(module).values() if isinstance(one, Metric)]
    stages = [metrics.seconds(f"load.{stage}") for stage in loading.STAGES]
    counted = ("prompt", "new", "decoder", Trait.IMAGE.value, Trait.VIDEO.value, Trait.AUDIO.value)
    tokens = [compare.count(f"{compare.TOKENS}{what}_tokens") for what in counted]
    derived = [rule.metric for rule in derive.RULES if not rule.is_rate]
    return {one.name: one for one in (*declared, *stages, *tokens, *derived)}


def draw_up(sources: "Sequence[Source]", wanted: "Filter | None" = None, *, compared: bool = True) -> "Plan":
    """Draw up the plan of SOURCES; with COMPARED each case has its reference. Raises SuiteError where selections make no sense."""
    from bench.planning import plans

    return plans.draw_up(sources, _judge(), wanted or plans.Filter(), compared=compared)


def _judge() -> "Callable[[ModelFacts, Mapping[str, Json]], Refusal | None]":
    """Give what says why a case cannot run, before anything is loaded: the model, then the version, then the lengths."""
    from bench.models.capacities import check_capacity
    from bench.models.labels import check_labels
    from bench.models.limits import check_limits
    from bench.worker import built
    from bench.worker.precision import wanting

    judged: dict[object, Refusal | None] = {}

    def apart_from_lengths(facts: "ModelFacts", requested: Mapping[str, Json]) -> Refusal | None:
        lacking = built.refusal(requested) or wanting.refusal(requested, facts.notes.get("quantization"))
        return lacking or check_capacity(facts, requested) or check_labels(facts, requested)

    def judge(facts: "ModelFacts", requested: Mapping[str, Json]) -> Refusal | None:
        if facts.refusals:
            return facts.refusals[0]
        key = (facts.content, facts.task, *map(requested.get, _DECIDE))
        try:
            if key not in judged:
                judged[key] = apart_from_lengths(facts, requested)
            found = judged[key]
        except TypeError:  # a mapping or a list has no hash
            found = apart_from_lengths(facts, requested)
        return found or check_limits(facts, requested)

    return judge


def expected_s(plan: "Plan") -> float | None:
    """Guess the seconds that PLAN takes; None where the size of a model is not known."""
    from bench.planning import duration

    return duration.expected_s(plan.cases)


def suite_schema() -> dict[str, Json]:
    """Give the JSON Schema of a suite."""
    from bench.planning import document

    return document.schema()
