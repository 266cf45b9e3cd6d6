import json

import pytest

from bench.protocol.codec import CodecError
from bench.protocol.messages import VERSION, Finished, Forked, Unknown, decode_event, decode_request, encode
from tests.support.cases import a_request


def test_a_line_carries_its_type_and_the_version() -> None:
    assert json.loads(encode(Forked(pid=7))) == {"v": VERSION, "type": "forked", "pid": 7}


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_message_of_another_version_is_refused(version: object) -> None:
    line = json.dumps({"v": version, "type": "finished"})
    for decode in (decode_event, decode_request):
        with pytest.raises(CodecError, match=f"not a message of protocol version {VERSION}"):
            decode(line)


@pytest.mark.parametrize("line", ["[]", "1", '"x"', "{}"])
def test_what_is_no_message_is_refused(line: str) -> None:
    with pytest.raises(CodecError, match="not a message"):
        decode_event(line)


@pytest.mark.parametrize("line", ["", "{", "hello", '{"v": NaN}'])
def test_what_is_no_json_is_refused(line: str) -> None:
    with pytest.raises(CodecError, match="not JSON"):
        decode_event(line)


def test_an_unknown_request_is_refused_and_the_known_ones_named() -> None:
    with pytest.raises(CodecError, match=r"request 'dance' is not known \(knows: build, "):
        decode_request('{"v": 1, "type": "dance"}')
    with pytest.raises(CodecError, match="request 'None' is not known"):
        decode_request('{"v": 1}')


def test_unknown_fields_of_a_request_are_refused() -> None:
    form = json.loads(encode(a_request()))
    with pytest.raises(CodecError, match=r"Measure: unknown field 'haste'"):
        decode_request(json.dumps({**form, "haste": 1}))
    form["procedure"]["haste"] = 1
    with pytest.raises(CodecError, match=r"Measure.procedure: unknown field 'haste'"):
        decode_request(json.dumps(form))


def test_an_unknown_event_is_kept_whole() -> None:
    assert decode_event('{"v": 1, "type": "weather", "rain": true}') == Unknown(line={"type": "weather", "rain": True})


def test_a_known_event_of_another_form_is_refused() -> None:
    with pytest.raises(CodecError, match="Finished: unknown field 'early'"):
        decode_event('{"v": 1, "type": "finished", "early": true}')
    assert decode_event('{"v": 1, "type": "finished"}') == Finished()
