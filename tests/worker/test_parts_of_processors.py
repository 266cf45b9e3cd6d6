"""What the parts of a processor are asked for: sounds of several lengths, by extractors that pad by themselves or only if told."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.worker.material import parts

pytestmark = pytest.mark.torch

ALIKE = [np.ones(1600, dtype="float32")] * 2
UNLIKE = [np.ones(1600, dtype="float32"), np.ones(2400, dtype="float32")]


def asked(extractor: str, clips: list[Any], **raw: Any) -> dict[str, Any]:
    import transformers

    held: Any = SimpleNamespace(processor=getattr(transformers, extractor)())
    return parts.options(held, {"audio": clips, **raw})


@pytest.mark.parametrize(("extractor", "clips"), [("Wav2Vec2FeatureExtractor", ALIKE), ("WhisperFeatureExtractor", UNLIKE)])
def test_padding_is_not_asked_for_where_there_is_none_or_the_extractor_sees_to_it(extractor: str, clips: list[Any]) -> None:
    assert "padding" not in asked(extractor, clips)


def test_beside_a_text_padding_is_the_texts() -> None:
    assert "padding" not in asked("Wav2Vec2FeatureExtractor", UNLIKE, text=["a", "b"])


def test_what_is_asked_makes_one_tensor_of_waves_of_several_lengths() -> None:
    import transformers

    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=False)
    made = extractor(UNLIKE, **asked("Wav2Vec2FeatureExtractor", UNLIKE))["input_values"]
    assert tuple(made.shape) == (2, 2400)
    assert made[0, 1600:].abs().max() == 0
