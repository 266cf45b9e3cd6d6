"""Attention: what is asked of transformers and torch for a value of the axis, what cannot be had, and whether it was what ran."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused

NEEDS: Mapping[str, str] = {
    "auto": "",
    "eager": "",
    "sdpa": "a class with sdpa attention",
    "sdpa:math": "a class with sdpa attention",
    "sdpa:flash": "a class with sdpa attention; on CUDA float16 or bfloat16, and no explicit mask",
    "sdpa:efficient": "CUDA and a class with sdpa attention; in torch 2.11 no grouped key heads but beside padding",
    "sdpa:cudnn": "CUDA, float16 or bfloat16, and a class with sdpa attention",
    "flex_attention": "a class with flex_attention; it is compiled on the first call",
    "flash_attention_2": "CUDA, float16 or bfloat16, and flash-attn or kernels (pip install 'transformers-bench[flash]')",
    "flash_attention_3": "CUDA (Hopper), float16 or bfloat16, and flash-attn-3 or kernels ('transformers-bench[flash]')",
}
"""What each value needs, for the table of docs/axes.md."""
DEVICES = ("cpu", "cuda", "xpu", "mps")
_ALL = dict.fromkeys(DEVICES, "yes")
_CUDA = {"cpu": "no", "cuda": "yes", "xpu": "no", "mps": "no"}
WHERE: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("auto", "eager", "sdpa"), _ALL),
    "sdpa:math": _ALL,
    "sdpa:flash": {"cpu": "yes", "cuda": "yes", "xpu": "yes", "mps": "no"},
    **dict.fromkeys(("sdpa:efficient", "sdpa:cudnn"), _CUDA),
    "flex_attention": {"cpu": "forward of some classes", "cuda": "yes", "xpu": "yes", "mps": "no"},
    "flash_attention_2": {**_CUDA, "xpu": "with kernels"},
    "flash_attention_3": _CUDA,
}
"""Where each value can be had; what is not on a CPU is refused there before a weight is read. Only the CPU's are tried by CI."""

_BACKENDS = {"math": "MATH", "flash": "FLASH_ATTENTION", "efficient": "EFFICIENT_ATTENTION", "cudnn": "CUDNN_ATTENTION"}
_ON_CPU = ("math", "flash")
_FLAGS = {"sdpa": "_supports_sdpa", "flex_attention": "_supports_flex_attn"}
_FLASH = "flash_attention_"
_PACKAGES = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_interface"}
_HALVES = ("float16", "bfloat16")
_CHOICE = r"(?s).*sdp_utils"
"""Where in torch the kernel is chosen: what it warns of from there is why one cannot be."""
_SDPA = frozenset({"math", "flash", "efficient", "cudnn", "overrideable"})


def implementation(attention: str) -> str | None:
    """Give the `attn_implementation` to load with; None leaves the choice to the class."""
    return None if attention == "auto" else attention.partition(":")[0]


def refuse(model_class: type[Any], config: Any, requested: Mapping[str, Json], device: str) -> None:
    """Raise Refused where MODEL_CLASS, this machine or its packages cannot give what is REQUESTED, before a weight is read."""
    asked = str(requested["attention"])
    kind, _, kernel_name = asked.partition(":")
    whose, on = model_class.__name__, device.partition(":")[0]
    flag = "_supports_flash_attn" if kind.startswith(_FLASH) else _FLAGS.get(kind)
    if flag is not None and not getattr(model_class, flag, True):
        raise Refused(f"attention {asked}: {whose} has no {kind} in this version of transformers", ReasonCode.NOT_IN_CLASS)
    if kernel_name and on == "cpu" and kernel_name not in _ON_CPU:
        has = " and ".join(_ON_CPU)
        reason = f"attention {asked}: scaled_dot_product_attention has no {kernel_name} kernel on cpu (it has {has})"
        raise Refused(reason, ReasonCode.NO_DEVICE)
    if kind.startswith(_FLASH):
        _refuse_flash(kind, config, requested, on)


