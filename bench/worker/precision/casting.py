"""Autocast: operators that gain by it compute in a narrower dtype, while the weights keep theirs."""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused

_DTYPES_APART = re.compile(
    r"mixed dtype|expected scalar type|must have the same dtype|cannot be converted to type .* without overflow"
)
"""How torch's operators say that their operands are of several dtypes, or a constant of another one."""


def around(dtype: str, device: str) -> AbstractContextManager[object]:
    """Give what a call of a model on DEVICE is to be inside of: nothing, or autocast to DTYPE."""
    if dtype == "none":
        return nullcontext()
    import torch

    return torch.autocast(device.partition(":")[0], dtype=getattr(torch, dtype))


def refuse(dtype: str, device: str) -> None:
    """Raise Refused where DEVICE has no autocast to DTYPE: torch would turn it off with a warning."""
    import torch

    kind = device.partition(":")[0]
    if dtype == "none":
        return
    if not torch.amp.is_autocast_available(kind):
        raise Refused(f"autocast {dtype}: torch has no autocast on {kind}", ReasonCode.NO_DEVICE)
    if kind == "cuda" and dtype == "bfloat16" and not torch.cuda.is_bf16_supported():
        raise Refused(f"autocast {dtype}: this GPU has no bfloat16", ReasonCode.NO_DEVICE)


def answer(error: Exception, model: Any, requested: Mapping[str, Json]) -> Refused | None:
    """Make an answer of an ERROR of MODEL, whose code puts together what the autocast REQUESTED left in several dtypes."""
    dtype = requested.get("autocast", "none")
    if dtype == "none" or not isinstance(error, RuntimeError) or not _DTYPES_APART.search(str(error)):
        return None
    reason = f"autocast {dtype}: the code of {type(model).__name__} does not go together with it"
    return Refused(f"{reason} ({error})", ReasonCode.NOT_IN_CLASS)


def dtype_of(outputs: Any) -> str | None:
    """Name the dtype of the first floating tensor of a model's OUTPUTS: its logits where it has some. None where it has none."""
    import torch

    values = [getattr(outputs, "logits", None), *(outputs.values() if hasattr(outputs, "values") else (outputs,))]
    found = next((one for one in values if isinstance(one, torch.Tensor) and one.is_floating_point()), None)
    return None if found is None else str(found.dtype).removeprefix("torch.")
