import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.domain.metric import Better, Metric, Reduce, Samples, Unit
from bench.domain.model import ModelFacts, ModelRef, SequenceLimit
from bench.domain.plan import Case
from bench.domain.procedure import Procedure, Warmup
from bench.domain.record import Phase, Record
from bench.domain.values import Json, canonical
from bench.protocol import messages
from bench.protocol.codec import CodecError, dumps, from_json, loads, parse, to_json
from bench.protocol.messages import Event, Request, Unknown, decode_event, decode_request, encode
from tests.support.cases import a_request

FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def _mappings(kind: type) -> st.SearchStrategy[dict[str, object]]:
    values = JSON if get_args(kind)[1] is Json else st.from_type(get_args(kind)[1])
    return st.dictionaries(st.text(), values, max_size=3)


st.register_type_strategy(float, FINITE)
st.register_type_strategy(Mapping, _mappings)
NOUNS = (Samples, Metric, ModelFacts, ModelRef, SequenceLimit, Case, Procedure, Warmup, Phase, Record)
REQUESTS = get_args(Request)
EVENTS = tuple(kind for kind in get_args(Event) if kind is not Unknown)


@pytest.mark.parametrize("kind", NOUNS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_noun_comes_back_as_it_went(kind: type[object], data: st.DataObject) -> None:
    noun = data.draw(st.from_type(kind))
    assert loads(kind, dumps(noun)) == noun


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_request_comes_back_as_it_went(kind: type[Request], data: st.DataObject) -> None:
    request = data.draw(st.from_type(kind))
    assert decode_request(encode(request)) == request


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_event_comes_back_as_it_went(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(st.from_type(kind))
    line = encode(event)
    assert "\n" not in line
    assert decode_event(line) == event


@given(value=JSON)
def test_any_json_value_survives_in_a_field_of_json(value: Json) -> None:
    case = Case(id="i", label="l", requested={"axis": value})
    assert loads(Case, dumps(case)) == case


@given(text=st.text(st.characters(codec=None)))
def test_any_text_is_one_line_of_ascii(text: str) -> None:
    line = dumps(Case(id=text, label=text, requested={}))
    assert line.isascii()
    assert "\n" not in line
    assert loads(Case, line.encode()).id == text


def test_half_a_surrogate_pair_can_be_written() -> None:
    line = dumps(Case(id="\ud800", label="", requested={}))
    assert loads(Case, line.encode()).id == "\ud800"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_not_written(number: float) -> None:
    with pytest.raises(CodecError):
        dumps(Phase(name="load", started_s=number))
    with pytest.raises(CodecError):
        encode(messages.PhaseBegan(name="load", at_s=number))


@pytest.mark.parametrize(
    "spelling", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" + "0" * 400, "true", '"1"', "null", "[1]"]
)
def test_what_is_no_number_is_not_read(spelling: str) -> None:
    with pytest.raises(CodecError):
        loads(Phase, f'{{"name": "load", "started_s": {spelling}}}')


def test_the_largest_number_is_a_number() -> None:
    phase = Phase(name="load", started_s=sys.float_info.max)
    assert loads(Phase, dumps(phase)) == phase


def test_an_integer_where_a_float_is_meant_is_read_as_a_float() -> None:
    assert type(loads(Phase, '{"name": "load", "started_s": 1}').started_s) is float


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("NaN", "not JSON: NaN is not a number"),
        ("[]", "Samples: expected an object, found []"),
        ('{"phase": "x"}', "Samples: field 'metric' is missing; field 'values' is missing"),
        (
            '{"metric": {}, "phase": "x", "values": [], "shape": 1, "colour": 2}',
            "Samples: unknown field 'colour'; unknown field 'shape'",
        ),
    ],
)
def test_a_line_of_another_form_is_refused_and_the_place_named(line: str, said: str) -> None:
    with pytest.raises(CodecError) as refused:
        loads(Samples, line)
    assert said in str(refused.value)


