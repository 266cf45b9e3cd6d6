"""Whatever stands in a suite's file, `bench check` has an answer: a plan, or problems with their lines."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.domain.axes import AXES
from bench.domain.errors import SuiteError, UsageError
from bench.domain.plan import Plan
from tests.support.suites import a_file, planned

a_scalar = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.integers(0, 9).map(lambda number: 10 ** (10**number % 40)),
)
a_value = st.recursive(
    a_scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3), max_leaves=8
)
choices = sorted({str(choice) for axis in AXES for choice in axis.choices})
an_axis_value = st.one_of(a_value, st.integers(0, 8), st.sampled_from(choices), st.sampled_from(["cuda:0", "64x64", "2s"]))
some_axes = st.dictionaries(
    st.sampled_from([axis.name for axis in AXES]), st.lists(an_axis_value, max_size=3) | a_value, max_size=4
)
a_selection = st.dictionaries(st.sampled_from(["model", "task", *(axis.name for axis in AXES)]), an_axis_value, max_size=3)
a_model = st.one_of(
    st.sampled_from(["tiny-gpt2", "tiny-bert", "tiny-vit", "gpt2"]),
    st.fixed_dictionaries({"preset": st.sampled_from(["tiny-clip", "no"])}, optional={"task": st.sampled_from(["fill-mask", "x"])}),
    st.fixed_dictionaries({"path": st.text(max_size=8)}, optional={"task": st.sampled_from(["fill-mask", "x"])}),
    a_value,
)
some_keys = st.dictionaries(
    st.sampled_from(["trials", "max_trials", "warmup", "seed", "order", "time_limit_s", "min_seconds", "target_interval"]),
    a_value,
    max_size=3,
)
a_document = st.fixed_dictionaries(
    {"version": st.sampled_from([1, 1, 1, 2, "1"]), "name": st.sampled_from(["x", "x", "a b"]) | st.text(max_size=5)},
    optional={
        "models": st.lists(a_model, max_size=3) | a_value,
        "axes": some_axes | a_value,
        "include": st.lists(a_selection, max_size=2) | a_value,
        "exclude": st.lists(a_selection, max_size=2) | a_value,
        "reference": a_selection | a_value,
        "scenario": st.sampled_from(["inference", "train-step", "load"]) | a_value,
        "load": st.just({"page_cache": "warm"}) | a_value,
        "procedure": some_keys | a_value,
        "limits": st.fixed_dictionaries({"host_memory": st.sampled_from(["1GiB", 5]) | a_value}) | a_value,
        "more": a_value,
    },
)


def answered(text: str) -> None:
    """Check that TEXT leads to a plan, or to an error of the kind that is meant for its author."""
    with TemporaryDirectory() as folder:
        found = plan_or_error(a_file(Path(folder), text))
    if isinstance(found, Plan):
        ids = [case.id for case in (*(one.case for one in found.cases), *(one.case for one in found.skipped))]
        assert len(set(ids)) == len(ids)
    elif isinstance(found, SuiteError):
        assert found.problems
        lines = len(re.split("\r\n|[\r\n\x85\u2028\u2029]", text))  # all that YAML takes for the end of a line
        assert all(1 <= problem.line <= lines and "\n" not in problem.what for problem in found.problems), found


def plan_or_error(path: Path) -> Plan | SuiteError | UsageError:
    try:
        return planned(path)
    except (SuiteError, UsageError) as error:
        return error


@settings(max_examples=150, deadline=None)
@given(a_document)
def test_any_document_has_an_answer(document: Any) -> None:
    answered(json.dumps(document, indent=1))


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    answered(text)


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("-?:,[]{}#&*!|>'\"%@`\n \tab1.~<\\xu0"), max_size=40))
def test_any_text_of_the_signs_of_yaml_has_an_answer(text: str) -> None:
    answered(f"version: 1\nname: x\nmodels: [tiny-gpt2]\n{text}")
