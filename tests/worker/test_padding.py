"""What padding costs, and what a matrix is of: from masks and counts that are known."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from bench.domain.metric import Samples
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker import retrieval
from bench.worker.material import padding

BOTH = frozenset({Trait.TEXT, Trait.IMAGE, Trait.MATCHES})


class Mask:
    """A mask of ones and zeros, as far as padding looks at it."""

    def __init__(self, *values: int) -> None:
        self.values = values

    def __ne__(self, other: object) -> "Mask":  # type: ignore[override]
        return Mask(*(int(value != other) for value in self.values))

    __hash__ = None  # type: ignore[assignment]

    def sum(self) -> int:
        return sum(self.values)

    def numel(self) -> int:
        return len(self.values)


class Shaped:
    def __init__(self, *shape: int) -> None:
        self.shape = shape

    def numel(self) -> int:
        return math.prod(self.shape)


def by_part(found: tuple[Samples, ...]) -> dict[str | None, float]:
    return {one.part: one.values[0] for one in found}


def test_the_whole_is_that_of_the_tokens_and_each_modality_has_its_part() -> None:
    tensors: Mapping[str, Any] = {"pixel_mask": Mask(1, 1, 0, 0)}
    found = padding.waste(tensors, {"prompt_units": 30, "padded_prompt_tokens": 40})
    assert by_part(found) == {None: 0.25, "modality=text": 0.25, "modality=image": 0.5}


def test_sound_is_held_against_its_window() -> None:
    observed: Mapping[str, Json] = {"padded_audio_seconds": 30.0, "batch_audio_seconds": 12.0}
    found = by_part(padding.waste({"input_features": Shaped(2, 80, 3000)}, observed))
    assert found == {None: pytest.approx(0.8), "modality=audio": pytest.approx(0.8)}


def test_sound_longer_than_its_window_has_no_padding() -> None:
    observed: Mapping[str, Json] = {"padded_audio_seconds": 30.0, "batch_audio_seconds": 31.0}
    assert by_part(padding.waste({"input_features": Shaped(1, 80, 3000)}, observed)) == {None: 0.0, "modality=audio": 0.0}


def test_sound_as_it_is_has_the_padding_of_its_mask() -> None:
    tensors: Mapping[str, Any] = {"input_values": Shaped(2, 2), "attention_mask": Mask(1, 1, 1, 0)}
    assert by_part(padding.waste(tensors, {})) == {None: 0.25, "modality=audio": 0.25}


def test_features_of_sound_have_the_padding_of_their_mask_unless_it_is_that_of_a_text() -> None:
    tensors: Mapping[str, Any] = {"input_features": Shaped(2, 2, 80), "attention_mask": Mask(1, 1, 1, 0)}
    assert by_part(padding.waste(tensors, {})) == {None: 0.25, "modality=audio": 0.25}
    assert padding.waste({**tensors, "input_ids": Shaped(2, 2)}, {}) == ()


def test_waves_without_a_mask_have_the_padding_that_no_clip_fills() -> None:
    observed: Mapping[str, Json] = {"batch_audio_seconds": 1.5, "sampling_rate": 100}
    found = by_part(padding.waste({"input_values": Shaped(2, 100)}, observed, [{"input_values": Shaped(2, 150)}]))
    assert found == {None: pytest.approx(0.4), "modality=audio": pytest.approx(0.4)}
    assert padding.waste({"input_values": Shaped(2, 100, 128)}, observed) == (), "a spectrogram is no wave"


def test_where_no_modality_tells_nothing_is_sampled() -> None:
    assert padding.waste({"pixel_values": Shaped(1, 3, 8, 8)}, {}) == ()


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ({"images": "auto", "texts": "auto"}, None),
        ({"images": 3, "texts": "auto"}, (3, 3)),
        ({"images": "auto", "texts": 5}, (2, 5)),
        ({"images": 3, "texts": 5}, (3, 5)),
    ],
)
def test_a_matrix_is_there_where_a_side_is_asked_for(axes: Mapping[str, Json], shape: tuple[int, int] | None) -> None:
    assert retrieval.shape_of(BOTH, {"batch_size": 2, **axes}) == shape
    assert retrieval.shape_of(BOTH - {Trait.MATCHES}, {"batch_size": 2, **axes}) is None


def test_items_go_through_in_pieces_the_last_with_what_is_left() -> None:
    tensors = {"a": Sliced(5)}
    assert [[one.rows for one in some.values()] for some in retrieval.chunks(tensors, 2)] == [[2], [2], [1]]


class Sliced:
    """Rows of a tensor that can be cut."""

    def __init__(self, rows: int) -> None:
        self.rows, self.shape = rows, (rows, 3)

    def __getitem__(self, rows: slice) -> "Sliced":
        return Sliced(len(range(*rows.indices(self.rows))))


@pytest.mark.torch
def test_tiles_without_a_picture_are_padding_over_all_batches() -> None:
    import torch

    full, half = torch.ones(1, 2, 3, 4, 4), torch.ones(1, 2, 3, 4, 4)
    half[0, 1] = 0
    found = padding.waste({"pixel_values": full}, {"batch_images": 1}, [{"pixel_values": half}])
    assert by_part(found) == {None: 0.25, "modality=image": 0.25}
    assert padding.waste({"pixel_values": half}, {"batch_frames": 2}) == ()
