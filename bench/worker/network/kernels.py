"""Which attention kernels really ran, seen by the profiler: of the whole model, and of each sub-model by its name.

A fused or dispatched operator names its kernel. Where a part ran a softmax and no such operator its attention was computed by plain
matrix products: it is `eager`. What two kernels ran in is joined by `+`. Flex attention compiles itself, and what is compiled has
no operator of that name: it is seen where a layer calls it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.worker.loads.loading import Loaded

_FLEX = "flex_attention"
_OPERATORS: tuple[tuple[str, str], ...] = (
    ("_scaled_dot_product_flash_attention", "flash"),
    ("_scaled_dot_product_efficient_attention", "efficient"),
    ("_scaled_dot_product_cudnn_attention", "cudnn"),
    ("_scaled_dot_product_attention_math", "math"),
    ("_scaled_dot_product_fused_attention_overrideable", "overrideable"),
    (_FLEX, "flex"),
    # The Hub's kernels end their namespace with a hash, of any hexadecimal digits: what is looked for is in none.
    ("flash_attn_3::", "flash_attention_3"),
    ("fa3_", "flash_attention_3"),  # the builds of others: fa3_fwd, _vllm_fa3_C
    ("flash_attn3", "flash_attention_3"),
    ("flash_attn", "flash_attention_2"),
)
_SOFTMAX = ("aten::softmax", "aten::_softmax", "aten::_safe_softmax")
_MARK = "bench.part:"
_WHOLE = "model"
EAGER = "eager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The kernels of the whole, and by part where there are parts that have attention."""

    whole: str
    by_part: Mapping[str, str]


def seen(loaded: Loaded, step: Callable[[], object], *, by_part: bool) -> Seen:
    """Run STEP under the profiler, in a pass of its own. BY_PART puts hooks on sub-models, which a compiled graph does not bear."""
    from torch.profiler import ProfilerActivity, profile

    marks = (_marked(loaded.model if by_part else None), _flex(by_part=by_part))
    with marks[0], marks[1], profile(activities=[ProfilerActivity.CPU]) as profiler:
        step()
    found: dict[str, set[str]] = {}
    for event in profiler.events():
        kernel = named(event.name)
        if kernel is not None:
            part, inside = _place(event)
            if kernel != EAGER or not inside:
                found.setdefault(part, set()).add(kernel)
    each = {part: _joined(kernels) for part, kernels in sorted(found.items())}
    towers = {part: kernels for part, kernels in each.items() if part != _WHOLE}
    kernels = {one for joined in (towers or each).values() for one in joined.split("+")}
    return Seen(whole="+".join(sorted(kernels)) or EAGER, by_part=towers or each)


def named(name: str) -> str | None:
    """Name the attention kernel that the operator NAME is; None where it is none."""
    if name in _SOFTMAX:
        return EAGER
    return next((kernel for operator, kernel in _OPERATORS if operator in name), None)


def _joined(kernels: set[str]) -> str:
    """Name KERNELS of one part: beside a fused one a softmax is something else, such as a router's."""
    return "+".join(sorted(kernels - {EAGER})) or EAGER


def _place(event: Any) -> tuple[str, bool]:
    """Give the innermost part that EVENT ran in, and whether it is inside of an attention operator."""
    inside, above = False, event.cpu_parent
    while above is not None:
        if above.name.startswith(_MARK):
            return above.name.removeprefix(_MARK), inside
        inside = inside or named(above.name) not in {None, EAGER}
        above = above.cpu_parent
    return _WHOLE, inside


@contextmanager
def _flex(*, by_part: bool) -> Iterator[None]:
    """Let the profiler see every call of flex attention; without BY_PART it is inside of a graph, where nobody can stand."""
    from torch.profiler import record_function
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    if not by_part or _FLEX not in ALL_ATTENTION_FUNCTIONS:
        yield
        return
    real = ALL_ATTENTION_FUNCTIONS[_FLEX]

    def called(*arguments: Any, **options: Any) -> Any:
        with record_function(_FLEX):
            return real(*arguments, **options)

    ALL_ATTENTION_FUNCTIONS[_FLEX] = called
    try:
        yield
    finally:
        del ALL_ATTENTION_FUNCTIONS[_FLEX]  # what was put over the one that all models share
        if ALL_ATTENTION_FUNCTIONS.get(_FLEX) is not real:
            ALL_ATTENTION_FUNCTIONS[_FLEX] = real


@contextmanager
def _marked(model: Any) -> Iterator[None]:
    """Let the profiler see where the sub-models of MODEL begin and end; None marks nothing."""
    from torch.profiler import record_function
    from transformers import PreTrainedModel

    hooks: list[Any] = []
    open_marks: list[Any] = []

    def before(name: str) -> Callable[..., None]:
        def enter(*_: Any) -> None:
            mark = record_function(f"{_MARK}{name}")
            mark.__enter__()
            open_marks.append(mark)

        return enter

    def after(*_: Any) -> None:
        open_marks.pop().__exit__(None, None, None)

    for name, module in model.named_modules() if model is not None else ():
        if name and isinstance(module, PreTrainedModel):
            hooks += [module.register_forward_pre_hook(before(name)), module.register_forward_hook(after, always_call=True)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