METRIC: dict[str, Json] = {"name": "forward", "unit": "s", "better": "lower", "definition": "forward.v1"}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("metric", {**METRIC, "unit": "ms"}, 'Samples.metric.unit: expected one of s, B, 1, 1/s, token/s, J, W, found "ms"'),
        ("metric", {**METRIC, "unit": ["s"]}, "Samples.metric.unit: expected one of"),
        ("metric", {**METRIC, "deterministic": 1}, "Samples.metric.deterministic: expected bool, found 1"),
        ("metric", {**METRIC, "name": None}, "Samples.metric.name: expected str, found null"),
        ("values", {"0": 1.0}, "Samples.values: expected an array"),
        ("values", [1.0, "x" * 100], 'Samples.values: expected a finite number, found "' + "x" * 59 + "…"),
        ("phase", 1, "Samples.phase: expected str, found 1"),
        ("part", 1, "Samples.part: expected str, found 1"),
    ],
)
def test_a_value_of_another_type_is_refused_and_the_place_named(field: str, value: Json, said: str) -> None:
    form: dict[str, Json] = {"metric": METRIC, "phase": "measure.forward", "values": [1.0], "part": None}
    assert from_json(Samples, form).part is None
    with pytest.raises(CodecError) as refused:
        from_json(Samples, {**form, field: value})
    assert str(refused.value).startswith(said)


def test_a_boolean_is_no_integer_and_an_integer_no_boolean() -> None:
    with pytest.raises(CodecError, match=r"Procedure.trials: expected int, found true"):
        from_json(Procedure, {"trials": True})
    with pytest.raises(CodecError, match=r"Procedure.trials: expected int, found 1.0"):
        from_json(Procedure, {"trials": 1.0})


def test_a_mapping_must_be_an_object() -> None:
    with pytest.raises(CodecError, match=r"ModelFacts.notes: expected an object, found \[\]"):
        from_json(ModelFacts, {"ref": to_json(a_request().model.ref), "task": "t", "content": "c", "notes": []})
    with pytest.raises(CodecError, match=r"ModelFacts.notes.x: expected str, found 1"):
        from_json(ModelFacts, {"ref": to_json(a_request().model.ref), "task": "t", "content": "c", "notes": {"x": 1}})


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}, 1j, Metric], ids=lambda value: type(value).__name__)
def test_what_has_no_json_form_is_refused(value: object) -> None:
    with pytest.raises(CodecError, match="has no JSON form"):
        to_json(value)


def test_sets_are_written_in_order_so_that_equal_nouns_have_equal_lines() -> None:
    assert to_json(frozenset({"b", "a", "c"})) == ["a", "b", "c"]


def test_enums_are_written_as_their_values() -> None:
    class Shade(Enum):
        DARK = "dark"

    class Word(StrEnum):
        YES = "yes"

    assert to_json({Word.YES: Shade.DARK}) == {"yes": "dark"}


@dataclass(frozen=True)
class Torn:
    """A noun that the codec cannot serve."""

    value: int | str


def test_a_union_of_two_kinds_is_refused_when_it_is_declared() -> None:
    with pytest.raises(TypeError, match="unions with None only"):
        from_json(Torn, {"value": 1})


def test_json_itself_is_parsed_strictly() -> None:
    assert parse(b'{"a": [1, null]}') == {"a": [1, None]}
    with pytest.raises(CodecError):
        parse(b"\xff")


def test_the_canonical_spelling_has_one_form_and_no_nan() -> None:
    assert canonical({"b": [1, 2.5, None], "a": "é"}) == '{"a":"é","b":[1,2.5,null]}'
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))


def test_metrics_of_the_worker_survive_with_all_their_words() -> None:
    metric = Metric(
        name="memory.host_peak",
        unit=Unit.BYTE,
        better=Better.LOWER,
        definition="memory.host_peak.v1",
        reduce=Reduce.MAX,
        deterministic=True,
    )
    assert json.loads(dumps(metric)) == {
        "name": "memory.host_peak",
        "unit": "B",
        "better": "lower",
        "definition": "memory.host_peak.v1",
        "reduce": "max",
        "deterministic": True,
    }
