"""Images and sound: drawn to size, handed over in the form that was asked, and decoded to what they were."""

from typing import Any

import numpy as np
import pytest

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused
from bench.worker.material import audio, images, media


class Processor:
    def __init__(self, **settings: Any) -> None:
        self.size: Any = None
        self.__dict__.update(settings)


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"size": {"height": 384, "width": 256}}, (256, 384)),
        ({"size": {"shortest_edge": 224}}, (224, 224)),
        ({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 200}, "do_center_crop": True}, (200, 224)),
        ({"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 200}, "do_center_crop": False}, (256, 256)),
        ({"size": {"longest_edge": 980}}, (980, 980)),
        ({"size": 64}, (64, 64)),
        ({"size": None}, (448, 448)),
        ({"size": {"shortest_edge": 3136, "longest_edge": 12845056}, "merge_size": 2}, (448, 448)),
        ({"size": {"shortest_edge": 3136, "longest_edge": 12544}, "merge_size": 2}, (112, 112)),
        ({"size": {"shortest_edge": 1000000, "longest_edge": 2000000}, "merge_size": 2}, (1000, 1000)),
    ],
)
def test_a_processors_own_size_is_the_one_it_makes_of_any_image(settings: dict[str, Any], size: tuple[int, int]) -> None:
    assert images.own_size(Processor(**settings)) == size


def test_equal_seeds_draw_equal_images_and_clips_and_others_others() -> None:
    one, two, three = (np.asarray(images.draw(20, 10, seed)) for seed in (1, 1, 2))
    assert one.shape == (10, 20, 3)
    assert np.array_equal(one, two)
    assert not np.array_equal(one, three)
    clip = images.draw_clip(3, (20, 10), 1)
    assert len({frame.tobytes() for frame in clip}) == 3


@pytest.mark.parametrize("form", ["pil", "numpy", "encoded", "png"])
def test_an_image_has_its_size_and_says_its_form(form: str) -> None:
    one = media.image(images.draw(20, 10, 0), form)
    assert media.form_of([[one]]) == form
    assert media.size_of(one) == "20x10"


def test_an_array_is_not_the_images_own_memory() -> None:
    assert media.image(images.draw(4, 4, 0), "numpy").flags.writeable


def test_png_decodes_to_the_same_pixels_and_jpeg_to_near_ones() -> None:
    drawn = images.draw(40, 30, 0)
    for form, most in (("png", 0), ("encoded", 64)):
        decode = media.decoder({"images": [[media.image(drawn, form)]], "text": ["a"]})
        assert decode is not None
        decoded = decode()
        assert decoded["text"] == ["a"]
        difference = np.abs(np.asarray(decoded["images"][0][0]).astype(int) - np.asarray(drawn).astype(int))
        assert difference.max() <= most


def test_what_is_not_encoded_needs_no_decoder() -> None:
    assert media.decoder({"images": [images.draw(4, 4, 0)], "text": ["a"]}) is None


def test_a_clip_is_a_list_of_frames_or_one_array() -> None:
    frames = images.draw_clip(3, (20, 10), 0)
    assert media.clip(frames, "numpy").shape == (3, 10, 20, 3)
    assert media.clip(frames, "auto") == frames
    assert [media.form_of(frame) for frame in media.clip(frames, "encoded")] == ["encoded"] * 3


def test_sound_lasts_as_long_as_asked_and_survives_wav_to_16_bits() -> None:
    clip = audio.draw(2, 8000, 0)
    assert (clip.shape, str(clip.dtype)) == ((16000,), "float32")
    assert 0.05 < np.abs(clip).max() <= 1
    encoded = media.sound(clip, 8000, "encoded")
    assert media.samples_of(encoded) == media.samples_of(clip) == 16000
    assert np.abs(audio.from_wav(encoded)[0] - clip).max() <= 1 / 32767
    assert np.array_equal(clip, audio.draw(2, 8000, 0))


@pytest.mark.parametrize("form", ["pil", "png"])
def test_sound_has_no_form_of_an_image(form: str) -> None:
    with pytest.raises(Refused) as refused:
        media.sound(audio.draw(1, 100, 0), 100, form)
    assert refused.value.refusal.reason_code is ReasonCode.INPUT_MISMATCH
    assert form in refused.value.refusal.reason


def test_an_extractors_own_seconds_are_its_window_unless_it_hears_beside_text() -> None:
    windowed = Processor(chunk_length=30, n_samples=480_000)
    assert audio.own_seconds(windowed, alone=True) == 30
    assert audio.own_seconds(windowed, alone=False) == audio.own_seconds(Processor(), alone=True) == 5


@pytest.mark.torch
def test_tensors_have_their_channels_first() -> None:
    one = media.image(images.draw(20, 10, 0), "tensor")
    assert (tuple(one.shape), media.form_of(one), media.size_of(one)) == ((3, 10, 20), "tensor", "20x10")
    assert tuple(media.clip(images.draw_clip(2, (20, 10), 0), "tensor").shape) == (2, 3, 10, 20)
    assert media.samples_of(media.sound(audio.draw(1, 100, 0), 100, "tensor")) == 100


@pytest.mark.torch
def test_sound_in_tensors_is_handed_over_as_the_arrays_that_it_holds() -> None:
    samples = audio.draw(1, 100, 0)
    held = media.sound(samples, 100, "tensor")
    decode = media.decoder({"audio": [held, held], "text": ["a", "b"]})
    assert decode is not None
    decoded = decode()
    assert decoded["text"] == ["a", "b"]
    assert [media.form_of(clip) for clip in decoded["audio"]] == ["numpy", "numpy"]
    assert all(np.array_equal(clip, samples) and np.shares_memory(clip, samples) for clip in decoded["audio"])


@pytest.mark.torch
def test_sound_in_tensors_of_another_rate_is_resampled() -> None:
    held = media.sound(audio.draw(1, 200, 0), 200, "tensor")
    decode = media.decoder({"audio": [held], media.RATE: 200}, 100)
    assert decode is not None
    assert decode()["audio"][0].shape == (100,)


@pytest.mark.torch
def test_images_in_tensors_need_no_step() -> None:
    assert media.decoder({"images": [media.image(images.draw(20, 10, 0), "tensor")]}) is None
