"""Engines, one file each: what runs the model's graph in the place of the class's own forward.

An engine puts a callable of its own into the loaded model's place: `model(...)` and, step by step, `model.generate(...)` then go
through it, and whatever looks at the model's calls from outside looks at the engine's. What ran is observed by what the engine
itself counts, after the first call: an engine that was asked for and did not run is refused.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from bench.domain.metric import Samples
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.metrics import COMPILE_RECOMPILES, sample

NAME = "name"
"""The key of a mapping that says which engine it sets."""
EAGER = "eager"
MEASURE = "measure."
_OWN = "_forward_before_the_engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an engine is engaged for: the model, the inputs that it will be called with, and how the case asks for the engine.

    `matched` tells that images and texts are to be matched, by calls of the model's towers.
    """

    loaded: Loaded
    inputs: Mapping[str, Any]
    traits: frozenset[Trait]
    requested: Mapping[str, Json]
    matched: bool = False

    @property
    def options(self) -> Mapping[str, Json]:
        """What the suite sets of the engine beside its name."""
        asked = self.requested["engine"]
        return {key: value for key, value in asked.items() if key != NAME} if isinstance(asked, Mapping) else {}


def _no_samples() -> tuple[Samples, ...]:
    return ()


def _no_answer(_error: Exception) -> Refused | None:
    return None


@dataclass(slots=True, kw_only=True)
class Engaged:
    """An engine at work.

    `observe` gives after the first call what ran; it raises Refused where that was not the engine. `samples` are those of getting
    ready and of the first call. `graphs` counts the graphs compiled so far; None where the engine compiles none while it runs, and
    `recompiled` those of them that were compiled while calls were timed. `is_torch` tells whether torch's operators run, so that
    they can be looked at. `explain` makes answers of errors of its own.
    """

    observe: Callable[[], Mapping[str, Json]]
    samples: Callable[[], tuple[Samples, ...]] = _no_samples
    graphs: Callable[[], int] | None = None
    is_torch: bool = True
    explain: Callable[[Exception], Refused | None] = _no_answer
    recompiled: int = 0

    def sampled(self) -> tuple[Samples, ...]:
        """Give all samples, at the end of the timed steps."""
        more = () if self.graphs is None else (sample(COMPILE_RECOMPILES, "measure", self.recompiled),)
        return (*self.samples(), *more)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the block with the engine. Its errors that are answers become Refused."""
        try:
            yield
        except Exception as error:
            refusal = self.explain(error)
            if refusal is None:
                raise
            raise refusal from error


class Engine(Protocol):
    """What an engine's file provides.

    `NEEDS` says what has to be installed, `DEVICES` the devices it runs on, and `OPTIONS` the keys it takes in a mapping. One that
    loads its model itself also has `measure(request, send, clock)`, a recipe in the place of the common one.
    """

    NEEDS: str
    DEVICES: tuple[str, ...]
    OPTIONS: tuple[str, ...]

    def engage(self, work: Work) -> Engaged:
        """Put the engine into the model's place. Raises Refused where it cannot run this model here."""


def names() -> tuple[str, ...]:
    """List the engines that there are, importing none, as users write them."""
    return tuple(sorted(module.name.replace("_", "-") for module in iter_modules(__path__)))


def find(name: str) -> Engine:
    """Import the engine called NAME."""
    return cast("Engine", import_module(f"{__name__}.{name.replace('-', '_')}"))


def name_of(asked: Json) -> str:
    """Give the engine's name of what is ASKED: a name, or a mapping with one."""
    return str(asked.get(NAME)) if isinstance(asked, Mapping) else str(asked)


def recipe_of(requested: Mapping[str, Json]) -> Callable[..., None] | None:
    """Give the recipe that the engine REQUESTED has of its own, since it loads its model itself; None for the common one."""
    name = name_of(requested.get("engine", EAGER))
    own: Callable[..., None] | None = getattr(find(name), "measure", None) if name in names() else None
    return own


def refuse(requested: Mapping[str, Json], device: str) -> None:
    """Raise Refused where the engine REQUESTED does not take its options, or does not run on DEVICE."""
    asked = requested.get("engine", EAGER)
    name = name_of(asked)
    engine = find(name)
    foreign = sorted(set(asked) - {NAME} - set(engine.OPTIONS)) if isinstance(asked, Mapping) else []
    if foreign:
        known = f"it takes {', '.join(engine.OPTIONS)}" if engine.OPTIONS else "it takes none"
        raise Refused(f"engine {name} has no option {', '.join(foreign)} ({known})", ReasonCode.NOT_IN_CLASS)
    kind = device.partition(":")[0]
    if kind not in engine.DEVICES:
        raise Refused(f"engine {name} runs on {', '.join(engine.DEVICES)}, not on {kind}", ReasonCode.NO_DEVICE)


def engage(work: Work) -> Engaged:
    """Put the engine that the case asks for into the model's place. Raises Refused where it cannot be had."""
    name = name_of(work.requested.get("engine", EAGER))
    refuse(work.requested, work.loaded.device)
    if work.matched and name != EAGER:
        msg = f"engine {name} runs the model's forward, and a matrix of images and texts calls its towers apart"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)
    work.loaded.engaged = engaged = find(name).engage(work)
    return engaged


@contextmanager
def watched(loaded: Loaded, phase: str) -> Iterator[None]:
    """Count the graphs that LOADED's engine compiles in PHASE, where it is one that measures."""
    engaged = loaded.engaged
    before = engaged.graphs() if engaged is not None and engaged.graphs is not None else 0
    yield
    if engaged is not None and engaged.graphs is not None and phase.startswith(MEASURE):
        engaged.recompiled += engaged.graphs() - before


def replace_forward(model: Any, forward: Callable[..., Any]) -> None:
    """Put FORWARD into the place of MODEL's own, whose signature it must show: generate reads it."""
    vars(model)[_OWN] = vars(model).get("forward")  # accelerate puts one of its own there
    model.forward = forward


def give_back_forward(model: Any) -> None:
    """Have MODEL run as it was loaded, for good."""
    state = vars(model)
    del state["forward"]
    own = state.pop(_OWN)
    if own is not None:
        model.forward = own


@contextmanager
def without(model: Any) -> Iterator[None]:
    """Have MODEL run as it was loaded while the block runs, whatever engine is in its place."""
    state = vars(model)
    if _OWN not in state:
        yield
        return
    engaged = state.pop("forward")
    if state[_OWN] is not None:
        model.forward = state[_OWN]
    try:
        yield
    finally:
        model.forward = engaged
