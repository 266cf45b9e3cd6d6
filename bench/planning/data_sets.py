"""The `data:` key of a suite: the file of items or the loader that it names, found, read and held against what the models take.

What is wrong with the file of items is told with that file's own lines; what is wrong with the suite with the suite's.
"""

import ast
import hashlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.domain.data import Data, FedStep, Source
from bench.domain.errors import Problem
from bench.domain.model import ModelFacts
from bench.domain.plan import Suite
from bench.domain.scenario import Scenario
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.models import items, labels
from bench.models.digests import Digests
from bench.planning.tree import Node

Finding = tuple[int, str]
Say = Callable[[str], None]

HELD = 1024
"""Items that a trial of scenario inference holds at most: it goes through all batches in turn."""

FEEDS = (Scenario.INFERENCE, Scenario.DATA)
"""Scenarios that a data set can feed."""

_NEEDS = {Trait.TEXT: "text", Trait.IMAGE: "image", Trait.AUDIO: "audio", Trait.VIDEO: "video"}
_MOST_TOLD = 20


def read(asked: Mapping[str, Json], folder: Path, say: Say, problems: list[Problem]) -> Data | None:
    """Find the data set that a suite in FOLDER has ASKED for; None where it cannot be had.

    What is wrong with the suite goes to SAY, what is wrong with the items to PROBLEMS.
    """
    found = _found(asked, folder, say, problems)
    return None if found is None else replace(found, step=FedStep(str(asked.get("step", FedStep.FORWARD))))


def _found(asked: Mapping[str, Json], folder: Path, say: Say, problems: list[Problem]) -> Data | None:
    file, loader = asked.get("file"), asked.get("loader")
    if (file is None) == (loader is None):
        say("data takes either file, with items as JSON, one a line, or loader, a package.module:function")
    elif loader is None:
        return _of_file(str(file), folder, asked, say, problems)
    elif "items" in asked or "absolute_paths" in asked:
        say("items and absolute_paths go with a file: a loader decides by itself what it gives")
    else:
        return _of_loader(str(loader), folder, say)
    return None


def _of_file(name: str, folder: Path, asked: Mapping[str, Json], say: Say, problems: list[Problem]) -> Data | None:
    where, most, digests = folder / name, asked.get("items"), Digests()
    absolute = asked.get("absolute_paths") == "allowed"
    told: list[Problem] = []

    def complain(line: int, what: str) -> None:
        told.append(Problem(file=str(where), line=line, what=what))

    try:
        found = items.read(where, complain, most=most if isinstance(most, int) else None, absolute=absolute)
        digest = "" if told else items.digest(found, digests)
    except (OSError, ValueError) as error:
        say(f"data file {name} cannot be read: {getattr(error, 'strerror', None) or error} (it is relative to the suite's file)")
        return None
    digests.save()
    if not found and not told:
        complain(1, 'this file has no items: give it lines such as {"text": "a line"}')
    problems.extend(told)
    data = Data(source=Source.FILE, name=name, where=str(where.absolute()), folder=str(folder.absolute()))
    return replace(data, digest=digest, items=len(found), absolute_paths=absolute)


def _of_loader(name: str, folder: Path, say: Say) -> Data | None:
    """Find the file of a loader's module without importing anything: only a worker runs it."""
    module, colon, function = name.partition(":")
    words = module.split(".")
    if not colon or not function.isidentifier() or not all(word.isidentifier() for word in words):
        say(f"loader {name} is not written package.module:function")
        return None
    file = _module_file(words, folder)
    if file is None:
        say(f"loader {name}: there is no module {module}, beside the suite's file or installed")
        return None
    try:
        text = file.read_bytes()
        names = _top_names(ast.parse(text))
    except (OSError, SyntaxError, ValueError) as error:
        say(f"loader {name}: {file} cannot be read as Python: {error}")
        return None
    if function not in names and "*" not in names:
        say(f"loader {name}: {file.name} has no function {function}")
        return None
    digest = hashlib.sha256(text).hexdigest()
    return Data(source=Source.LOADER, name=name, where=name, folder=str(folder.absolute()), digest=digest)


def _module_file(words: Sequence[str], folder: Path) -> Path | None:
    """Give the file of the module whose dotted name has WORDS: beside the suite in FOLDER, else installed."""
    places = [folder]
    try:
        found = importlib.util.find_spec(words[0])  # of the outermost package, which is found and not imported
    except (ImportError, ValueError):
        found = None
    if found is not None and found.submodule_search_locations:
        places += [Path(place).parent for place in found.submodule_search_locations]
    elif found is not None and found.origin:
        places.append(Path(found.origin).parent)
    inner = Path(*words)
    candidates = (place / end for place in places for end in (inner.with_suffix(".py"), inner / "__init__.py"))
    return next((path for path in candidates if path.is_file()), None)


