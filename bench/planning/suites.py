"""From a suite's file to a Suite: every problem of the file is found and told at once, each with its line."""

import hashlib
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from bench.domain.data import Data
from bench.domain.errors import Problem, SuiteError, UsageError
from bench.domain.gating import Gating, Tolerance
from bench.domain.model import Kind, ModelRef, Submodel
from bench.domain.particulars import Capacity, Endurance
from bench.domain.plan import Suite
from bench.domain.procedure import Limits, PageCache, Procedure, StartMethod, Warmup
from bench.domain.scenario import Scenario
from bench.domain.values import Json
from bench.planning import complaints, data_sets, document, forms, requests, sense, tree
from bench.planning.amounts import read_bytes, read_seconds

LARGEST = 4 << 20
"""Bytes that a suite's file may have."""


class Draft:
    """A suite while it is read: its text as a tree, and the problems found so far."""

    def __init__(self, file: str) -> None:
        """Begin with no problem."""
        self.file = file
        self.problems: list[Problem] = []
        self.root: tree.Node | None = None

    def complain(self, line: int, what: str) -> None:
        """Note a problem at LINE; the same one is noted once."""
        problem = Problem(file=self.file, line=line, what=what)
        if problem not in self.problems:
            self.problems.append(problem)

    def settle(self) -> None:
        """Raise SuiteError where there are problems, in the order of the file."""
        if self.problems:
            raise SuiteError(tuple(sorted(self.problems, key=lambda problem: (problem.file != self.file, problem.line))))


def load(path: Path, *, allow_floating: bool = False) -> tuple[Suite, Draft]:
    """Read the suite at PATH. The draft comes with it, so that what is found out later can still be told by line.

    Raises UsageError where the file cannot be read, SuiteError with all problems of its form and sense.
    """
    draft = Draft(str(path))
    data = _bytes(path)
    draft.root = tree.read(_text(data, draft), draft.complain)
    if draft.root is None:
        draft.settle()
        raise SuiteError((Problem(file=draft.file, line=1, what="the file is empty: a suite has version, name and models"),))
    form, wrong = _form(draft)
    if form is None:
        _look_further(draft, wrong, path, allow_floating=allow_floating)
        draft.settle()
    suite = _suite(cast("document.Document", form), path, hashlib.sha256(data).hexdigest())
    suite = replace(suite, data=_data(cast("document.Document", form), path, draft))
    for finding in sense.findings(suite, draft.root, allow_floating=allow_floating):
        draft.complain(*finding)
    draft.settle()
    return suite, draft


def _data(form: document.Document, path: Path, draft: Draft) -> Data | None:
    """Read the data set that the suite at PATH names; what is wrong with it goes to DRAFT."""
    root = cast("tree.Node", draft.root)
    if form.data is None:
        return None
    asked = form.data.model_dump(exclude_unset=True)
    return data_sets.read(asked, path.parent, lambda what: draft.complain(root.line_of_key(("data",)), what), draft.problems)


