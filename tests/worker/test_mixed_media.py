"""What is done to media that differ: counts put together over batches, sound brought to another rate, WAV of every width."""

import io
import wave

import numpy as np
import pytest

from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.material import audio, combined, feeding, resampling
from bench.worker.network import observe
from bench.worker.steps import Step


def a_wav(width: int, channels: int, samples: list[list[float]]) -> bytes:
    held = io.BytesIO()
    top = 2 ** (8 * width - 1) - 1
    values = [round(value * top) + (128 if width == 1 else 0) for frame in samples for value in frame]
    with wave.open(held, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(8000)
        file.writeframes(b"".join(value.to_bytes(width, "little", signed=width > 1) for value in values))
    return held.getvalue()


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_wav_of_every_width_has_the_same_full_scale(width: int) -> None:
    samples, rate = audio.from_wav(a_wav(width, 1, [[1.0], [-0.5], [0.0]]))
    assert rate == 8000
    assert samples == pytest.approx([1.0, -0.5, 0.0], abs=0.01)


def test_channels_are_averaged() -> None:
    assert audio.from_wav(a_wav(2, 2, [[1.0, 0.0], [0.5, -0.5]]))[0] == pytest.approx([0.5, 0.0], abs=1e-4)


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 16000), (44_100, 16000), (16_000, 16_000)])
def test_a_tone_stays_the_same_tone_at_another_rate(rate: int, wanted: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype("float32")
    expected = np.sin(2 * np.pi * 440 * np.arange(wanted) / wanted)
    assert np.abs(resampling.resample(tone, rate, wanted) - expected).max() < 1e-3


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    tone = np.sin(2 * np.pi * 7000 * np.arange(16_000) / 16_000).astype("float32")
    assert np.abs(resampling.resample(tone, 16_000, 8000)).max() < 1e-3


def test_batches_are_counted_together() -> None:
    alike: dict[str, Json] = {"batch_size": 2, "truncated_items": 1, "realised_prompt_tokens": 8, "batch_images": 2}
    alike |= {"images": 1, "image_size": "8x8", "mask": "padding"}
    mixed: dict[str, Json] = {"batch_size": 2, "truncated_items": 0, "realised_prompt_tokens": 5.0, "prompt_lengths": [4, 6]}
    mixed |= {"batch_images": 3, "images": 1.5, "images_of_items": [1, 2], "image_size": "4x4+8x8", "mask": "padding"}
    mixed["image_sizes"] = {"4x4": 2, "8x8": 1}
    found = combined.together([alike, mixed])
    assert (found["batch_size"], found["truncated_items"], found["batch_images"], found["mask"]) == (2, 1, 2.5, "padding")
    assert (found["prompt_lengths"], found["realised_prompt_tokens"]) == ([8, 8, 4, 6], 6.5)
    assert found["images_of_items"] == [1, 1, 1, 2]
    assert (found["image_size"], found["image_sizes"]) == ("4x4+8x8", {"4x4": 2, "8x8": 3})
    assert combined.together([alike]) == alike


def test_steps_of_batches_come_in_turn_and_end_with_a_whole_round() -> None:
    called: list[int] = []
    each = [[Step(name="forward", run=lambda number=number: called.append(number))] for number in range(3)]  # type: ignore[misc]
    (step,) = feeding.in_turn(each)
    for _ in range(4):
        step.prepare()
        step.run()
    assert called == [0, 1, 2, 0]
    rule = feeding.whole_rounds(step, lambda times: "count" if len(times) >= 2 else None)
    assert [rule([0.0] * count) for count in range(1, 5)] == [None, None, "count", None]
    assert feeding.whole_rounds(step, lambda _: "cap")([0.0]) == "cap"


@pytest.mark.parametrize(
    ("axis", "asked", "seen"),
    [
        ("images", {"uniform": [1, 3]}, {"images": 2.0, "images_of_items": [1, 3]}),
        ("image_size", {"choice": ["4x4", "8x8"]}, {"image_size": "4x4+8x8", "image_sizes": {"4x4": 1, "8x8": 2}}),
        ("image_size", {"choice": ["4x4", "8x8"]}, {"image_size": "8x8"}),
        ("audio_seconds", {"uniform": [1, 3]}, {"audio_seconds": 2}),
    ],
)
def test_amounts_of_a_distribution_are_what_was_asked(axis: str, asked: Json, seen: dict[str, Json]) -> None:
    observe.refuse_differences({axis: asked}, seen)
    assert observe.spell_as_requested({axis: asked}, seen) == {axis: asked}


@pytest.mark.parametrize(
    ("axis", "asked", "seen"),
    [
        ("images", {"uniform": [1, 3]}, {"images": 2.5, "images_of_items": [1, 4]}),
        ("image_size", {"choice": ["4x4", "8x8"]}, {"image_size": "4x4+9x9", "image_sizes": {"4x4": 1, "9x9": 2}}),
        ("audio_seconds", {"choice": [1, 3]}, {"audio_seconds": 2}),
    ],
)
def test_an_amount_outside_of_its_distribution_is_refused(axis: str, asked: Json, seen: dict[str, Json]) -> None:
    with pytest.raises(Refused, match=axis):
        observe.refuse_differences({axis: asked}, seen)
