"""Distributions of lengths: what they allow, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.domain import lengths
from bench.domain.values import Json


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({}, "takes one distribution, uniform or choice"),
        ({"uniform": [1, 2], "choice": [1, 2]}, "takes one distribution"),
        ({"uniform": [40, 8]}, "uniform takes the shortest and the longest"),
        ({"uniform": [8, 8]}, "uniform takes the shortest and the longest"),
        ({"uniform": [8]}, "uniform takes the shortest and the longest"),
        ({"uniform": 8}, "uniform takes the shortest and the longest"),
        ({"uniform": [0, 8]}, "uniform takes the shortest and the longest"),
        ({"uniform": [1, True]}, "uniform takes the shortest and the longest"),
        ({"choice": []}, "choice takes a list of lengths"),
        ({"choice": [8, 8]}, "choice takes a list of lengths, at least two different ones"),
        ({"choice": [8, "9"]}, "choice takes a list of lengths"),
    ],
)
def test_what_is_no_distribution_is_said(value: dict[str, Json], what: str) -> None:
    said = lengths.said("prompt_tokens", value)
    assert said is not None
    assert said.startswith(f"prompt_tokens {what}")


@pytest.mark.parametrize("value", [{"uniform": [8, 40]}, {"choice": [8, 16, 128]}, {"choice": (8, 8, 16)}])
def test_of_a_distribution_nothing_is_said(value: dict[str, Json]) -> None:
    assert lengths.said("prompt_tokens", value) is None


@given(st.sampled_from([{"uniform": [8, 40]}, {"choice": [8, 16, 128]}]), st.integers())
def test_what_is_drawn_is_allowed_and_the_same_for_a_seed(value: dict[str, Json], seed: int) -> None:
    drawn = lengths.draw(value, seed)
    assert lengths.allows(value, drawn)
    assert drawn <= lengths.longest(value)
    assert lengths.draw(value, seed) == drawn


def test_every_length_comes_up() -> None:
    assert {lengths.draw({"uniform": [3, 6]}, seed) for seed in range(200)} == {3, 4, 5, 6}
    assert {lengths.draw({"choice": [3, 6]}, seed) for seed in range(200)} == {3, 6}


@pytest.mark.parametrize(
    ("value", "length"),
    [
        ({"uniform": [8, 40]}, 41),
        ({"uniform": [8, 40]}, 7),
        ({"choice": [8, 40]}, 9),
        ({"choice": [8, 40]}, 8.0),
        ({"choice": [8, 40]}, None),
    ],
)
def test_other_lengths_are_not_allowed(value: dict[str, Json], length: Json) -> None:
    assert not lengths.allows(value, length)


def test_lengths_are_spelled_in_their_order() -> None:
    assert lengths.ordered({"choice": [16, 8, 16]}) == {"choice": [8, 16, 16]}


@pytest.mark.parametrize(
    ("value", "longest"), [({"uniform": [8, 40]}, 40), ({"choice": [128, 16]}, 128), (32, 32), ("auto", 0), (None, 0)]
)
def test_the_longest_length_is_known(value: Json, longest: int) -> None:
    assert lengths.longest(value) == longest


def test_a_mapping_of_something_else_is_an_error() -> None:
    with pytest.raises(TypeError, match="is not a distribution of lengths"):
        lengths.longest({"method": "bnb-int8"})


def test_sizes_are_chosen_from_a_list() -> None:
    value: dict[str, Json] = {"choice": ["640x480", "96x128", "224x224"]}
    assert lengths.said("image_size", value, lengths.KEYS_OF_SIZES) is None
    assert lengths.ordered(value) == {"choice": ["96x128", "224x224", "640x480"]}
    drawn = {lengths.draw_size(value, seed) for seed in range(99)}
    assert drawn == {"640x480", "96x128", "224x224"}
    assert all(lengths.allows(value, size) for size in drawn)
    assert not lengths.allows(value, "8x8")


@pytest.mark.parametrize("value", [{"choice": ["224x224"]}, {"choice": [8, 16]}, {"choice": ["0x8", "8x8"]}, {"choice": "8x8"}])
def test_other_sizes_are_told(value: dict[str, Json]) -> None:
    assert lengths.said("image_size", value, lengths.KEYS_OF_SIZES) == (
        "image_size choice takes a list of sizes, at least two different ones such as [224x224, 640x480]"
    )


def test_sizes_are_no_lengths() -> None:
    with pytest.raises(TypeError, match="is not a distribution of lengths"):
        lengths.draw({"choice": ["8x8", "9x9"]}, 0)
