"""Whether a suite makes sense: what no form can say, told with the line it stands in."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.domain.model import Kind, ModelRef
from bench.domain.plan import Suite
from bench.domain.scenario import Scenario
from bench.domain.values import Json, canonical
from bench.models import presets
from bench.planning import environments, particulars
from bench.planning.tree import Node
from bench.planning.wording import did_you_mean, knows, quoted, unknown

Finding = tuple[int, str]


def findings(suite: Suite, root: Node, *, allow_floating: bool) -> Iterator[Finding]:
    """Give everything in SUITE that makes no sense, with its line in the file that ROOT was read from."""
    yield from of_entries(suite, root, allow_floating=allow_floating)
    yield from particulars.findings(suite, root)


def of_entries(suite: Suite, root: Node, *, allow_floating: bool) -> Iterator[Finding]:
    """Give what can be told of each entry of SUITE, whatever others there are that may have been left out for their form."""
    for index, ref in enumerate(suite.models):
        line = root.line_of(("models", index))
        yield from ((line, said) for said in _of_model(ref, allow_floating=allow_floating))
        if ref in suite.models[:index]:
            yield line, f"model {quoted(ref.name)} is listed twice: its cases would be duplicates"
    for axis, values in suite.axes.items():
        seen: set[str] = set()
        for index, spelled in enumerate(map(canonical, values)):
            if spelled in seen:
                yield (
                    root.line_of(("axes", axis, index)),
                    f"{axis} {quoted(values[index])} is given twice: its cases would be duplicates",
                )
            seen.add(spelled)
    yield from _of_load(suite, root)
    yield from _of_selections(suite, root)
    yield from ((root.line_of_key(("procedure", key)), said) for key, said in _of_procedure(suite))
    yield from environments.findings(suite, root)


def _of_model(ref: ModelRef, *, allow_floating: bool) -> Iterator[str]:
    if not ref.name.isprintable():
        yield f"model {quoted(ref.name)} has a character that cannot be printed in its name: rename it"
        return
    if ref.kind is Kind.PRESET and ref.name not in presets.names():
        if "/" in ref.name:
            yield f"preset {quoted(ref.name)} is not known {knows(presets.names())}. A folder is written {{path: {ref.name}}}"
        else:
            yield unknown("preset", ref.name, presets.names())
    if ref.kind is Kind.PRESET and ref.task is not None and ref.name in presets.names():
        tasks = presets.find(ref.name).tasks
        if ref.task not in tasks:
            yield f"preset {quoted(ref.name)} has no task {quoted(ref.task)} {knows(tasks)}{did_you_mean(ref.task, tasks)}"
    if ref.kind is Kind.PATH and not _is_folder(ref.where):
        yield f"path {quoted(ref.name)} is no folder: {ref.where} does not exist (paths are relative to the suite's file)"
    if ref.kind is Kind.HUB and ref.revision is None and not allow_floating:
        yield (
            f"hub {quoted(ref.name)} has no revision, so that two runs could measure different weights: "
            "give the commit, or run with --allow-floating"
        )


def _of_load(suite: Suite, root: Node) -> Iterator[Finding]:
    """Say what is written both under `load` and under `axes`, of which one would be dropped."""
    if suite.scenario is not Scenario.LOAD or not isinstance(root.value, Mapping):
        return
    load, axes = (root.value.get(section) for section in ("load", "axes"))
    if not isinstance(load, Mapping) or not isinstance(axes, Mapping):
        return
    for key, said in load.items():
        if said is not None and key in axes:
            yield root.line_of_key(("load", key)), f"{key} is written under load and under axes: write it under one of them"


def _is_folder(where: str) -> bool:
    try:
        return Path(where).is_dir()
    except OSError:  # longer than the system takes a name to be, or in a folder that nobody may enter
        return False


def _of_selections(suite: Suite, root: Node) -> Iterator[Finding]:
    """Say what include, exclude and reference name that the suite does not have."""
    names = tuple(dict.fromkeys(ref.name for ref in suite.models))
    for part in ("include", "exclude"):
        entries: Sequence[Mapping[str, Json]] = getattr(suite, part)
        for index, entry in enumerate(entries):
            line = root.line_of((part, index))
            if not entry:
                yield line, f"an {part} entry names nothing: give at least one of model and the axes"
            elif entry in entries[:index]:
                yield line, f"this {part} entry is given twice"
            yield from ((line, said) for said in _of_names(part, entry, names))
    if suite.reference is not None:
        yield from ((root.line_of_key(("reference",)), said) for said in _of_names("reference", suite.reference, names))


def _of_names(part: str, entry: Mapping[str, Json], names: Sequence[str]) -> Iterator[str]:
    model = entry.get("model")
    if model is not None and model not in names:
        yield f"{part} names model {quoted(model)}, which is none of this suite's {knows(names)}{did_you_mean(model, names)}"


def _of_procedure(suite: Suite) -> Iterator[tuple[str, str]]:
    """Say where the procedure contradicts itself, by the key that would have to change."""
    plan = suite.procedure
    if plan.max_trials < plan.trials:
        yield "max_trials", f"max_trials {plan.max_trials} is less than trials, which is {plan.trials}"
    if plan.max_iterations < plan.min_iterations:
        yield "max_iterations", f"max_iterations {plan.max_iterations} is less than min_iterations, which is {plan.min_iterations}"
    for key, seconds in (("min_seconds", plan.min_seconds), ("warmup", plan.warmup.seconds or 0.0)):
        if seconds >= plan.time_limit_s:
            yield key, f"{key} of {seconds:g} s does not fit into time_limit_s, which is {plan.time_limit_s:g} s for a whole trial"
