"""Stages of a load: exclusive wall time of named pieces of `from_pretrained`, taken by wrapping them.

transformers has no public clock inside `from_pretrained`, so its own functions are wrapped for the duration of one load. They are
private names: one that a version lacks is left out, and its time then stands under `load.unattributed`, never under another
name. Stages are exclusive: time spent in an inner stage is not counted in the outer one.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

PIECES: tuple[tuple[str, str, str], ...] = (
    ("transformers.modeling_utils", "maybe_load_adapters", "config"),
    ("transformers.modeling_utils", "_get_dtype", "config"),
    ("transformers.modeling_utils", "check_and_set_device_map", "place"),
    ("transformers.modeling_utils", "get_distributed_checkpoint_dir", "read"),
    ("transformers.modeling_utils", "_get_resolved_checkpoint_files", "read"),
    ("transformers.modeling_utils", "get_model_conversion_mapping", "read"),
    ("transformers.modeling_utils", "convert_and_load_state_dict_in_model", "read"),
    ("transformers.modeling_utils:PreTrainedModel", "_load_pretrained_model", "read"),
    ("transformers.modeling_utils:PreTrainedModel", "_finalize_model_loading", "read"),
    ("transformers.modeling_utils:PreTrainedModel", "_initialize_missing_keys", "construct"),
    ("transformers.modeling_utils:PreTrainedModel", "tie_weights", "tie"),
    ("transformers.modeling_utils:PreTrainedModel", "adjust_generation_fn", "config"),
    ("transformers.modeling_utils", "accelerate_dispatch", "place"),
    ("transformers.quantizers.base:HfQuantizer", "preprocess_model", "quantize"),
    ("transformers.quantizers.base:HfQuantizer", "postprocess_model", "quantize"),
)


@dataclass(slots=True)
class Stopwatch:
    """Exclusive seconds by stage, of the thread that made it: loading threads run inside the stage that waits for them."""

    now: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    _stack: list[list[float]] = field(default_factory=list)
    _thread: int = field(default_factory=threading.get_ident)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time spent in this block, less that of stages inside it, under NAME."""
        if threading.get_ident() != self._thread:
            yield
            return
        inner = [0.0]
        self._stack.append(inner)
        start = self.now()
        try:
            yield
        finally:
            spent = self.now() - start
            self._stack.pop()
            self.seconds[name] = self.seconds.get(name, 0.0) + spent - inner[0]
            if self._stack:
                self._stack[-1][0] += spent

    def around(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Wrap FUNCTION so that its calls count under NAME."""

        @wraps(function)
        def timed(*arguments: Any, **options: Any) -> Any:
            with self.stage(name):
                return function(*arguments, **options)

        return timed


@contextmanager
def watched(watch: Stopwatch, model_class: type, more: Iterable[tuple[str, str, str]] = ()) -> Iterator[None]:
    """Time the pieces of loads inside this block, MODEL_CLASS's construction and MORE of them among them."""
    from unittest.mock import patch  # it brings asyncio along, and plans read the names of tasks without loading anything

    with ExitStack() as undo:
        for place, name, stage in (*PIECES, *more):
            owner = _owner(place)
            if owner is not None and name in vars(owner):
                undo.enter_context(patch.object(owner, name, _wrapped(watch, vars(owner)[name], stage)))
        undo.enter_context(patch.object(model_class, "__init__", watch.around(model_class.__init__, "construct")))  # type: ignore[misc]
        yield


def _owner(place: str) -> object | None:
    """Find the module, or with a colon the class in it, None where this version of transformers has none."""
    from importlib import import_module

    module_name, _, class_name = place.partition(":")
    try:
        module = import_module(module_name)
    except ImportError:
        return None
    return getattr(module, class_name, None) if class_name else module


def _wrapped(watch: Stopwatch, found: Any, stage: str) -> Any:
    """Wrap a function as it stands in its owner: class and static methods keep their kind."""
    if isinstance(found, classmethod | staticmethod):
        return type(found)(watch.around(found.__func__, stage))
    return watch.around(found, stage)
