from dataclasses import replace

import pytest

from bench.analysis.compare import compare
from bench.analysis.gate import gated, judge
from bench.domain.comparison import Comparison, Contrast, Rules, Spread, Verdict
from bench.domain.comparison import RunNoise as Noise
from bench.domain.gating import Gating, Tolerance
from tests.support.builders import SUITE, a_case, a_metric, of_seconds

CASE = a_case()
NOISE = Noise(fingerprint="f00d", runs=("a", "b"), first_at="1", last_at="2", spreads={"forward": Spread(sigma=0.001, degrees=30)})
STEADY = (1.0, 1.001, 0.999, 1.0005, 0.9995)


def of_head(by: float, gate: Gating | None, rules: Rules | None = None) -> Comparison:
    head = of_seconds(*(value * by for value in STEADY), run="head", suite=replace(SUITE, gate=gate))
    return compare(of_seconds(*STEADY), head, rules, NOISE)


def verdict(by: float, gate: Gating | None, rules: Rules | None = None) -> Verdict:
    (row,) = of_head(by, gate, rules).rows
    return row.verdict


def test_without_a_section_the_plain_rules_hold() -> None:
    assert verdict(1.05, None) is Verdict.SLOWER


def test_a_margin_of_the_suite_tolerates_what_it_says() -> None:
    assert verdict(1.05, Gating(margin=0.1)) is not Verdict.SLOWER
    assert verdict(1.2, Gating(margin=0.1)) is Verdict.SLOWER


def test_a_margin_of_one_metric_stands_before_that_of_all() -> None:
    assert verdict(1.05, Gating(margin=0.1, metrics={"forward": Tolerance(margin=0.01)})) is Verdict.SLOWER
    assert verdict(1.05, Gating(margin=0.1, metrics={"e2e": Tolerance(margin=0.01)})) is not Verdict.SLOWER


def test_the_equivalence_of_a_metric_decides_what_is_equivalent() -> None:
    assert verdict(1.03, Gating(margin=0.04)) is Verdict.EQUIVALENT
    assert verdict(1.03, Gating(margin=0.04, equivalence=0.2)) is Verdict.EQUIVALENT
    assert verdict(1.02, Gating(margin=0.02)) is Verdict.INCONCLUSIVE
    assert verdict(1.02, Gating(margin=0.02, metrics={"forward": Tolerance(equivalence=0.05)})) is Verdict.EQUIVALENT


def test_what_the_command_line_insists_on_stands_before_the_suite_but_not_before_one_metric() -> None:
    insisted = Rules(margin=0.01, insisted=frozenset({"margin"}))
    assert verdict(1.05, Gating(margin=0.1), insisted) is Verdict.SLOWER
    assert verdict(1.05, Gating(metrics={"forward": Tolerance(margin=0.1)}), insisted) is not Verdict.SLOWER


def test_gates_that_are_given_stand_in_the_place_of_those_of_the_records() -> None:
    given = Rules(gates={CASE.id: Gating()})
    assert verdict(1.05, Gating(margin=0.1), given) is Verdict.SLOWER


@pytest.mark.parametrize(("said", "passes"), [(None, False), (True, False), (False, True)])
def test_a_suite_takes_a_metric_out_of_the_gate(said: bool | None, passes: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    found = of_head(1.2, Gating(metrics={"forward": Tolerance(gated=said, margin=0.01)}))
    assert judge(found).passed is passes


def test_a_suite_takes_a_metric_into_the_gate() -> None:
    row = Contrast(case=CASE, metric=a_metric("first_call"), base=1.0, head=2.0, ratio=2.0, verdict=Verdict.SLOWER)
    rules = Rules(gates={CASE.id: Gating(metrics={"first_call": Tolerance(gated=True)})})
    assert (gated(row), gated(row, rules)) == (False, True)
    assert judge(Comparison(base=(), head=(), rows=(row,))).passed
    assert [one.metric for one in judge(Comparison(base=(), head=(), rows=(row,), rules=rules)).failures] == ["first_call"]


def test_of_several_runs_of_a_case_the_newest_says_what_its_gate_is() -> None:
    old = of_seconds(*STEADY, run="old", started_at="2026-11-25T10:00:00+00:00", suite=replace(SUITE, gate=Gating(margin=0.5)))
    new = of_seconds(*STEADY, run="new", started_at="2026-11-26T10:00:00+00:00", suite=replace(SUITE, gate=Gating(margin=0.1)))
    gates = compare(old, (*new, *old)).rules.gates
    assert gates == {CASE.id: Gating(margin=0.1)}
