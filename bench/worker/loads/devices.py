"""Devices by their names: which one a suite means here, and whether it is on this machine."""

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused


def resolve(asked: str) -> str:
    """Give the device that ASKED means here: for auto the first accelerator, else cpu. Raises Refused where it is not there."""
    import torch

    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if asked == "auto":
        return "cpu" if accelerator is None else f"{accelerator.type}:0" if accelerator.type != "mps" else "mps"
    kind, _, index = asked.partition(":")
    if kind == "cpu":
        return "cpu"
    count = torch.accelerator.device_count() if accelerator is not None and accelerator.type == kind else 0
    if count <= int(index or 0):
        msg = f"device {asked} is not on this machine (it has cpu{f' and {count} {kind}' if count else ''})"
        raise Refused(msg, ReasonCode.NO_DEVICE)
    return asked
