from pathlib import Path

import pytest

from bench.domain.comparison import Accepted
from bench.domain.errors import SuiteError, UsageError
from bench.planning import accepted
from tests.support.suites import a_file

FINE = """- case: tiny-gpt2 batch_size=8
  metric: forward
  up_to: 1.1
  reason: exact softmax
  date: 2026-11-25
"""


def problems(folder: Path, text: str) -> list[str]:
    path = a_file(folder, text, "accepted.yaml")
    with pytest.raises(SuiteError) as caught:
        accepted.read(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


def test_accepted_changes_are_read(tmp_path: Path) -> None:
    expected = Accepted(case="tiny-gpt2 batch_size=8", metric="forward", up_to=1.1, reason="exact softmax", date="2026-11-25")
    assert accepted.read(a_file(tmp_path, FINE)) == (expected,)


@pytest.mark.parametrize("value", ["0.001", "0", "3"])
def test_a_bound_may_be_a_value_of_head(value: str, tmp_path: Path) -> None:
    (found,) = accepted.read(a_file(tmp_path, FINE.replace("up_to: 1.1", f"up_to_value: {value}")))
    assert (found.up_to, found.up_to_value) == (None, float(value))


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]", "null"])
def test_a_file_may_accept_nothing(text: str, tmp_path: Path) -> None:
    assert accepted.read(a_file(tmp_path, text)) == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("case: a", ["1: accepted changes are a list"]),
        ("- a\n- 3\n", [f"{line}: an accepted change has case, metric, up_to or up_to_value, reason, date" for line in (1, 2)]),
        (FINE.replace("1.1", "0"), ["3: up_to takes a ratio above zero, head to base, such as 1.1, not 0"]),
        (FINE.replace("1.1", "true"), ["3: up_to takes a ratio above zero, head to base, such as 1.1, not true"]),
        (FINE.replace("up_to: 1.1", "up_to_value: much"), ["3: up_to_value takes a finite number, in the metric's unit, not "]),
        (FINE.replace("up_to: 1.1", "up_to: 1.1\n  up_to_value: 2"), ["4: an accepted change has up_to or up_to_value, not both"]),
        (FINE.replace("  up_to: 1.1\n", ""), ["1: an accepted change needs up_to"]),
        (FINE.replace("2026-11-25", "soon"), ['5: date takes a date such as 2026-11-25, not "soon"']),
        (FINE.replace("exact softmax", '" "'), ['4: reason takes a text, not " "']),
        (FINE.replace("  metric: forward\n", ""), ["1: an accepted change needs metric"]),
        (FINE.replace("metric", "metrics"), [
            "1: an accepted change needs metric",
            '2: key "metrics" is not known (knows: case, metric, up_to, up_to_value, reason, date). Did you mean "metric"?',
        ]),
        ("- [", ["1: this is not YAML"]),
    ],
)  # fmt: skip
def test_every_problem_is_told_by_line(text: str, said: list[str], tmp_path: Path) -> None:
    found = problems(tmp_path, text)
    assert len(found) == len(said)
    assert all(one.startswith(start) for one, start in zip(found, said, strict=True)), found


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        accepted.read(tmp_path / "none.yaml")
    broken = tmp_path / "bytes.yaml"
    broken.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="cannot be read"):
        accepted.read(broken)
