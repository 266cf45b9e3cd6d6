"""A model named in one word, outside a suite: a preset, a folder, or a repository of the Hub."""

import difflib
import re
from pathlib import Path

from bench.domain.errors import UsageError
from bench.domain.model import Kind, ModelRef
from bench.models import presets

_REPOSITORY = re.compile(r"(?P<where>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")


def name_model(name: str, *, task: str | None = None, revision: str | None = None) -> ModelRef:
    """Find out what NAME means: a preset's name, else a folder that there is, else `org/name`, with `@revision` or REVISION.

    `./gpt2` is the folder of that name and never the preset. Raises UsageError where NAME is none of these, or is one that has no
    revisions and REVISION is given.
    """
    hub = _REPOSITORY.fullmatch(name)
    if name in presets.names():
        _without_revision(f'preset "{name}"', revision)
        return ModelRef(kind=Kind.PRESET, name=name, where=name, task=task)
    folder = Path(name).expanduser()
    if folder.is_dir():
        _without_revision(f"the folder {name}", revision)
        return ModelRef(kind=Kind.PATH, name=name, where=str(folder.absolute()), task=task)
    if hub is None or name.startswith(("./", "../")):
        near = difflib.get_close_matches(name, presets.names(), n=1)
        hint = f'. Did you mean "{near[0]}"?' if near else ""
        raise UsageError(f'"{name}" is no preset (`bench models` lists them), no folder here, and no org/name of the Hub{hint}')
    if revision and hub["revision"] and revision != hub["revision"]:
        raise UsageError(f"{name} has a revision already, and {revision} is another one")
    chosen = revision or hub["revision"]
    spelled = hub["where"] if chosen is None else f"{hub['where']}@{chosen}"
    return ModelRef(kind=Kind.HUB, name=spelled, where=hub["where"], revision=chosen, task=task)


def _without_revision(what: str, revision: str | None) -> None:
    if revision is not None:
        raise UsageError(f"revision {revision}: {what} has no revisions, only a repository of the Hub has")
