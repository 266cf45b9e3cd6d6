"""What a checkpoint that is quantized already asks for, and whether transformers can give it here: known before a weight is read.

Its config names the method. Transformers has a quantizer for each, which looks at packages and devices by itself; what it says is
the answer, and not an error of the trial. A method that it does not know it passes over, and goes on as if there were none.
"""

import copy
from collections.abc import Mapping
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused

UNNAMED = "by a method that is not named"


def of(config: Any) -> Mapping[str, Json] | None:
    """Give the quantization config that a checkpoint with CONFIG brings, its language model's too; None where it brings none."""
    parts = (config, config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config)
    found = next((one for part in parts if (one := getattr(part, "quantization_config", None)) is not None), None)
    if found is None:
        return None
    said: Mapping[str, Json] = found if isinstance(found, Mapping) else found.to_dict()
    return said


def name_of(found: Mapping[str, Json] | None) -> str:
    """Name the method of what was FOUND; empty where nothing was."""
    if found is None:
        return ""
    plain = found.get("load_in_8bit") or found.get("load_in_4bit")  # older files of bitsandbytes name no method
    return str(found.get("quant_method") or ("bitsandbytes" if plain else UNNAMED))


def refuse(found: Mapping[str, Json], device: str) -> None:
    """Raise Refused with the words of transformers where it cannot load what was FOUND on DEVICE; the packages are there."""
    from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING, AutoHfQuantizer

    name = name_of(found)
    if name == UNNAMED or not any(known.startswith(name) for known in AUTO_QUANTIZER_MAPPING):
        what = "names no quant_method" if name == UNNAMED else f'names "{name}", which this version of transformers does not know'
        raise Refused(f"quantization checkpoint: the quantization_config of config.json {what}", ReasonCode.NOT_AS_REQUESTED)
    try:
        quantizer = AutoHfQuantizer.from_config(copy.deepcopy(dict(found)), pre_quantized=True)
        quantizer.validate_environment(device_map={"": device}, weights_only=True)
    except Exception as error:  # a quantizer raises whatever it likes, and so do the libraries below it
        said = " ".join(str(error).split()) or type(error).__name__
        code = ReasonCode.MISSING_PACKAGE if isinstance(error, ImportError) else ReasonCode.NOT_IN_CLASS
        raise Refused(f"quantization checkpoint ({name}): {said[:400]}", code) from error
