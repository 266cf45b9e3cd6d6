import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.compare import ASSUMED, compare
from bench.domain.comparison import Comparison, Contrast, Rules, RunNoise, Spread, Verdict
from bench.domain.metric import Better, Metric, Samples, Unit
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.procedure import PROCEDURE_VERSION
from bench.domain.record import Record
from tests.support.builders import (
    ENVIRONMENT,
    SLOWER,
    a_case,
    a_failure,
    a_metric,
    a_mixed_run,
    a_record,
    an_amount,
    forward,
    generation,
    of_seconds,
    samples,
)

FIVE = (1.0, 1.02, 0.98, 1.01, 0.99)
LATER = "2026-11-26T10:00:00.000+00:00"
KNOWN = RunNoise(
    fingerprint="f00d", runs=("a", "b"), first_at="1", last_at="2", spreads={"forward": Spread(sigma=0.002, degrees=9)}
)


def head_of(*values: float, **changes: Any) -> tuple[Record, ...]:
    return of_seconds(*values, **{"run": "head", "started_at": LATER, **changes})


def times(values: Sequence[float], factor: float) -> tuple[float, ...]:
    return tuple(value * factor for value in values)


def row_of(comparison: Comparison, metric: str = "forward") -> Contrast:
    [row] = [row for row in comparison.rows if row.metric.name == metric]
    return row


def a_run(slower: float = 1.0, **changes: Any) -> tuple[Record, ...]:
    about = {"run": "head", "started_at": LATER, **changes}
    return tuple(generation(a_case(batch_size=2), trial, slower * each, **about) for trial, each in enumerate(SLOWER))


def of_values(metric: Metric, *values: float, **changes: Any) -> tuple[Record, ...]:
    return tuple(a_record(trial=number, samples=(samples(metric, value),), **changes) for number, value in enumerate(values))


def test_a_threefold_time_is_slower_and_its_mirror_faster() -> None:
    base, head = of_seconds(*FIVE), head_of(*times(FIVE, 3))
    row, back = row_of(compare(base, head)), row_of(compare(head, base))
    assert (row.verdict, back.verdict) == (Verdict.SLOWER, Verdict.FASTER)
    assert row.ratio == pytest.approx(3)
    assert row.low is not None
    assert row.high is not None
    assert row.low < 3 < row.high
    assert row.base == pytest.approx(1.0, abs=0.01)
    assert row.head == pytest.approx(3.0, abs=0.03)
    assert row.worse
    assert not back.worse


def test_a_run_is_never_slower_or_faster_than_itself() -> None:
    rows = compare(a_mixed_run(), a_mixed_run()).rows
    assert {row.verdict for row in rows} <= {Verdict.EQUAL, Verdict.EQUIVALENT, Verdict.INCONCLUSIVE}
    assert all(row.ratio == pytest.approx(1) for row in rows)


@settings(max_examples=12)
@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=20))
def test_whatever_the_times_a_run_is_not_slower_than_itself(values: list[float]) -> None:
    for noise in (None, KNOWN):
        row = row_of(compare(of_seconds(*values), of_seconds(*values), noise=noise))
        assert row.verdict in {Verdict.EQUIVALENT, Verdict.INCONCLUSIVE}


MIRROR = {Verdict.SLOWER: Verdict.FASTER, Verdict.FASTER: Verdict.SLOWER, Verdict.LARGER: Verdict.SMALLER}


