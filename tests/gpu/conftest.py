"""Tests that need an accelerator: without one they are skipped, with the reason."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def accelerator() -> str:
    """Name the first accelerator."""
    import torch

    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if found is None:
        pytest.skip("no accelerator: torch sees a CPU alone")
    return str(found.type)
