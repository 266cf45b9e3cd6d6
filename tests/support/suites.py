"""Suites as files, and what is known of models without any file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench import workflow
from bench.domain.errors import SuiteError
from bench.domain.model import Kind, ModelFacts, ModelRef
from bench.domain.plan import Plan, Suite
from bench.domain.scenario import Scenario
from bench.domain.task import Trait
from bench.domain.values import Json

TEXT = frozenset({Trait.TEXT})
GENERATES = frozenset({Trait.TEXT, Trait.GENERATES})
IMAGE = frozenset({Trait.IMAGE})
HEAD = "version: 1\nname: x\nmodels: [tiny-gpt2]\n"
"""The three lines that every suite has."""


def a_file(folder: Path, text: str, name: str = "x.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def planned(file: Path, **options: bool) -> Plan:
    """Draw up the plan of the suite in FILE, as the commands do."""
    return workflow.draw_up(workflow.read_suites([file], **options))


def problems(folder: Path, text: str, **options: bool) -> list[tuple[int, str]]:
    """Give line and sentence of everything that is wrong with the suite TEXT."""
    try:
        planned(a_file(folder, text), **options)
    except SuiteError as error:
        return [(problem.line, problem.what) for problem in error.problems]
    return []


def facts(name: str = "a", traits: frozenset[Trait] = GENERATES, task: str = "text-generation", **changes: object) -> ModelFacts:
    """Give what is known of a model that nobody has to have."""
    ref = ModelRef(kind=Kind.PRESET, name=name, where=name)
    plain = ModelFacts(ref=ref, task=task, content=f"content of {name}", traits=traits, parameters=1000, weight_bytes=4000)
    return replace(plain, **changes)  # type: ignore[arg-type]


def a_matrix(
    models: Sequence[ModelFacts] = (),
    include: Sequence[Mapping[str, Json]] = (),
    exclude: Sequence[Mapping[str, Json]] = (),
    reference: Mapping[str, Json] | None = None,
    scenario: Scenario = Scenario.INFERENCE,
    **axes: Sequence[Json],
) -> Suite:
    """Give a suite with these AXES and selections over MODELS."""
    return Suite(
        file="x.yaml",
        name="x",
        models=tuple(model.ref for model in models),
        axes={name: tuple(values) for name, values in axes.items()},
        include=tuple(include),
        exclude=tuple(exclude),
        reference=reference,
        scenario=scenario,
    )
