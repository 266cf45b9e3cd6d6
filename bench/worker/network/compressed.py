"""Layers of compressed-tensors: torch's own class, with a scheme beside it that says how the checkpoint stores their weights.

Transformers loads them as they are stored, and the library unpacks them in the first call that goes through them: from then on the
weights are dense again. So the scheme, which stays, tells nothing: only what the layer holds does.
"""

from typing import Any

_SCHEME = "quantization_scheme"
_WEIGHTS = ("weight_packed", "weight")
_STATE = ("_scale", "_zero_point", "_shape", "_g_idx")
_BYTE = 1


def weight_of(module: Any) -> str | None:
    """Name the parameter that holds the weights of MODULE in fewer bits; None where it is no such layer, or is unpacked."""
    if getattr(module, _SCHEME, None) is None or not hasattr(module, "in_features"):
        return None
    held = module._parameters  # noqa: SLF001 -- torch's own way makes a copy of it
    name = next((one for one in _WEIGHTS if held.get(one) is not None), None)
    if name is None or (held[name].is_floating_point() and held[name].element_size() > _BYTE):
        return None
    return name


def elements(module: Any, name: str) -> int | None:
    """Give how many weights the parameter NAME of MODULE stands for, none where it is state beside them.

    None where its own form tells, as that of any other layer's does.
    """
    if getattr(module, _SCHEME, None) is None:
        return None
    if name == weight_of(module):
        return int(module.in_features * module.out_features)
    return 0 if name.endswith(_STATE) else None
