import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.domain.values import Json
from bench.planning import tree
from bench.planning.tree import Node

Complaint = tuple[int, str]


def read(text: str) -> tuple[Node | None, list[Complaint]]:
    complaints: list[Complaint] = []
    node = tree.read(text, lambda line, what: complaints.append((line, what)))
    return node, complaints


def value(text: str) -> Json:
    node, complaints = read(text)
    assert complaints == []
    assert node is not None
    return node.value


def complaint(text: str) -> Complaint:
    node, complaints = read(text)
    assert node is None
    (one,) = complaints
    return one


@pytest.mark.parametrize(
    ("spelling", "meant"),
    [
        ("1e-3", 0.001),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1_000", 1000),
        ("0x10", 16),
        ("0o10", 8),
        ("010", 10),
        ("+3", 3),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("12:30", "12:30"),
        ("2026-11-25", "2026-11-25"),
        ("607a30d", "607a30d"),
        ("607e30", 607e30),
        ("8GiB", "8GiB"),
        ("!!str 1", "1"),
        ("!!int '1'", 1),
        ("'\\ud800'", "\\ud800"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(spelling: str, meant: Json) -> None:
    assert value(f"a: {spelling}") == {"a": meant}
    assert type(value(f"a: {spelling}")["a"]) is type(meant)  # type: ignore[index,call-overload]


@pytest.mark.parametrize(
    "spelling", [".inf", "-.inf", ".nan", "1e999", "!!int x", "!!float x", "1" * 5000, "1" * 30, "0x" + "f" * 20]
)
def test_what_is_no_number_is_complained_of_and_reading_goes_on(spelling: str) -> None:
    node, complaints = read(f"b: 1\na: {spelling}\nc: 2\n")
    assert node is not None
    assert len(complaints) == 1
    line, what = complaints[0]
    assert line == 2
    assert what.endswith("is not a number that can be used here")


def test_lists_and_mappings_nest_and_remember_their_lines() -> None:
    node, complaints = read("a:\n  - 1\n  - {b: 2,\n     c: 3}\nd: x\n")
    assert complaints == []
    assert node is not None
    assert node.value == {"a": (1, {"b": 2, "c": 3}), "d": "x"}
    assert node.line_of(("a", 0)) == 2
    assert node.line_of(("a", 1, "c")) == 4
    assert node.line_of_key(("a",)) == 1
    assert node.line_of_key(("a", 1, "c")) == 4
    assert node.line_of(("a", 1, "nothing")) == 3, "the nearest value above"
    assert node.line_of_key(("a", 1, "nothing")) == 3
    assert node.line_of_key(("nothing", "below")) == 1
    assert node.line_of(()) == node.line_of_key(()) == 1


def test_every_duplicate_key_is_complained_of_and_the_first_counts() -> None:
    node, complaints = read('a: 1\nb: 2\na: 3\n"a": 4\n1: x\n"1": y\n')
    assert complaints == [
        (3, 'key "a" is given twice, first in line 1'),
        (4, 'key "a" is given twice, first in line 1'),
        (6, 'key "1" is given twice, first in line 5'),
    ]
    assert node is not None
    assert node.value == {"a": 1, "b": 2, "1": "x"}


def test_an_alias_is_what_its_anchor_names() -> None:
    assert value("a: &x [1, {b: 2}]\nc: *x\n") == {"a": (1, {"b": 2}), "c": (1, {"b": 2})}
    assert value("a: &x 1\na2: &x 2\nb: *x\n") == {"a": 1, "a2": 2, "b": 2}, "a later anchor of the same name takes its place"
    assert value("&k key: 1\nother: *k\n") == {"key": 1, "other": "key"}
    assert value("a: &x word\n*x : 1\n") == {"a": "word", "word": 1}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: *x\n", 1, 'alias "x" has no anchor before it'),
        ("a: 1\nb: &x [*x]\n", 2, 'alias "x" stands inside what it names'),
        ("a: &x [1]\n*x : 2\n", 2, "a list or a mapping cannot be a key"),
        ("[1]: 2\n", 1, "a list or a mapping cannot be a key"),
        ("{a: 1}: 2\n", 1, "a list or a mapping cannot be a key"),
        ("a: 1\n---\nb: 2\n", 2, "a second document begins here. A suite file holds one"),
        ("%YAML 1.1\n---\na: 1\n", 2, "suites are YAML 1.2, where yes and no are words. Leave the %YAML line out"),
        ('a: 1\nb: "\\ud800"\n', 2, "half of a surrogate pair is not a character"),
        ('a: 1\n"\\udfff": 1\n', 2, "half of a surrogate pair is not a character"),
        ("[" * 18 + "]" * 18, 1, "nested deeper than 16 levels"),
        ("[" * 50_000, 1, "nested deeper than 16 levels"),
        ("a:\n" + "".join(f"{' ' * depth}- \n" for depth in range(1, 40)), 18, "nested deeper than 16 levels"),
    ],
)
def test_what_cannot_be_read_past_its_line_is_complained_of_once(text: str, line: int, said: str) -> None:
    found_line, found = complaint(text)
    assert found == said
    assert abs(found_line - line) <= 1


@pytest.mark.parametrize("text", ["%YAML 1.2\n---\na: 1\n", "\ufeffa: 1\n", "---\na: 1\n", "a: 1\n...\n", "# only\na: 1\n"])
def test_what_yaml_1_2_allows_around_a_document_is_allowed(text: str) -> None:
    assert value(text) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\n\tb: 2\n", 2),
        ("a: [1, 2\n", 2),
        ("a: 'open\n", 2),
        ("a: 1\n b: 2\n", 2),
        ("a: @x\n", 1),
        ("a: 1\nb: \x07\n", 2),
        ("a: \ud800\n", 1),
        ("%FOO\n%YAML x\n---\na", 2),
        ("a: !<> x\n", 1),
        ("a: {b: 1}}\n", 1),
    ],
)
def test_what_is_no_yaml_is_complained_of_in_its_line(text: str, line: int) -> None:
    found_line, said = complaint(text)
    assert said.startswith(("this is not YAML: ", "half of a surrogate"))
    assert "\n" not in said
    assert found_line in {1, line, line - 1}