def _refuse_flash(asked: str, config: Any, requested: Mapping[str, Json], on: str) -> None:
    """Raise Refused where the packages, the device or the dtype are none that flash attention runs with."""
    package = _PACKAGES[asked]
    if on not in {"cuda", "xpu"}:
        beside = "" if _has(package) else f", and {package}, which is not installed"
        raise Refused(f"attention {asked} needs a CUDA device, and this case runs on {on}{beside}", ReasonCode.NO_DEVICE)
    if not _has(package):
        reason = f"attention {asked} needs {package} or kernels (pip install 'transformers-bench[flash]')"
        raise Refused(reason, ReasonCode.MISSING_PACKAGE)
    dtype = str(requested["dtype"] if requested["dtype"] != "auto" else getattr(config, "dtype", "auto")).removeprefix("torch.")
    if dtype not in {*_HALVES, "auto", "None"} and requested.get("autocast", "none") not in _HALVES:
        raise Refused(f"attention {asked} takes float16 and bfloat16, and this case has {dtype}", ReasonCode.NOT_IN_CLASS)


def _has(package: str) -> bool:
    return find_spec(package) is not None or find_spec("kernels") is not None


def spelled(found: str) -> str:
    """Spell the implementation FOUND in a config as the axis does: flash attention may come from the `kernels` package."""
    if "/" not in found:
        return found
    from transformers.modeling_flash_attention_utils import FLASH_ATTN_KERNEL_FALLBACK

    names: dict[str, str] = {repository: name for name, repository in FLASH_ATTN_KERNEL_FALLBACK.items()}
    return names.get(found, found)


@contextmanager
def kernel(attention: str) -> Iterator[None]:
    """Force the kernel of scaled_dot_product_attention that ATTENTION names, if it names one."""
    _, _, name = attention.partition(":")
    if not name:
        yield
        return
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with _reasons_told(), sdpa_kernel(getattr(SDPBackend, _BACKENDS[name])):
        yield


@contextmanager
def by_products(model: Any) -> Iterator[None]:
    """Let what MODEL computes by flex attention be computed by matrix products while the block runs.

    Flex attention compiles itself, which torch does not do while operators are looked at.
    """
    from transformers import PreTrainedModel

    configs = [part.config for part in model.modules() if isinstance(part, PreTrainedModel)]
    flexible = [config for config in configs if config._attn_implementation == "flex_attention"]  # noqa: SLF001 -- none is public
    for config in flexible:
        config._attn_implementation = "eager"  # noqa: SLF001
    try:
        yield
    finally:
        for config in flexible:
            config._attn_implementation = "flex_attention"  # noqa: SLF001


@contextmanager
def _reasons_told() -> Iterator[None]:
    """Put torch's own reasons beside its error that there is no such kernel: it warns of them, and raises a sentence without."""
    said: list[str] = []
    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=_CHOICE)
        show = warnings.showwarning

        def heard(message: Warning | str, *rest: Any, **options: Any) -> None:
            text, _, where = str(message).partition(" (Triggered internally")
            if "sdp_utils" in where and text not in said:
                said.append(text)
            show(message, *rest, **options)

        try:
            with patch.object(warnings, "showwarning", heard):
                yield
        except RuntimeError as error:
            if said and "kernel" in str(error):
                raise RuntimeError(f"{error} {' '.join(_of_the_one_asked_for(said))}") from error
            raise


def _of_the_one_asked_for(said: list[str]) -> list[str]:
    """Leave out of what torch SAID the kernels that were switched off to force the one: it goes through all, a heading and why."""
    kept: list[str] = []
    for text in said:
        if "runtime disabled" not in text:
            kept.append(text)
        elif kept and kept[-1].endswith("because:"):
            kept.pop()
    return kept


def check_kernel(asked: str, ran: str, *, compiled: bool = False) -> None:
    """Refuse where what RAN is not what was ASKED: another kernel, a fused one for eager, none at all for a fused one.

    Inductor puts fused kernels into the place of eager attention: where the model is COMPILED that is said too.
    """
    kind, _, name = asked.partition(":")
    kernels = frozenset(ran.split("+"))
    fits = {
        "auto": True,
        "eager": kernels == {"eager"},
        "sdpa": bool(kernels & _SDPA) and (not name or kernels - {"eager"} == {name}),
        "flex_attention": "flex" in kernels,
    }.get(kind, kind in kernels)
    if not fits:
        msg = f"attention {asked!r} was asked for, but the kernel that ran is {ran!r}"
        msg += ": the compiler fused it, and `attention: sdpa` says so" if compiled and asked == "eager" else ""
        raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)
