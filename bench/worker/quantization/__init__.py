"""Quantizations, one file each: the file name is the name users write, with - for _.

A file holds `METHOD`: what it needs, which layers its library quantizes, with what a model is loaded, and how a layer that was
quantized is told from others. Methods of one library share a class in bench/worker/quantizers. Nothing here imports a library
before a method is used, so that a plan can say what is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from bench.domain.values import Json
from bench.worker.precision.layers import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a method needs: `packages` as they are imported, and the `extra` of this distribution that installs them.

    `devices` are the kinds that it runs on, each with what holds there; `dtypes` those of the weights that it takes, none for all.
    `computes` is set where it has a compute dtype of its own.
    """

    meaning: str
    packages: tuple[str, ...] = ()
    extra: str | None = None
    devices: Mapping[str, str] = field(default_factory=dict)
    dtypes: tuple[str, ...] = ()
    computes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a model is to be loaded with: a method, on a kind of device, in the dtypes of weights and of computing.

    `keep` are the names and patterns of modules that stay as they are, in transformers' own spelling; None leaves them to it.
    """

    device: str
    dtype: str
    compute_dtype: str
    keep: tuple[str, ...] | None = None


class Method(Protocol):
    """What a file's METHOD provides."""

    def needs(self, stored: Mapping[str, Json] | None) -> Needs:
        """Give what the method needs, for a checkpoint with the quantization config STORED, None where it has none."""

    def takes(self, layer: Layer) -> bool:
        """Tell whether the library quantizes LAYER of a model that is not quantized."""

    def objection(self, layer: Layer, device: str) -> str | None:
        """Say what LAYER's shape would have to be for the kernels on DEVICE, None where they take it. The library is there."""

    def refuses(self, model: Any) -> str | None:
        """Say why the library cannot load MODEL, which is on the meta device; None where nothing speaks against it."""

    def options(self, choice: Choice) -> Mapping[str, Any]:
        """Give the arguments of `from_pretrained` for CHOICE."""

    def convert(self, model: Any, names: tuple[str, ...]) -> Any:
        """Quantize the layers NAMES of a loaded MODEL, where loading did not, and give the model."""

    @property
    def pieces(self) -> tuple[tuple[str, str], ...]:
        """Module (with a class after a colon) and function of transformers whose time is that of quantizing."""

    def recognises(self, module: Any) -> bool:
        """Tell whether MODULE of a loaded model is a layer that this method quantized."""


def names() -> tuple[str, ...]:
    """List the methods that there are, importing none."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(__path__)))


@cache
def find(name: str) -> Method:
    """Import the method called NAME. Raises KeyError where there is none."""
    if name not in names():
        raise KeyError(name)
    return cast("Method", import_module(f"{__name__}.{name.replace('-', '_')}").METHOD)
