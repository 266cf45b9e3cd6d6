"""What a batch holds in all, counted in what is in hand."""

from types import SimpleNamespace
from typing import Any

import pytest

from bench.worker.loads.loading import Loaded
from bench.worker.material import batch, images, media


def counted(**raw: Any) -> dict[str, Any]:
    extractor = SimpleNamespace(sampling_rate=16_000)
    return batch.of_raw(Loaded(model=None, processor=extractor, device="cpu", stage_s={}, total_s=0.0), raw)


@pytest.mark.parametrize("form", ["pil", "numpy", "encoded", "png"])
def test_images_and_their_pixels_are_counted_whatever_their_form_and_number(form: str) -> None:
    drawn = [media.image(images.draw(width, 20, 0), form) for width in (30, 40, 50)]
    assert counted(images=[drawn[:1], drawn[1:]]) == {"batch_images": 3, "batch_pixels": 20 * 120}
    assert counted(images=drawn[:2]) == {"batch_images": 2, "batch_pixels": 20 * 70}


def test_frames_of_all_clips_are_counted_with_their_pixels() -> None:
    clips = [media.clip(images.draw_clip(frames, (30, 20), 0), "numpy") for frames in (2, 3)]
    assert counted(videos=clips) == {"batch_frames": 5, "batch_pixels": 5 * 600}


def test_sound_is_counted_in_seconds_that_need_not_be_whole() -> None:
    assert counted(audio=[[0.0] * 8_000, [0.0] * 16_000]) == {"batch_audio_seconds": 1.5}


def test_texts_are_counted_in_bytes_not_in_letters_pairs_and_lists_of_lists_too() -> None:
    assert counted(text=["a", "é"], text_pair=[["bc"], ["d"]]) == {"batch_text_bytes": 6}


def test_nothing_in_hand_gives_no_facts() -> None:
    assert counted() == {}
