"""What a quantization lacks, as far as can be told without loading anything: a package, a device, a dtype, the checkpoint's form.

A plan asks before anything runs, with what it knows; a worker asks once more, with the device and dtype that `auto` means there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import util

from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.values import Json
from bench.worker import quantization
from bench.worker.quantization import Needs

_DISTRIBUTION = "transformers-bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A value of the axis: a method, the modules that it is to leave as they are, and what it is to compute in."""

    method: str
    skip: tuple[str, ...] = ()
    compute_dtype: str = "auto"


def read(value: Json) -> Asked:
    """Read a VALUE of the axis."""
    if not isinstance(value, Mapping):
        return Asked(method=str(value))
    skip = value.get("skip", ())
    named = tuple(map(str, skip)) if isinstance(skip, list | tuple) else ()
    return Asked(method=str(value["method"]), skip=named, compute_dtype=str(value.get("compute_dtype", "auto")))


def refusal(requested: Mapping[str, Json], stored: str | None = None) -> Refusal | None:
    """Say what REQUESTED lacks, None where nothing is known to.

    STORED is the method of a checkpoint that is quantized already, empty where it is not, None where nobody knows.
    """
    value = requested.get("quantization", "none")
    device, dtype = str(requested.get("device", "auto")).partition(":")[0], str(requested.get("dtype", "auto"))
    here = requested.get("environment", "this") == "this"
    if (
        requested.get("ranks", 1) != 1
        and requested.get("parallel") == "tensor"
        and read(value).method not in {"none", "checkpoint"}
    ):
        reason = f"quantization {read(value).method} with parallel tensor: layers that are quantized on loading are not parted"
        return Refusal(reason=reason, reason_code=ReasonCode.NOT_IN_CLASS)
    return (
        _named(value, device, dtype, stored, here)
        if isinstance(value, str)
        else _lacks(read(value), device, dtype, stored, here=here)
    )


@lru_cache(maxsize=4096)
def _named(method: str, device: str, dtype: str, stored: str | None, here: bool) -> Refusal | None:  # noqa: FBT001 -- a key
    """Say what a method by its name lacks: the cases of a large plan differ in other axes than these."""
    return _lacks(read(method), device, dtype, stored, here=here)


def _lacks(asked: Asked, device: str, dtype: str, stored: str | None, *, here: bool) -> Refusal | None:
    needs = quantization.find(asked.method).needs({"quant_method": stored} if stored else None)
    found = _of_checkpoint(asked, stored) or (_of_packages(asked, needs) if here else None)
    return found or _of_skips(asked) or _of_device(asked, needs, device) or _of_dtype(asked, needs, dtype)


def _of_packages(asked: Asked, needs: Needs) -> Refusal | None:
    lacking = [name for name in needs.packages if not _is_there(name)]
    if not lacking:
        return None
    names = " and ".join(name.replace(".", "-").replace("_", "-") for name in lacking)
    how = f"'{_DISTRIBUTION}[{needs.extra}]'" if needs.extra else names.replace(" and ", " ")
    reason = f"quantization {asked.method} needs {names}, which {'is' if len(lacking) == 1 else 'are'} not installed"
    return Refusal(reason=f"{reason} (pip install {how})", reason_code=ReasonCode.MISSING_PACKAGE)


@cache
def _is_there(name: str) -> bool:
    try:
        return util.find_spec(name) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def _of_device(asked: Asked, needs: Needs, device: str) -> Refusal | None:
    if device == "auto" or device in needs.devices:
        return None
    reason = f"quantization {asked.method} does not run on {device}: it needs {' or '.join(needs.devices)}"
    return Refusal(reason=reason, reason_code=ReasonCode.NO_DEVICE)


def _of_dtype(asked: Asked, needs: Needs, dtype: str) -> Refusal | None:
    if asked.compute_dtype != "auto" and not needs.computes:
        reason = f"quantization {asked.method} has no compute_dtype of its own: leave it out"
        return Refusal(reason=reason, reason_code=ReasonCode.NOT_IN_CLASS)
    if dtype == "auto" or not needs.dtypes or dtype in needs.dtypes:
        return None
    reason = f"quantization {asked.method} needs weights in {' or '.join(needs.dtypes)}, not {dtype}: `dtype: {needs.dtypes[0]}`"
    return Refusal(reason=reason, reason_code=ReasonCode.NOT_IN_CLASS)


def _of_checkpoint(asked: Asked, stored: str | None) -> Refusal | None:
    """Refuse a form that the checkpoint does not have."""
    if stored == "" and asked.method == "checkpoint":
        reason = "quantization checkpoint needs a checkpoint that is quantized: its config.json has no quantization_config"
        return Refusal(reason=reason, reason_code=ReasonCode.NOT_AS_REQUESTED)
    if stored and asked.method != "checkpoint":
        reason = f"the checkpoint is quantized already ({stored}): `quantization: checkpoint` measures it as it is"
        return Refusal(reason=reason, reason_code=ReasonCode.NOT_AS_REQUESTED)
    return None


def _of_skips(asked: Asked) -> Refusal | None:
    if not asked.skip or asked.method not in {"none", "checkpoint"}:
        return None
    reason = f"quantization {asked.method} takes no skip: {'nothing' if asked.method == 'none' else 'all'} is as it was found"
    return Refusal(reason=reason, reason_code=ReasonCode.NOT_IN_CLASS)
