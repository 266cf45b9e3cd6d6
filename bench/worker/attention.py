"""Attention: what is asked of transformers and torch for a value of the axis, and what was seen to run."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused

BUILT = (
    "auto", "eager", "sdpa", "sdpa:math", "sdpa:flash", "sdpa:efficient", "sdpa:cudnn", "flex_attention", "flash_attention_2",
    "flash_attention_3",
)  # fmt: skip

_BACKENDS = {"math": "MATH", "flash": "FLASH_ATTENTION", "efficient": "EFFICIENT_ATTENTION", "cudnn": "CUDNN_ATTENTION"}
_OPERATORS = {
    "_scaled_dot_product_flash_attention": "flash",
    "_scaled_dot_product_efficient_attention": "efficient",
    "_scaled_dot_product_cudnn_attention": "cudnn",
    "_scaled_dot_product_attention_math": "math",
    "flex_attention": "flex",
    "flash_attn": "flash_attention_2",
}


def implementation(attention: str) -> str | None:
    """Give the `attn_implementation` to load with; None leaves the choice to the class."""
    return None if attention == "auto" else attention.partition(":")[0]


@contextmanager
def kernel(attention: str) -> Iterator[None]:
    """Force the kernel of scaled_dot_product_attention that ATTENTION names, if it names one."""
    _, _, name = attention.partition(":")
    if not name:
        yield
        return
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(getattr(SDPBackend, _BACKENDS[name])):
        yield


def seen(step: Callable[[], object]) -> str:
    """Run STEP under the profiler, in a pass of its own, and name the attention kernels that ran, joined by `+`.

    `eager` means that none of the fused or dispatched operators ran: attention was computed by plain matrix products.
    """
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        step()
    names = [event.key for event in profiler.key_averages()]
    found = {kernel for operator, kernel in _OPERATORS.items() if any(operator in name for name in names)}
    return "+".join(sorted(found)) or "eager"


def check_kernel(asked: str, ran: str) -> None:
    """Refuse where ASKED names a kernel and another one RAN."""
    _, _, name = asked.partition(":")
    if name and ran != name:
        msg = f"attention {asked!r} was asked for, but the kernel that ran is {ran!r}"
        raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)
