"""Autocast: operators that gain by it compute in a narrower dtype, while the weights keep theirs."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused


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


def dtype_of(outputs: Any) -> str | None:
    """Name the dtype of the first floating tensor of a model's OUTPUTS: its logits where it has some. None where it has none."""
    import torch

    values = [getattr(outputs, "logits", None), *(outputs.values() if hasattr(outputs, "values") else (outputs,))]
    found = next((one for one in values if isinstance(one, torch.Tensor) and one.is_floating_point()), None)
    return None if found is None else str(found.dtype).removeprefix("torch.")
