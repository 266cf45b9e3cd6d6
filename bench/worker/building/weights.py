"""Seeded random weights: the scale of a fresh model, and the same bytes for the same seed and names.

Every parameter has a generator of its own, seeded from the seed and the parameter's name, so that neither the order of
construction nor a changed neighbour changes it.
"""

import hashlib
from typing import Any

_SCALE = 0.02


def build(model_class: type[Any], config: Any, dtype: str, seed: int) -> Any:
    """Build MODEL_CLASS from CONFIG with random weights of DTYPE; tied weights stay tied, buffers are as the class makes them."""
    import torch
    from transformers import initialization

    torch.manual_seed(seed)
    with initialization.no_init_weights():
        model = model_class(config)
    model = model.to(getattr(torch, dtype)).eval()
    model.tie_weights()
    with torch.no_grad():
        _fill(model, seed)
    return model


def _fill(model: Any, seed: int) -> None:
    """Set every parameter: 1 for weights of norms, 0 for biases, normal noise for the rest; scalars stay as the class made them."""
    scale = float(getattr(model.config, "initializer_range", None) or _SCALE)
    modules = dict(model.named_modules())
    for name, parameter in model.named_parameters():
        owner, _, leaf = name.rpartition(".")
        if parameter.ndim == 0:
            continue
        if leaf == "bias":
            parameter.zero_()
        elif "norm" in type(modules[owner]).__name__.lower():
            parameter.fill_(1)
        else:
            parameter.normal_(0.0, scale, generator=_generator(name, seed))


def _generator(name: str, seed: int) -> Any:
    import torch

    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
