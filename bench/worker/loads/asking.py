"""Whether a checkpoint of the Hub is loaded from the cache alone, or with the Hub asked whether the cache is still right.

A trial loads from the folder of a snapshot, where nothing is looked up. With `local_files_only` it loads by the repository's name
instead, as users do: true looks the name up in the cache, false asks the Hub whether it is still right. What was asked is counted
in the answers that came: of files of a whole commit the library asks nothing, since they cannot change, and where nobody answers
it takes the cache.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from bench.domain.model import Kind, ModelFacts
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused

AXIS = "local_files_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What `from_pretrained` is called with: the NAME of a folder or a repository, and the options that go with it."""

    name: Path | str
    options: Mapping[str, Any] = field(default_factory=lambda: {AXIS: True})

    @property
    def looked_up(self) -> Mapping[str, Any]:
        """The options where NAME is a repository's, none where it is a folder."""
        return self.options if isinstance(self.name, str) else {}


def source(model: ModelFacts, folder: Path, requested: Mapping[str, Json]) -> Source:
    """Give where MODEL, whose checkpoint is in FOLDER, is loaded from as the case asks.

    Raises Refused where the Hub is to be asked, or not, for what is not of it, or lies elsewhere than in its cache.
    """
    asked = requested.get(AXIS, "auto")
    if asked == "auto":
        return Source(name=folder)
    if model.ref.kind is not Kind.HUB:
        msg = f"{AXIS} {str(asked).lower()}: {model.ref.name} is no model of the Hub, and nothing is looked up for it"
        raise Refused(msg, ReasonCode.INPUT_MISMATCH)
    if folder.parent.name != "snapshots":
        msg = f"{AXIS} {str(asked).lower()}: the checkpoint was written anew in another format, which no cache of the Hub holds"
        raise Refused(msg, ReasonCode.INPUT_MISMATCH)
    revision = model.commit if asked else model.ref.revision
    return Source(name=model.ref.where, options={AXIS: asked, "revision": revision or "main", "cache_dir": folder.parents[2]})


@contextmanager
def answers(requested: Mapping[str, Json], into: dict[str, Json]) -> Iterator[None]:
    """Put into INTO how many answers came from the Hub in this block, and so whether it was local; nothing where it is open."""
    if requested.get(AXIS, "auto") == "auto":
        yield
        return
    from unittest.mock import patch

    from huggingface_hub import get_session

    came: list[object] = []
    kind = type(get_session())
    with patch.object(kind, "send", _counting(kind.send, came)):
        yield
    into |= {AXIS: not came, "hub_answers": len(came)}


def refuse_unasked(requested: Mapping[str, Json], observed: Mapping[str, Json]) -> None:
    """Raise Refused where the Hub was to be asked and it was not, or did not answer."""
    if requested.get(AXIS) is False and observed.get(AXIS) is not False:
        msg = (
            f"{AXIS} false: no answer came from the Hub: with HF_HUB_OFFLINE nothing is asked, nor of files of a whole commit "
            "that the cache has, and where nobody answers the cache is taken; give a branch as revision, and a Hub that answers"
        )
        raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)


def _counting(send: Callable[..., Any], came: list[object]) -> Callable[..., Any]:
    @wraps(send)
    def sending(*arguments: Any, **options: Any) -> Any:
        answer = send(*arguments, **options)
        came.append(answer.status_code)
        return answer

    return sending
