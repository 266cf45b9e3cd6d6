import re
from typing import Any

import pytest
from pydantic import ValidationError

from bench.domain.axes import AXES
from bench.planning.document import Document, schema

LEAST: dict[str, Any] = {"version": 1, "name": "x", "models": ["gpt2"]}


def read(**changes: Any) -> Document:
    return Document.model_validate({**LEAST, **changes})


def said(**changes: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        read(**changes)
    return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in refused.value.errors()]


def test_the_least_suite_has_the_defaults() -> None:
    document = read()
    assert document.procedure.trials == 5
    assert document.load.page_cache is None
    assert document.limits.host_memory is None
    assert {axis.name for axis in AXES} == set(document.axes.model_dump())
    assert document.axes.model_dump()["batch_size"] == [1]


def test_a_distribution_is_spelled_in_one_way() -> None:
    document = read(axes={"prompt_tokens": [{"choice": [128, 8]}, {"uniform": [8, 40]}, 8]})
    assert document.axes.model_dump()["prompt_tokens"] == [{"choice": [8, 128]}, {"uniform": [8, 40]}, 8]


def test_models_may_be_named_in_every_way() -> None:
    ways: list[Any] = [
        "gpt2",
        {"preset": "tiny-bert", "task": "fill-mask"},
        {"path": "./mine", "task": "text-generation", "fresh_head": True, "num_labels": 3},
        {"hub": "org/name", "revision": "607a30d", "allow_pickle": True, "trust_remote_code": False},
    ]
    assert len(read(models=ways).models) == len(ways)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"version": 2}, "version: "),
        ({"version": True}, "version: version true is not known"),
        ({"version": "1"}, 'version: version "1" is not known'),
        ({"name": "a/b"}, "name: "),
        ({"name": ""}, "name: "),
        ({"name": "x "}, "name: "),
        ({"models": []}, "models: "),
        ({"models": [{"presets": "x"}]}, "models.0: "),
        ({"models": [5]}, "models.0: "),
        ({"models": [{"preset": "x", "path": "y"}]}, "models.0.<preset>.path: "),
        ({"models": [{"hub": "a/b/c"}]}, "models.0.<hub>.hub: "),
        ({"models": [{"path": "", "num_labels": 0}]}, "models.0.<path>.path: "),
        ({"colour": 1}, "colour: "),
        ({"axes": {"colour": [1]}}, "axes.colour: "),
        ({"axes": {"dtype": []}}, "axes.dtype: "),
        ({"axes": {"dtype": "float32"}}, "axes.dtype: "),
        ({"axes": {"dtype": ["float64"]}}, 'axes.dtype.0: dtype "float64" is not known (knows: float32, '),
        ({"axes": {"batch_size": [True]}}, "axes.batch_size.0: batch_size true is not known"),
        ({"axes": {"prompt_tokens": [{"normal": [8, 4]}]}}, 'axes.prompt_tokens.0: prompt_tokens {"normal":[8,4]} is not known'),
        ({"axes": {"prompt_tokens": [{"uniform": [8, 4]}]}}, "axes.prompt_tokens.0: prompt_tokens uniform takes the shortest"),
        ({"axes": {"prompt_tokens": [{"choice": [8]}]}}, "axes.prompt_tokens.0: prompt_tokens choice takes a list of lengths"),
        ({"axes": {"quantization": [{"method": "nf4"}]}}, 'axes.quantization.0: quantization method "nf4" is not known'),
        ({"axes": {"quantization": [{"skip": ["a"]}]}}, "axes.quantization.0: quantization method null is not known"),
        (
            {"axes": {"quantization": [{"method": "bnb-int8", "compute_dtype": "int8"}]}},
            'axes.quantization.0: quantization compute_dtype "int8" is not known',
        ),
        ({"axes": {"quantization": [{"method": "bnb-int8", "skip": "a"}]}}, "axes.quantization.0: quantization skip takes a list"),
        (
            {"axes": {"device_map": [{"modules": {"a": "cpu"}, "offload": "disk"}]}},
            "axes.device_map.0: device_map takes either modules",
        ),
        (
            {"axes": {"device_map": [{"offload": "tape"}]}},
            'axes.device_map.0: device_map offload "tape" is not known (knows: disk)',
        ),
        ({"axes": {"device_map": [{"max_memory": {}}]}}, "axes.device_map.0: device_map max_memory takes a mapping"),
        ({"axes": {"device_map": [{"modules": ["a"]}]}}, "axes.device_map.0: device_map modules takes a mapping"),
        ({"exclude": [{"dtype": "float64"}]}, 'exclude.0.dtype: dtype "float64" is not known'),
        ({"reference": {"engine": "steam"}}, 'reference.engine: engine "steam" is not known'),
        ({"scenario": "party"}, "scenario: "),
        ({"load": {"page_cache": "hot"}}, "load.page_cache: "),
        ({"procedure": {"warmup": -1}}, "procedure.warmup: warmup -1 is not known (knows: auto, "),
        ({"procedure": {"warmup": True}}, "procedure.warmup: warmup True is not known"),
        ({"procedure": {"warmup": "2.5"}}, "procedure.warmup: warmup 2.5 is not known"),
        ({"procedure": {"trials": 0}}, "procedure.trials: "),
        ({"procedure": {"time_limit_s": 0}}, "procedure.time_limit_s: "),
        ({"procedure": {"seed": 2**32}}, "procedure.seed: "),
        ({"procedure": {"start_method": "fork"}}, "procedure.start_method: "),
        ({"limits": {"host_memory": "8 gigs"}}, "limits.host_memory: host_memory 8 gigs is not known"),
        ({"limits": {"host_memory": 0}}, "limits.host_memory: host_memory 0 is not known"),
        ({"limits": {"host_memory": "0GiB"}}, "limits.host_memory: host_memory 0GiB is not known"),
    ],
)
def test_what_may_not_be_written_is_refused_in_its_place(changes: dict[str, Any], place: str) -> None:
    assert any(one.startswith(place) for one in said(**changes)), said(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"procedure": {"warmup": value}} for value in ("auto", 0, 3, "2.5s")
    ]
    + [{"limits": {"host_memory": value}} for value in ("8GiB", 1)]
    + [{"axes": {"quantization": [{"method": "bnb-nf4", "skip": ["lm_head"], "compute_dtype": "bfloat16"}]}}]
    + [{"axes": {"device_map": [{"max_memory": {"cpu": "4MB"}, "offload": "disk"}, {"modules": {"lm_head": "cpu"}}]}}]
    + [{"axes": {"freeze": [["encoder.*"], []]}}]
    + [{"exclude": [{"model": "gpt2", "dtype": "float32"}], "include": [{"batch_size": 32}], "reference": {"dtype": "float32"}}],
)  # fmt: skip
def test_what_may_be_written_is_accepted(changes: dict[str, Any]) -> None:
    read(**changes)


def test_the_schema_describes_every_axis_to_an_editor() -> None:
    described = Document.model_json_schema()
    axes = described["$defs"]["Axes"]["properties"]
    assert set(axes) == {axis.name for axis in AXES}
    for axis in AXES:
        assert axes[axis.name]["description"] == axis.meaning
    assert axes["batch_size"]["items"] == {"type": "integer", "minimum": 1}
    assert {"enum": ["auto"]} in axes["threads"]["items"]["anyOf"]
    pattern = next(kind["pattern"] for kind in axes["image_size"]["items"]["anyOf"] if "pattern" in kind)
    assert re.fullmatch(pattern, "640x480")
    assert described["additionalProperties"] is False


def test_the_schema_says_which_language_it_is_in() -> None:
    found = schema()
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["properties"]
