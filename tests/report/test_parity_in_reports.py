"""What a reader sees of parity: a table with the distances, and in words which rows drifted."""

import json

import pytest

from bench.domain.metric import Better, Unit
from bench.domain.record import Record
from bench.domain.values import Json
from bench.workflow import render
from tests.support.builders import a_case, a_case_with, a_metric, a_record, samples

KL = a_metric("parity.kl", Unit.ONE)
AGREEMENT = a_metric("parity.top1_agreement", Unit.ONE, better=Better.HIGHER)
REFERENCE = a_case(attention="eager")


def a_compared(divergence: float, agreement: float = 1.0, **axes: Json) -> Record:
    found = (samples(KL, divergence, "probe.parity"), samples(AGREEMENT, agreement, "probe.parity"), samples("forward", 0.01))
    observed = {"dtype": "float32", "parity_reference": REFERENCE.label}
    return a_record(a_case_with(axes), samples=found, observed=observed)


RECORDS = (
    a_compared(0.0, attention="eager"),
    a_compared(1e-9, attention="sdpa"),
    a_compared(0.5, 0.25, attention="flex_attention"),
    a_record(a_case(attention="sdpa:math"), observed={"parity_reference": REFERENCE.label, "parity_missing": "it ended"}),
)


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_rows_that_drifted_are_marked_in_words(form: str) -> None:
    text = render(RECORDS, (), form)
    assert isinstance(text, str)
    assert "Parity with the reference" in text
    lines = [line for line in text.splitlines() if "parity.kl" not in line]
    for attention, word in (
        ("eager", "the reference"),
        ("sdpa ", "within tolerance"),
        ("flex_attention", "drifted"),
        ("sdpa:math", "not compared"),
    ):
        assert any(attention in line.replace("\\", "") and word in line for line in lines), (attention, word, text)
    assert "drifted from the reference: parity.kl 0.5 is above 1e-07" in text.replace("\\", "").replace("\n  ", " ")


def test_programs_read_the_same() -> None:
    text = render(RECORDS, (), "json")
    rows = {row["case"]["requested"]["attention"]: row for row in json.loads(text)["rows"]}
    assert {name: row["drifted"] for name, row in rows.items()} == {
        "eager": False,
        "sdpa": False,
        "flex_attention": True,
        "sdpa:math": False,
    }
    assert rows["flex_attention"]["metrics"]["parity.kl"]["value"] == 0.5


def test_without_parity_there_is_no_table_of_it() -> None:
    record = a_record(samples=(samples("forward", 0.01),))
    assert "Parity" not in str(render((record,), (), "terminal"))
    assert "drifted" not in json.loads(render((record,), (), "json"))["rows"][0]
