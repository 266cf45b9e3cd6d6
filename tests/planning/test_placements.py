"""Mappings of device_map: places and amounts that there are."""

import pytest

from bench.domain.values import Json
from bench.planning.placements import said


@pytest.mark.parametrize(
    "value",
    [
        {"max_memory": {"cpu": "200MB", "cuda:0": "4GiB", "0": 1000}, "offload": "disk"},
        {"max_memory": {"cpu": 0}},
        {"modules": {"vision_model": "cuda:1", "lm_head": "disk", "model": "cpu"}},
    ],
)
def test_places_and_amounts_are_read(value: dict[str, Json]) -> None:
    assert said("device_map", value) is None


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ({"modules": {"a": "cpu"}, "offload": "disk"}, "takes either modules, or max_memory and offload"),
        ({"max_memory": {"cpu": "1MB"}, "offload": "tape"}, 'offload "tape" is not known'),
        ({"max_memory": {}}, "max_memory takes a mapping with at least one entry"),
        ({"modules": "cpu"}, "modules takes a mapping with at least one entry"),
        ({"max_memory": {"gpu": "1MB"}}, 'max_memory "gpu" is no place (knows: cpu, cuda:N, xpu:N, N, mps, disk)'),
        ({"modules": {"a": "attic"}}, 'modules "attic" is no place'),
        ({"modules": {"a": None}}, "modules null is no place"),
        ({"max_memory": {"cpu": "much"}}, 'max_memory "much" is not known (knows: bytes as an integer'),
        ({"max_memory": {"cpu": "1.5GiB"}}, 'max_memory "1.5GiB" is not known'),
        ({"max_memory": {"cpu": -1}}, "max_memory -1 is not known"),
        ({"max_memory": {"cpu": True}}, "max_memory true is not known"),
    ],
)
def test_what_is_none_is_told(value: dict[str, Json], wrong: str) -> None:
    assert wrong in (said("device_map", value) or "")
