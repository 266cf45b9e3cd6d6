"""Weights that are held in another dtype than their config names are converted on loading, and that is said."""

from pathlib import Path

import pytest

from bench.worker.loads import keys
from tests.support.checkpoints import BERT, a_bert, a_safetensors

FLOATS = a_safetensors({"a": ("F32", [2]), "b": ("BF16", [2])})
WHOLE_NUMBERS = a_safetensors({"a": ("I32", [2])})


@pytest.mark.parametrize(
    ("weights", "named", "said"),
    [
        (FLOATS, "float32", None),
        (FLOATS, "bfloat16", None),
        (FLOATS, "float16", "config.json says float16 and the files hold bfloat16, float32"),
        (WHOLE_NUMBERS, "float32", "config.json says float32 and the files hold int32"),
        (FLOATS, None, None),
    ],
)
def test_a_dtype_that_the_files_do_not_hold_is_named(tmp_path: Path, weights: bytes, named: str | None, said: str | None) -> None:
    found = keys.converted(a_bert(tmp_path / "m", model_safetensors=weights), named)
    assert found == (() if said is None else (f"{said}: weights are converted as they are loaded",))


def test_a_quantized_checkpoint_and_one_without_weights_say_nothing(tmp_path: Path) -> None:
    packed = a_bert(
        tmp_path / "q", model_safetensors=WHOLE_NUMBERS, config={**BERT, "quantization_config": {"quant_method": "gptq"}}
    )
    none = a_bert(tmp_path / "n", model_safetensors=None)
    assert keys.converted(packed, "float16") == keys.converted(none, "float16") == ()