@settings(max_examples=12)
@given(st.integers(0, 2**32), st.floats(0.2, 5), st.floats(1e-3, 1e3))
def test_comparing_the_other_way_round_mirrors_every_verdict_and_a_common_factor_changes_none(
    seed: int, effect: float, factor: float
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- seeded, so that a test is the same every time
    base = [chance.lognormvariate(0, 0.05) for _ in range(6)]
    head = [effect * chance.lognormvariate(0, 0.05) for _ in range(6)]
    row = row_of(compare(of_seconds(*base), head_of(*head)))
    back = row_of(compare(head_of(*head), of_seconds(*base)))
    scaled = row_of(compare(of_seconds(*times(base, factor)), head_of(*times(head, factor))))
    assert back.verdict is MIRROR.get(row.verdict, row.verdict)
    assert back.smallest_detectable == pytest.approx(row.smallest_detectable)
    assert scaled.verdict is row.verdict


def test_below_two_trials_a_side_there_is_no_verdict_and_the_reason() -> None:
    row = row_of(compare(of_seconds(1.0), head_of(9.0, 9.1)))
    assert (row.verdict, row.low, row.smallest_detectable) == (Verdict.INCONCLUSIVE, None, None)
    assert row.ratio == pytest.approx(9.05, abs=0.01)
    assert row.reason == "fewer than 2 trials on a side: their scatter is not known"


def test_what_exceeds_its_own_scatter_only_is_sent_to_ab() -> None:
    comparison = compare(of_seconds(*FIVE), head_of(*times(FIVE, 1.08)))
    row = row_of(comparison)
    assert row.verdict is Verdict.INCONCLUSIVE
    assert row.reason == "beyond the scatter of its trials, not beyond that between runs: a measured spread between runs would tell"
    assert any("is not known, and 5 % assumed" in remark for remark in comparison.remarks)


def test_a_known_spread_between_runs_makes_smaller_changes_visible() -> None:
    comparison = compare(of_seconds(*FIVE), head_of(*times(FIVE, 1.08)), noise=KNOWN)
    assert row_of(comparison).verdict is Verdict.SLOWER
    assert "spread between runs of unchanged code: from 2 runs on this machine" in comparison.remarks
    assert not any("assumed" in remark for remark in comparison.remarks)


def test_metrics_of_which_the_spread_is_not_known_are_named() -> None:
    remarks = compare(a_run(), a_run(), noise=KNOWN).remarks
    assert any(remark.startswith("the spread of memory.host_peak, load.config,") for remark in remarks) or any(
        "e2e" in remark and "assumed" in remark for remark in remarks
    )


def test_close_times_with_little_scatter_are_equivalent() -> None:
    tight = times((1.0, 1.001, 0.999, 1.0005, 0.9995), 1.0)
    assert row_of(compare(of_seconds(*tight), head_of(*times(tight, 1.002)), noise=KNOWN)).verdict is Verdict.EQUIVALENT
    narrow = Rules(equivalence=0.001)
    assert row_of(compare(of_seconds(*tight), head_of(*times(tight, 1.002)), narrow, KNOWN)).verdict is Verdict.INCONCLUSIVE


def test_a_slowdown_within_the_margin_is_not_slower() -> None:
    base, head = of_seconds(*FIVE), head_of(*times(FIVE, 3))
    assert row_of(compare(base, head, Rules(margin=3.0))).verdict is not Verdict.SLOWER


def test_one_byte_more_is_larger_and_told_to_the_byte_by_part() -> None:
    size = an_amount("params.bytes")

    def run(whole: float, vision: float) -> tuple[Record, ...]:
        return (a_record(samples=(samples(size, whole), samples(size, vision, part="component=vision"))),)

    row = row_of(compare(run(410_856, 9), run(410_857, 10)), "params.bytes")
    assert (row.verdict, row.worse, row.ratio) == (Verdict.LARGER, True, 410_857 / 410_856)
    assert row.reason == "by part: component=vision 9 → 10"
    assert row_of(compare(run(8, 3), run(7, 3)), "params.bytes").verdict is Verdict.SMALLER
    same = row_of(compare(run(8, 3), run(8, 4)), "params.bytes")
    assert (same.verdict, same.reason) == (Verdict.EQUAL, "by part: component=vision 3 → 4")


def test_one_token_fewer_is_told_by_name_and_its_times_are_not_compared() -> None:
    def run(tokens: int) -> tuple[Record, ...]:
        return tuple(a_record(trial=n, samples=(samples("e2e", 1.0),), observed={"realised_new_tokens": tokens}) for n in range(5))

    comparison = compare(run(16), run(15))
    tokens = row_of(comparison, "realised_new_tokens")
    assert (tokens.verdict, tokens.base, tokens.head) == (Verdict.SMALLER, 16, 15)
    row = row_of(comparison, "e2e")
    assert (row.verdict, row.reason) == (Verdict.INCOMPARABLE, "realised_new_tokens 16 in base and 15 in head")
    assert row.ratio is None


@pytest.mark.parametrize(
    ("fact", "metric", "verdict"),
    [
        ("threads", "forward", Verdict.INCOMPARABLE),
        ("page_cache", "load.total", Verdict.INCOMPARABLE),
        ("page_cache", "forward", Verdict.INCONCLUSIVE),
        ("attention", "forward", Verdict.INCONCLUSIVE),
    ],
)
def test_what_makes_times_incomparable(fact: str, metric: str, verdict: Verdict) -> None:
    base, head = of_seconds(*FIVE, metric=metric, observed={fact: "a"}), head_of(*FIVE, metric=metric, observed={fact: "b"})
    comparison = compare(base, head)
    assert row_of(comparison, metric).verdict is verdict
    [unlike] = [one for one in comparison.unlike if one.what == f"observed.{fact}"]
    assert (unlike.base, unlike.head, unlike.cases) == ("a", "b", ("tiny-gpt2",))


def test_load_stages_with_the_same_page_cache_are_compared() -> None:
    base, head = (run(*FIVE, metric="load.total", observed={"page_cache": "warm"}) for run in (of_seconds, head_of))
    assert row_of(compare(base, head), "load.total").verdict is Verdict.INCONCLUSIVE


def found_as(records: Sequence[Record], states: Sequence[str]) -> tuple[Record, ...]:
    """Give RECORDS, each with the page cache in the state of STATES at its place."""
    return tuple(replace(record, observed={"page_cache": state}) for record, state in zip(records, states, strict=True))


WARM = ("warm",) * 5


def test_loads_that_found_the_page_cache_otherwise_are_left_out_and_it_is_said() -> None:
    times_s = (1.0, 1.01, 0.99, 9.0, 9.0)
    base = found_as(of_seconds(*times_s, metric="load.total"), ("warm", "warm", "warm", "partial", "partial"))
    comparison = compare(base, found_as(head_of(*FIVE, metric="load.total"), WARM))
    row = row_of(comparison, "load.total")
    assert row.verdict is Verdict.INCONCLUSIVE
    assert (row.base, row.head) == pytest.approx((1, 1), abs=1e-3)
    said = "loads of 2 trials are left out, since the other side found the page cache otherwise (tiny-gpt2)"
    assert said in comparison.remarks
    [unlike] = [one for one in comparison.unlike if one.what == "observed.page_cache"]
    assert (unlike.base, unlike.head) == (["warm", "partial"], "warm")


def test_both_ways_round_loads_are_compared_in_the_same_state() -> None:
    base = found_as(of_seconds(1, 1, 5, 5, 5, metric="load.total"), ("warm", "warm", "partial", "partial", "partial"))
    head = found_as(head_of(5, 5, 1, 1, 1, metric="load.total"), ("partial", "partial", "warm", "warm", "warm"))
    rows = [row_of(compare(*sides), "load.total") for sides in ((base, head), (head, base))]
    assert [(row.base, row.head) for row in rows] == [(1.0, 1.0)] * 2


def test_one_load_in_the_common_state_is_too_few() -> None:
    base = found_as(of_seconds(*FIVE, metric="load.total"), ("warm", *("partial",) * 4))
    row = row_of(compare(base, found_as(head_of(*FIVE, metric="load.total"), WARM)), "load.total")
    assert row.verdict is Verdict.INCONCLUSIVE
    assert str(row.reason).startswith("fewer than 2 trials on a side")


OTHER = {**ENVIRONMENT, "fingerprint": "beef"}


def test_runs_of_unlike_machines_are_not_compared() -> None:
    comparison = compare(of_seconds(*FIVE), head_of(*times(FIVE, 3), environment=OTHER))
    row = row_of(comparison)
    assert (row.verdict, row.ratio) == (Verdict.INCOMPARABLE, None)
    assert row.reason == "measured on machines that are not alike"
    assert [(one.what, one.base, one.head) for one in comparison.unlike] == [("fingerprint", "f00d", "beef")]


def test_across_machines_ratios_are_shown_without_a_verdict() -> None:
    across = Rules(across_machines=True)
    row = row_of(compare(of_seconds(*FIVE), head_of(*times(FIVE, 3), environment=OTHER), across))
    assert row.verdict is Verdict.INCOMPARABLE
    assert row.ratio == pytest.approx(3)
    assert row.low is not None
    single = row_of(compare(of_seconds(1.0), head_of(3.0, environment=OTHER), across))
    assert single.ratio == pytest.approx(3)
    assert single.low is None


def test_a_run_of_several_machines_is_not_compared_with_itself() -> None:
    mixed = (*of_seconds(1.0, 1.1), *(replace(one, trial=5) for one in of_seconds(1.0, environment=OTHER)))
    assert row_of(compare(mixed, mixed)).verdict is Verdict.INCOMPARABLE


def test_two_definitions_are_never_set_beside_each_other() -> None:
    newer = a_metric("forward", definition="forward.v2")
    row = row_of(compare(of_seconds(*FIVE), of_values(newer, *FIVE, run="head")))
    assert (row.verdict, row.ratio, row.reason) == (Verdict.INCOMPARABLE, None, "two definitions: forward.v1 and forward.v2")


def test_a_case_or_metric_of_one_side_is_missing_and_says_where() -> None:
    mine, other = a_case("a"), a_case("b")
    base = [forward(mine, n) for n in range(2)]
    head = [
        *(replace(one, samples=one.samples[:-1], run="head") for one in base),
        *(forward(other, n, run="head") for n in range(2)),
    ]
    comparison = compare(base, head)
    found = {(row.case.requested["model"], row.metric.name): row for row in comparison.rows if row.verdict is Verdict.MISSING}
    gone = found["a", "forward"]
    assert (gone.head, gone.ratio, gone.reason) == (None, None, "head has no such metric")
    assert gone.base is not None
    assert found["b", "forward"].reason == "base has no such case"
    assert [(one.case.requested["model"], one.base, one.head) for one in comparison.endings] == [("b", None, Outcome.FINISHED)]
    back = compare(head, base)
    assert {row.reason for row in back.rows if row.verdict is Verdict.MISSING} == {
        "base has no such metric",
        "head has no such case",
    }


def test_a_case_that_did_not_finish_in_head_says_why_its_metrics_are_missing() -> None:
    base = of_seconds(*FIVE)
    head = (a_failure(a_case(), Outcome.TIMEOUT, ReasonCode.TIME_LIMIT, "too slow", run="head"),)
    comparison = compare(base, head)
    assert row_of(comparison).reason == "the case ended timeout: too slow"
    [ending] = comparison.endings
    assert (ending.base, ending.head, ending.reason_code) == (Outcome.FINISHED, Outcome.TIMEOUT, ReasonCode.TIME_LIMIT)


def test_of_each_case_the_newest_run_counts_and_it_is_said() -> None:
    old, new = of_seconds(*times(FIVE, 9)), head_of(*FIVE, run="new")
    for base in ((*old, *new), (*new, *old)):
        comparison = compare(base, head_of(*FIVE))
        assert comparison.base == ("new",)
        assert row_of(comparison).ratio == pytest.approx(1)
        assert "base: 1 rows of older runs are left out; of each case the newest run counts" in comparison.remarks


def test_rates_have_no_rows_beside_the_time_that_they_come_from() -> None:
    names = {row.metric.name for row in compare(a_run(), a_run()).rows}
    assert {"forward", "tpot", "ttft_user", "memory.host_peak", "params.bytes"} <= names
    assert not {"sample_rate", "decode_rate", "e2e_rate", "prefill_rate"} & names


def test_measured_metrics_that_are_no_times_are_larger_or_smaller() -> None:
    peak = a_metric("memory.peak", Unit.BYTE)
    base, head = of_values(peak, 100, 101, 99), of_values(peak, 300, 303, 297, run="head")
    assert row_of(compare(base, head), "memory.peak").verdict is Verdict.LARGER
    assert row_of(compare(head, base), "memory.peak").verdict is Verdict.SMALLER


def test_zero_beside_zero_has_ratio_1_and_zero_beside_something_has_none() -> None:
    growth = a_metric("memory.growth", Unit.BYTE)
    nothing, something = of_values(growth, 0, 0, 0), of_values(growth, 100, 101, 99, run="head")
    row = row_of(compare(nothing, nothing), "memory.growth")
    assert (row.ratio, row.verdict) == (1.0, Verdict.EQUIVALENT)
    grown = row_of(compare(nothing, something), "memory.growth")
    assert (grown.ratio, grown.low, grown.verdict) == (None, None, Verdict.LARGER)


@pytest.mark.parametrize(
    ("name", "better", "base", "head", "verdict"),
    [
        ("parity.kl", Better.LOWER, 0.010, 0.0105, Verdict.EQUIVALENT),
        ("parity.kl", Better.LOWER, 1e-7, 5e-5, Verdict.EQUIVALENT),
        ("parity.kl", Better.LOWER, 0.010, 0.020, Verdict.LARGER),
        ("parity.cosine", Better.HIGHER, 0.999, 0.99, Verdict.SMALLER),
        ("parity.cosine", Better.HIGHER, 0.99, 0.9905, Verdict.EQUIVALENT),
    ],
)
def test_parity_drifts_by_its_distance_from_perfect(name: str, better: Better, base: float, head: float, verdict: Verdict) -> None:
    metric = a_metric(name, Unit.ONE, better=better)
    assert row_of(compare(of_values(metric, base), of_values(metric, head, run="head")), name).verdict is verdict


def test_the_correction_over_rows_makes_a_lone_change_among_many_harder_to_prove() -> None:
    def run(count: int, factor: float, name: str) -> list[Record]:
        return [
            a_record(
                a_case(batch_size=size + 1), trial, run=name, samples=(samples("forward", value * (factor if size == 0 else 1)),)
            )
            for size in range(count)
            for trial, value in enumerate(FIVE)
        ]

    alone, among = (compare(run(count, 1.0, "a"), run(count, 1.3, "b")) for count in (1, 40))
    assert alone.rows[0].smallest_detectable is not None
    assert among.rows[0].smallest_detectable is not None
    assert among.rows[0].smallest_detectable > alone.rows[0].smallest_detectable
    assert alone.rows[0].verdict is Verdict.SLOWER


def test_versions_commits_and_procedures_that_differ_are_listed() -> None:
    libraries = {
        **ENVIRONMENT,
        "libraries": {"torch": "2.14.0", "transformers": "5.23.0", "numpy": "2.4.6"},
        "nursery": 3,
        "cores": [1],
    }
    head = head_of(*FIVE, environment=libraries, procedure_version=PROCEDURE_VERSION + 1)
    found = {one.what: (one.base, one.head) for one in compare(of_seconds(*FIVE), head).unlike}
    assert found == {"libraries.torch": ("2.13.0", "2.14.0"), "procedure_version": (PROCEDURE_VERSION, PROCEDURE_VERSION + 1)}


def test_what_differs_among_the_trials_of_a_side_is_no_difference_of_the_sides() -> None:
    def run(first: str, second: str) -> tuple[Record, ...]:
        return tuple(a_record(trial=n, environment={**ENVIRONMENT, "governor": name}) for n, name in enumerate((first, second)))

    assert compare(run("a", "b"), run("b", "a")).unlike == ()
    [one] = compare(run("a", "b"), run("a", "c")).unlike
    assert (one.what, one.base, one.head) == ("governor", ["a", "b"], ["a", "c"])


def test_the_default_of_the_spread_is_not_an_estimate() -> None:
    assert (ASSUMED.sigma, ASSUMED.degrees) == (0.05, 0)


def test_an_observed_truth_value_or_list_is_no_count_of_tokens() -> None:
    record = a_record(samples=(Samples(metric=a_metric(), phase="measure.forward", values=(1.0,)),), observed={
        "realised_flag": True, "realised_sizes": [1, 2], "realised_prompt_tokens": 4
    })  # fmt: skip
    assert {row.metric.name for row in compare((record,), (record,)).rows} == {"forward", "realised_prompt_tokens"}


def paced(products: float, interpreter: float = 0.002) -> dict[str, Any]:
    return {"yardsticks": {"products_s": [products, products * 1.01], "interpreter_s": [interpreter, interpreter]}}


def test_a_slower_machine_is_no_slower_program() -> None:
    base, slow = of_seconds(*FIVE, noise=paced(0.002)), times(FIVE, 1.6)
    assert row_of(compare(base, head_of(*slow, noise=paced(0.002)))).verdict is Verdict.SLOWER
    row = row_of(compare(base, head_of(*slow, noise=paced(0.003))))
    assert row.verdict is Verdict.INCONCLUSIVE
    assert row.reason is not None
    assert "fixed work took 50% longer in head: the machine itself was slower then" in row.reason
    assert row.low is not None
    assert row.low < 1.1


def test_the_piece_that_differs_most_counts_and_a_slower_base_excuses_no_slower_head() -> None:
    base, slow = of_seconds(*FIVE, noise=paced(0.002)), times(FIVE, 1.6)
    assert row_of(compare(base, head_of(*slow, noise=paced(0.002, 0.003)))).verdict is Verdict.INCONCLUSIVE
    assert row_of(compare(base, head_of(*slow, noise=paced(0.0012, 0.001)))).verdict is Verdict.SLOWER
    fast = head_of(*times(FIVE, 1 / 1.6), noise=paced(0.0012))
    assert row_of(compare(base, fast)).verdict is Verdict.INCONCLUSIVE


def test_what_a_machine_was_slower_by_leaves_the_rest_of_a_change_proved() -> None:
    head = head_of(*times(FIVE, 3), noise=paced(0.003))
    assert row_of(compare(of_seconds(*FIVE, noise=paced(0.002)), head)).verdict is Verdict.SLOWER


@pytest.mark.parametrize("other", [{"python": "3.12.1"}, {"libraries": {"numpy": "3.0.0"}}])
def test_fixed_work_of_another_interpreter_or_numpy_says_nothing_of_the_machine(other: dict[str, Any]) -> None:
    head = head_of(*times(FIVE, 1.6), noise=paced(0.003), environment={**ENVIRONMENT, **other})
    row = row_of(compare(of_seconds(*FIVE, noise=paced(0.002)), head))
    assert (row.verdict, row.reason) == (Verdict.SLOWER, None)


@pytest.mark.parametrize("noise", [{}, {"yardsticks": None}, {"yardsticks": {"products_s": [0.0, 0.0]}}, paced(0.002)])
def test_without_fixed_work_on_both_sides_nothing_is_known_of_the_pace(noise: dict[str, Any]) -> None:
    head = head_of(*times(FIVE, 1.6), noise={} if noise.get("yardsticks") else paced(0.009))
    row = row_of(compare(of_seconds(*FIVE, noise=noise), head))
    assert (row.verdict, row.reason) == (Verdict.SLOWER, None)


def test_a_change_beside_unlike_disturbance_says_so() -> None:
    disturbed = head_of(*times(FIVE, 3), noise={"marks": ["3 major page faults"]})
    assert row_of(compare(of_seconds(*FIVE), disturbed)).reason == "disturbed: 0 of 5 trials in base, 5 of 5 in head"
    assert row_of(compare(disturbed, disturbed)).reason is None
    assert row_of(compare(of_seconds(*FIVE), head_of(*FIVE, noise={"marks": ["x"]}))).reason is None


def test_nothing_beside_nothing_is_an_empty_comparison() -> None:
    empty = compare((), ())
    assert (empty.rows, empty.unlike, empty.endings, empty.remarks) == ((), (), (), ())


def waiting(waited_s: float, foreign: float = 0.0) -> dict[str, Any]:
    """Give the noise of a trial that ran for a second of its ten and waited for a core for WAITED_S."""
    shares = {"run_delay_share": waited_s / 10, "steal_share": 0.0, "foreign_cpu_share": foreign}
    return {"wall_s": 10.0, "own_cpu_s": 1.0, **shares, "marks": ["runnable but not running"]}


def test_a_side_that_waited_for_its_cores_is_not_called_slower_for_it() -> None:
    base, quiet = of_seconds(*FIVE), head_of(*times(FIVE, 3))
    assert row_of(compare(base, quiet, noise=KNOWN)).verdict is Verdict.SLOWER
    busy = head_of(*times(FIVE, 3), noise=waiting(2.5))
    row = row_of(compare(base, busy, noise=KNOWN))
    assert row.verdict is Verdict.INCONCLUSIVE
    assert row.reason is not None
    assert row.reason.endswith("5 of 5 in head, which may have slowed base by up to 0% and head by up to 250%")
    assert row_of(compare(busy, base, noise=KNOWN)).verdict is Verdict.INCONCLUSIVE
    assert row_of(compare(base, head_of(*times(FIVE, 6), noise=waiting(2.5)), noise=KNOWN)).verdict is Verdict.SLOWER
    hopeless = row_of(compare(base, head_of(*times(FIVE, 60), noise=waiting(9)), noise=KNOWN))
    assert hopeless.verdict is Verdict.INCONCLUSIVE
    assert hopeless.reason is not None
    assert hopeless.reason.endswith("lost so much to others that times say nothing of the program")
    two: dict[str, Any] = {"observed": {"threads": 2}}
    several = of_seconds(*FIVE, **two), head_of(*times(FIVE, 60), noise=waiting(2.5), **two)
    assert row_of(compare(*several, noise=KNOWN)).verdict is Verdict.INCONCLUSIVE
    assert row_of(compare(of_seconds(*FIVE, noise=waiting(2.5)), quiet, noise=KNOWN)).verdict is Verdict.SLOWER
    assert row_of(compare(of_seconds(*FIVE, noise=waiting(2.5)), busy, noise=KNOWN)).verdict is Verdict.SLOWER


def test_threads_of_one_process_that_wait_for_each_other_lose_nothing_to_others() -> None:
    whole = {**waiting(2.5), "own_cpu_s": 10.0}
    slower = head_of(*times(FIVE, 1.5), noise=whole, environment={**ENVIRONMENT, "cores": [0]})
    assert row_of(compare(of_seconds(*FIVE), slower, noise=KNOWN)).verdict is Verdict.SLOWER


def test_neighbours_on_other_cores_are_left_room_for() -> None:
    one = head_of(*times(FIVE, 1.2), noise=waiting(0.0, foreign=1.0), environment={**ENVIRONMENT, "cores_logical": 2})
    assert row_of(compare(of_seconds(*FIVE), one, noise=KNOWN)).verdict is Verdict.INCONCLUSIVE
    many = head_of(*times(FIVE, 1.2), noise=waiting(0.0, foreign=1.0), environment={**ENVIRONMENT, "cores_logical": 64})
    assert row_of(compare(of_seconds(*FIVE), many, noise=KNOWN)).verdict is Verdict.SLOWER