def test_a_stranger_s_tag_is_complained_of_and_builds_nothing() -> None:
    node, complaints = read("a: !!python/object/apply:os.system [rm]\nb: !mine x\nc: !!binary aGk=\nd: !!set {x}\n")
    assert node is not None
    assert node.value == {"a": ("rm",), "b": "x", "c": "aGk=", "d": {"x": None}}
    assert [line for line, _ in complaints] == [1, 2, 3, 4]
    assert complaints[0][1].startswith("tag !!python/object/apply:os.system is not known")


def test_a_billion_laughs_are_not_laughed() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 10)}]" for depth in range(1, 12)]
    line, said = complaint("\n".join(lines))
    assert said == "more than 100,000 values, aliases unfolded"
    assert line <= 6


def test_an_empty_text_is_no_document() -> None:
    assert read("") == (None, [])
    assert read("# nothing\n") == (None, [])


PIECES = st.sampled_from(
    (
        *("a: ", "- ", "&x ", "*x", "\n", " ", "{", "}", "[", "]", "? ", "!!int ", "!<", "|", ">", "'", "1e-3"),
        *("%YAML ", "%TAG ", "---\n", "...\n", '"\\U0011FFFF"', '"\\x"'),
    )
)
TRAPS = st.sampled_from(list("-:,[]{}&*!|>'\"%@`#?~\\\t\n\r \ufeff\u2028\x85\x00\ud800aeo01._=<"))


@given(text=st.text() | st.text(TRAPS, max_size=60) | st.lists(PIECES).map("".join))
@example("%TAG ! tag:\n---\n!x")
@example("%YAML 1.\n---\n")
@example("? ")
@example("!<")
@example("a: &")
def test_any_text_is_read_or_complained_of_and_never_raises(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        node, complaints = read(text)
    assert node is None or isinstance(node, Node)
    assert all(line >= 1 and what and "\n" not in what for line, what in complaints)


def test_values_can_be_given_to_validators_of_lists() -> None:
    assert tree.plain({"a": (1, ({"b": "text"},)), "c": None}) == {"a": [1, [{"b": "text"}]], "c": None}