def _bytes(path: Path) -> bytes:
    if path.is_dir():
        told = "to go on with a run, name its suite, the folder that holds the run as --out, and --resume"
        raise UsageError(f"{path}: is a folder, not a suite's file; {told}")
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path}: a suite has at most {LARGEST >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: the suite cannot be read: {error.strerror}") from error


def _text(data: bytes, draft: Draft) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = "this is not UTF-8 text: save the file as UTF-8"
        raise SuiteError((Problem(file=draft.file, line=line, what=what),)) from error


_ENTRIES = ("axes", "include", "exclude", "reference")
"""Sections whose values may be left out one by one and leave a suite."""


def _look_further(draft: Draft, wrong: Sequence[tree.Path], path: Path, *, allow_floating: bool) -> None:
    """Complain of what makes no sense in the entries of DRAFT beside those whose form is WRONG, so that all is told at once."""
    if not wrong or any(place[0] not in _ENTRIES for place in wrong):
        return
    whole = [place if place[0] == "axes" else place[: 1 if place[0] == "reference" else 2] for place in wrong]
    root = tree.without(cast("tree.Node", draft.root), whole)
    try:
        suite = _suite(document.Document.model_validate(tree.plain(root.value)), path, "")
    except ValidationError:  # what is left is no suite either, for reasons that were told
        return
    for finding in sense.of_entries(suite, root, allow_floating=allow_floating):
        draft.complain(*finding)


def _form(draft: Draft) -> tuple[document.Document | None, Sequence[tree.Path]]:
    """Check the form; None where it is wrong, and then the draft has the problems. The places of these come with it."""
    root = cast("tree.Node", draft.root)
    if not isinstance(root.value, Mapping):
        draft.complain(root.line, "a suite is a mapping with version, name and models")
        return None, ()
    try:
        return document.Document.model_validate(tree.plain(root.value)), ()
    except ValidationError as error:
        found = list(complaints.of(error, root))
        for _, line, said in found:
            draft.complain(line, said)
        return None, [place for place, _, _ in found]


def _suite(form: document.Document, path: Path, digest: str) -> Suite:
    """Turn a checked form into the noun."""
    whole = form.model_dump(exclude_unset=True, exclude={"models"})  # a model may be of several kinds, which pydantic warns of
    sampling = form.procedure
    return Suite(
        file=str(path),
        name=form.name,
        models=tuple(_ref(entry, path.parent) for entry in form.models),
        axes={**_loads(form), **{name: tuple(values) for name, values in whole.get("axes", {}).items()}},
        include=tuple(whole.get("include", ())),
        exclude=tuple(whole.get("exclude", ())),
        reference=whole.get("reference"),
        scenario=Scenario(form.scenario),
        page_cache=PageCache(form.load.page_cache) if form.load.page_cache else PageCache.UNSET,
        mmap=form.load.mmap,
        procedure=Procedure(
            trials=sampling.trials,
            max_trials=sampling.trials if sampling.max_trials is None else sampling.max_trials,
            warmup=_warmup(sampling.warmup),
            target_interval=sampling.target_interval,
            min_iterations=sampling.min_iterations,
            max_iterations=sampling.max_iterations,
            min_seconds=sampling.min_seconds,
            time_limit_s=sampling.time_limit_s,
            order=sampling.order,
            seed=sampling.seed,
            start_method=StartMethod(sampling.start_method),
        ),
        limits=Limits(host_memory_bytes=_memory(form.limits.host_memory)),
        capacity=None if form.capacity is None else Capacity(**form.capacity.model_dump()),
        endurance=None if form.endurance is None else Endurance(**form.endurance.model_dump()),
        gate=None if form.gate is None else _gate(form.gate),
        requests=requests.of_form(form.requests, form.cache, form.slo),
        environments={name: tuple(lines) for name, lines in form.environments.items()},
        digest=digest,
        commit=_commit(path.parent),
    )


def _loads(form: document.Document) -> dict[str, tuple[Json, ...]]:
    """Give what `load` says as axes, where loading is all that is measured."""
    said: dict[str, Json] = {"page_cache": form.load.page_cache, "mmap": form.load.mmap}
    return {name: (value,) for name, value in said.items() if value is not None and form.scenario == Scenario.LOAD}


def _gate(form: forms.OfGate) -> Gating:
    metrics = {name: Tolerance(**dict(said)) for name, said in form.metrics.items()}
    return Gating(margin=form.margin, equivalence=form.equivalence, metrics=metrics)


def _warmup(rule: Json) -> Warmup:
    if isinstance(rule, int):
        return Warmup(iterations=rule)
    return Warmup() if rule == "auto" else Warmup(seconds=read_seconds(str(rule)))


def _memory(amount: Json) -> int | None:
    return read_bytes(amount) if isinstance(amount, str) else cast("int | None", amount)


def _ref(model: document.Model, folder: Path) -> ModelRef:
    """Read one entry of `models`; a path is relative to FOLDER."""
    if isinstance(model, str):
        return ModelRef(kind=Kind.PRESET, name=model, where=model)
    entry = model.model_dump(exclude_unset=True)
    options = {key: entry[key] for key in entry if key not in {"preset", "path", "hub"}}
    if options.get("submodel") is not None:
        options["submodel"] = Submodel(options["submodel"])
    if "parts" in options:
        options["parts"] = {stage: tuple(patterns) for stage, patterns in options["parts"].items()}
    if "preset" in entry:
        return ModelRef(kind=Kind.PRESET, name=entry["preset"], where=entry["preset"], **options)
    if "path" in entry:
        return ModelRef(kind=Kind.PATH, name=entry["path"], where=str((folder / entry["path"]).absolute()), **options)
    revision = entry.get("revision")
    name = entry["hub"] if revision is None else f"{entry['hub']}@{revision}"
    return ModelRef(kind=Kind.HUB, name=name, where=entry["hub"], **options)


def _commit(folder: Path) -> str | None:
    """Give the git commit of FOLDER, with `+` where it has changes; None where there is none or no git."""
    try:
        head, dirty = (_git(folder, *words) for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]))
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+" if dirty else "")


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder.absolute()), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