def _top_names(tree: ast.Module) -> set[str]:
    """Give the names that a module may have by its text alone."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def named(suite: Suite) -> dict[str, Json]:
    """Give what every case of SUITE requests of data: its name, as written, and in scenario data what it feeds."""
    if suite.data is None:
        return {}
    fed: dict[str, Json] = {"step": suite.data.step.value} if suite.scenario is Scenario.DATA else {}
    return {"data": suite.data.name, **fed}


def known_by(suite: Suite) -> dict[str, Json]:
    """Give what stands for the data in the id of every case of SUITE: their content, whatever the path, and what they train."""
    if suite.data is None:
        return {}
    return {"data": suite.data.digest, **({"step": suite.data.step.value} if trains(suite) else {})}


def trains(suite: Suite) -> bool:
    """Tell whether the data of SUITE feed steps of training."""
    return suite.scenario is Scenario.DATA and suite.data is not None and suite.data.step is FedStep.TRAIN


def findings(suite: Suite, root: Node) -> Iterator[Finding]:
    """Give what SUITE says wrongly of its data, with its line in the file that ROOT was read from."""
    if "data" not in root.children:
        if suite.scenario is Scenario.DATA:
            yield root.line_of_key(("scenario",)), "scenario data needs data, such as data: {file: ./items.jsonl}"
        return
    line = root.line_of_key(("data",))
    if suite.scenario not in FEEDS:
        fed = " (scenario: data with step: train in data feeds training)" if suite.scenario is Scenario.TRAIN_STEP else ""
        yield line, f"data feeds scenario {' and '.join(FEEDS)}, and this suite's is {suite.scenario.value}{fed}"
    if suite.data is not None and suite.scenario is Scenario.INFERENCE:
        yield from ((line, said) for said in _of_inference(suite.data))
    most = None if suite.data is None else suite.data.items
    for index, size in enumerate(suite.axes.get("batch_size", ())):
        if most is not None and isinstance(size, int) and size > most:
            yield root.line_of(("axes", "batch_size", index)), f"batch_size {size} is more than the {most} items of the data"


def _of_inference(data: Data) -> Iterator[str]:
    if data.source is Source.LOADER:
        yield "a loader goes with scenario: data, which times what it gives"
    if data.items is not None and data.items > HELD:
        yield f"data has {data.items} items, and inference holds all that it goes through: write items: {HELD} or fewer"
    if data.step is not FedStep.FORWARD:
        yield f"step: {data.step.value} goes with scenario: data, which feeds the steps that it times"


def unfit(suite: Suite, models: Sequence[ModelFacts]) -> tuple[Problem, ...]:
    """Give the items of SUITE's data that lack what one of MODELS takes, by their lines; the first alone where all of them do."""
    data = suite.data
    if data is None or data.source is not Source.FILE:
        return ()
    found = items.read(Path(data.where), _unheard, most=data.items, absolute=data.absolute_paths, media=False)
    file, problems = str(Path(suite.file).parent / data.name), []
    for model in models:
        for trait in sorted(model.traits & _NEEDS.keys()):
            lines = [item.line for item in found if item.lacks(_NEEDS[trait])]
            told = lines[:1] if len(lines) == len(found) else lines[:_MOST_TOLD]
            said = _lacking(model, trait, len(lines) - len(told))
            problems += [Problem(file=file, line=line, what=said) for line in told]
        problems += _untold(found, file, model) if trains(suite) else []
    return tuple(dict.fromkeys(problems))


def _untold(found: Sequence[items.Item], file: str, model: ModelFacts) -> list[Problem]:
    """Give the items FOUND in FILE whose label is none that MODEL can be trained with: the first alone where all are alike."""
    said = [(item.line, what) for item in found if (what := labels.said_of(item.label, model.task)) is not None]
    alike = len(said) == len(found) and len({what for _, what in said}) == 1
    told = said[:1] if alike else said[:_MOST_TOLD]
    others = f"; nor do {len(said) - len(told)} others" if len(said) > len(told) else ""
    return [Problem(file=file, line=line, what=f"{what}{others}") for line, what in told]


def _unheard(_line: int, _what: str) -> None:
    """Tell nobody: the suite's reading told all that is wrong with the lines."""


def _lacking(model: ModelFacts, trait: Trait, others: int) -> str:
    """Say that an item lacks what MODEL takes of TRAIT, as OTHERS do that are not told."""
    names = {Trait.TEXT: ", ".join(items.TEXTS), Trait.IMAGE: "image or images"}.get(trait, trait.value)
    alike = f"; nor have {others} others" if others else ""
    return f"this item has no {names}, which {model.ref.name} takes for {model.task}{alike}"
