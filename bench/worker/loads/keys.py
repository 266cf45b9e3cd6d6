"""What became of a checkpoint's weights: one that was made up instead of read is refused, or named where that was asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.domain.listing import some
from bench.domain.model import ModelRef
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.models import weights
from bench.models.checkpoint import read_folder
from bench.models.refused import RefusedError
from bench.worker.failures import Refused
from bench.worker.network import components

_POOLER = "pooler."


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys of the model that are not in the checkpoint, those the other way round, and those of another shape."""

    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()

    @property
    def made_up(self) -> tuple[str, ...]:
        """The weights that were initialised instead of read."""
        return tuple(sorted({*self.missing, *self.mismatched}))

    @property
    def facts(self) -> Mapping[str, Json]:
        """What is worth a line in the record."""
        said = {"missing_keys": self.missing, "unexpected_keys": self.unexpected, "mismatched_keys": self.mismatched}
        return {name: list(keys) for name, keys in said.items() if keys}


def read(report: Mapping[str, Any]) -> Keys:
    """Read the loading info that transformers gives. A mismatched key comes with its two shapes."""
    return Keys(
        missing=_sorted(report["missing_keys"]),
        unexpected=_sorted(report["unexpected_keys"]),
        mismatched=_sorted(key if isinstance(key, str) else key[0] for key in report["mismatched_keys"]),
    )


def check(ref: ModelRef, network: Any, keys: Keys, classes: int) -> tuple[str, ...]:
    """Give the remarks on the KEYS of NETWORK, whose checkpoint has so many CLASSES.

    Raises Refused where weights were made up, unless REF says `fresh_head` or `num_labels` and they are the head's; and where
    `num_labels` asks for another number of classes and no weight is of another shape by it.
    """
    if ref.num_labels not in {None, classes} and not keys.made_up:
        name = type(network).__name__
        raise Refused(f"num_labels {ref.num_labels} changes no weight: {name} has no head of classes", ReasonCode.NOT_AS_REQUESTED)
    asked = ref.fresh_head or ref.num_labels is not None
    wrong = tuple(key for key in keys.made_up if not (asked and _is_of_head(network, key)))
    if wrong:
        why = "which is no head" if asked else "`fresh_head: true` on the model in the suite, or `num_labels`, allows a head's"
        raise Refused(f"{_said(wrong, keys)} and would have been made up: {some(wrong)} ({why})", ReasonCode.MISSING_WEIGHTS)
    notes = []
    if keys.made_up:
        notes.append(f"initialised, not read: {some(keys.made_up)}")
    if keys.unexpected:
        notes.append(f"in the checkpoint but not in the model: {some(keys.unexpected)}")
    return tuple(notes)


def converted(folder: Path, dtype: str | None) -> tuple[str, ...]:
    """Say so where the weights in FOLDER are held in another dtype than the DTYPE that its config names, which `auto` takes."""
    try:
        held = weights.inspect(read_folder(folder), allow_pickle=True)
    except (RefusedError, OSError):  # what is not a folder's to say
        return ()
    if dtype is None or not held.dtypes or held.elements is None or dtype in held.dtypes:
        return ()
    return (f"config.json says {dtype} and the files hold {', '.join(held.dtypes)}: weights are converted as they are loaded",)


def _said(wrong: tuple[str, ...], keys: Keys) -> str:
    """Say what is the matter with WRONG, of the KEYS."""
    many = len(wrong) > 1
    subject = f"{len(wrong)} weights of the model" if many else "1 weight of the model"
    if set(wrong) <= set(keys.mismatched):
        return f"{subject} {'have' if many else 'has'} another shape in the checkpoint"
    either = ", or of another shape there," if set(wrong) & set(keys.mismatched) else ""
    return f"{subject} {'are' if many else 'is'} not in the checkpoint{either}"


def _is_of_head(network: Any, key: str) -> bool:
    """Tell whether KEY is of the head, or of the pooler that some base models have for heads alone."""
    base = f"{network.base_model_prefix}." if hasattr(network, network.base_model_prefix or " ") else ""
    inner = key.removeprefix(base)
    return inner.startswith(_POOLER) or components.of_name(network, key) == "head"


def _sorted(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(keys))
