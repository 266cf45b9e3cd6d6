import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from bench.analysis import paired
from bench.analysis.compare import compare
from bench.domain.comparison import Comparison, Contrast, Rules, Verdict
from bench.domain.gating import Gating, Tolerance
from bench.domain.metric import Reduce, Unit
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.record import Paired, Record, Side
from bench.execution.pairs import NURSERIES, base_begins
from tests.support.builders import a_case, a_metric, a_record, an_amount, samples

LATER = "2026-11-26T10:00:00.000+00:00"


def a_side(side: Side, number: int, times: Sequence[float], **changes: Any) -> Record:
    case = changes.pop("case", a_case())
    begun = changes.pop("base_begins", None)
    began = None if begun is None else begun(number) is (side is Side.BASE)
    place = Paired(ab="one", side=side, number=number, base_case=changes.pop("base_case", case.id), began=began)
    return a_record(
        case, number, **{"run": side.value, "paired": place, "samples": (samples("forward", times),), "observed": {}, **changes}
    )


def a_contest(effects: Sequence[float], seed: int = 0, **changes: Any) -> tuple[list[Record], list[Record]]:
    """Give a pair for each of EFFECTS, in which head takes that much times as long; the weather of a pair is on both sides."""
    chance = random.Random(seed)  # noqa: S311 -- weather, not secrets
    base, head = [], []
    for number, effect in enumerate(effects):
        weather = [math.exp(chance.gauss(0, 0.5)) for _ in range(9)]
        base.append(a_side(Side.BASE, number, weather, **changes))
        head.append(a_side(Side.HEAD, number, [one * effect for one in weather], started_at=LATER, **changes))
    return base, head


def around(effect: float, pairs: int = 24, spread: float = 0.008, seed: int = 1) -> list[float]:
    chance = random.Random(seed)  # noqa: S311 -- weather, not secrets
    return [effect * math.exp(chance.gauss(0, spread)) for _ in range(pairs)]


def row_of(comparison: Comparison, metric: str = "forward") -> Contrast:
    [row] = [row for row in comparison.rows if row.metric.name == metric]
    return row


def test_two_per_cent_are_found_through_weather_of_fifty() -> None:
    row = row_of(compare(*a_contest(around(1.02))))
    assert row.verdict is Verdict.SLOWER
    assert row.ratio is not None
    assert row.ratio == pytest.approx(1.02, abs=0.006)
    assert row.low is not None and row.high is not None and row.low < row.ratio < row.high  # noqa: PT018 -- one interval


def a_crossover(effect: float, pairs: int = 24, order: float = 0.02, **changes: Any) -> tuple[list[Record], list[Record]]:
    """Give pairs in which the side that begins is slower by ORDER."""
    of_order = [1 / (1 + order) if base_begins(number) else 1 + order for number in range(pairs)]
    effects = [one * two for one, two in zip(around(effect, pairs), of_order, strict=True)]
    return a_contest(effects, **{"base_begins": base_begins, **changes})


def test_what_comes_with_beginning_a_pair_is_no_scatter() -> None:
    told, untold = (row_of(compare(*a_crossover(1.02, order=0.03, base_begins=one))) for one in (base_begins, None))
    assert told.verdict is Verdict.SLOWER
    assert untold.verdict is Verdict.INCONCLUSIVE
    assert told.ratio == pytest.approx(1.02, abs=0.006)
    assert told.smallest_detectable is not None and untold.smallest_detectable is not None  # noqa: PT018 -- both have one
    assert told.smallest_detectable < 0.6 * untold.smallest_detectable


def test_what_comes_with_beginning_a_pair_is_no_difference() -> None:
    row = row_of(compare(*a_crossover(1.0, order=0.1)))
    assert row.verdict not in {Verdict.SLOWER, Verdict.FASTER}
    assert row.ratio == pytest.approx(1.0, abs=0.006)


def test_a_crossover_with_its_sides_changed_mirrors_the_verdict() -> None:
    base, head = a_crossover(1.02)
    swapped = [
        replace(record, paired=replace(record.paired, side=Side.HEAD if record.paired.side is Side.BASE else Side.BASE))
        for record in (*head, *base)
        if record.paired is not None
    ]
    there, back = row_of(compare(base, head)), row_of(compare(swapped[: len(head)], swapped[len(head) :]))
    assert there.ratio is not None and back.ratio is not None  # noqa: PT018 -- both have one
    assert back.verdict is Verdict.FASTER
    assert back.ratio == pytest.approx(1 / there.ratio)
    assert back.smallest_detectable == pytest.approx(there.smallest_detectable)


def test_a_side_that_began_fewer_than_five_pairs_does_not_tell_what_beginning_costs() -> None:
    begun = (True,) * 5 + (False,) * 4
    ratios = tuple(math.log(one) for one in around(1.0, 9))
    one = paired.Apart(metric=a_metric("forward"), ratios=ratios, logged=True, begun=begun)
    assert one.gap() == replace(one, begun=()).gap()


def test_both_sides_begin_as_many_pairs_of_every_nursery() -> None:
    for look in paired.LOOKS:
        begun = [(number % NURSERIES, base_begins(number)) for number in range(look)]
        counts = Counter(begun)
        assert len(counts) == 2 * NURSERIES
        assert sum(one for _, one in begun) == look / 2
        assert max(counts.values()) - min(counts.values()) <= 1


def test_the_sides_changed_mirror_the_verdict() -> None:
    row = row_of(compare(*a_contest(around(1 / 1.02))))
    assert row.verdict is Verdict.FASTER


def test_nothing_changed_is_equivalent_and_says_what_would_have_been_found() -> None:
    row = row_of(compare(*a_contest(around(1.0))))
    assert row.verdict is Verdict.EQUIVALENT
    assert row.smallest_detectable is not None
    assert 0.005 < row.smallest_detectable < 0.03


def test_fewer_than_five_pairs_are_inconclusive_and_say_so() -> None:
    row = row_of(compare(*a_contest(around(3.0, pairs=4))))
    assert row.verdict is Verdict.INCONCLUSIVE
    assert row.reason == "fewer than 5 pairs: their scatter is not known"


def test_the_test_is_yuens_of_the_trimmed_pairs() -> None:
    ratios = [math.log(value) for value in around(1.01, pairs=10)]
    [last] = paired.Apart(metric=a_metric(), ratios=tuple(ratios[:8]), logged=True).gap().each[-1:]  # type: ignore[union-attr]
    trimmed = sorted(ratios[:8])[1:-1]
    winsorised = [trimmed[0], *trimmed, trimmed[-1]]
    error = math.sqrt(stats.tvar(winsorised) * 7 / (6 * 5))
    t = (sum(trimmed) / 6 - math.log1p(0.005)) / error
    assert last.chance(0.005) == pytest.approx(stats.t.sf(t, 5))


def test_looks_spend_no_more_than_their_level_together() -> None:
    chance, wrong, runs = random.Random(7), 0, 3000  # noqa: S311 -- weather, not secrets
    for _ in range(runs):
        ratios = tuple(chance.gauss(math.log1p(0.005), 0.01) for _ in range(24))
        gap = paired.Apart(metric=a_metric(), ratios=ratios, logged=True).gap()
        assert gap is not None
        wrong += gap.chance(0.005) <= 0.005
    assert wrong <= stats.binom.ppf(0.999, runs, 0.005)


def test_a_look_where_pairs_ended_early_has_the_share_of_the_next_one() -> None:
    gap = paired.Apart(metric=a_metric(), ratios=tuple(math.log(value) for value in around(1.01, pairs=12)), logged=True).gap()
    assert gap is not None
    assert gap.shares == paired.SHARES[:2]
    assert gap.chance(0.005) == min(gap.each[0].chance(0.005) / paired.SHARES[0], gap.each[1].chance(0.005) / paired.SHARES[1])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([4.0], 4.0),
        ([1.0, 2.0], 1.5),
        ([9.0, 1.0, 2.0], 2.0),
        ([1.0, 2.0, 4.0, 90.0], 3.0),
        ([*range(8)], 3.5),
        ([0, 0, 3, 4, 5, 99, 99, 99], 27.75),
    ],
)
def test_a_pair_leaves_out_its_lowest_and_highest_quarter(values: list[float], expected: float) -> None:
    assert paired.midmean(values) == pytest.approx(expected)


NOISY = 0.05


@pytest.mark.parametrize("way", [1, -1], ids=["slower", "faster"])
@pytest.mark.parametrize(
    ("forward", "e2e", "ends"),
    [
        pytest.param(around(1.2), around(1.2), True, id="both are proved"),
        pytest.param(around(1.2), around(1.1, spread=NOISY), True, id="one is proved, the other lies on its side"),
        pytest.param(around(1.1, spread=NOISY), around(1.2), True, id="whichever it is"),
        pytest.param(around(1.1, spread=NOISY), around(1.1, spread=NOISY), False, id="on one side, and none is proved"),
        pytest.param(around(1.2), around(1.0), False, id="the other is unchanged"),
        pytest.param(around(1.2), around(0.98, spread=NOISY), False, id="the other may have gone another way"),
        pytest.param(around(1.2), around(0.9), False, id="the other went another way"),
        pytest.param(around(1.2), around(1.2)[:4], False, id="the other has too few pairs"),
    ],
)
def test_a_case_ends_where_one_gated_time_is_proved_and_none_can_turn_it(
    forward: list[float], e2e: list[float], way: int, *, ends: bool
) -> None:
    found = {name: apart_of(name, [one**way for one in side]) for name, side in (("forward", forward), ("e2e", e2e))}
    assert paired.decided("c", found, frozenset(found), 20, Rules()) is ends


def test_what_is_not_gated_holds_no_case_up() -> None:
    found = {"forward": apart_of("forward", around(1.2)), "e2e": apart_of("e2e", around(1.0))}
    assert paired.decided("c", found, frozenset({"forward"}), 20, Rules())
    assert not paired.decided("c", {}, frozenset({"forward"}), 20, Rules())


def test_a_case_is_decided_by_the_margin_that_its_suite_sets() -> None:
    rules = Rules(gates={"c": Gating(metrics={"forward": Tolerance(margin=0.3)})})
    assert not paired.decided("c", {"forward": apart_of("forward", around(1.2))}, frozenset({"forward"}), 1, rules)


def apart_of(name: str, effects: Sequence[float]) -> paired.Apart:
    return paired.Apart(metric=a_metric(name), ratios=tuple(math.log(effect) for effect in effects[:8]), logged=True)


def test_a_pair_that_failed_on_one_side_is_left_out_of_both() -> None:
    base, head = a_contest(around(1.1))
    failed = {"outcome": Outcome.KILLED, "reason": "killed", "reason_code": ReasonCode.SIGNAL, "samples": ()}
    head[3] = replace(head[3], **failed)  # type: ignore[arg-type]
    comparison = compare(base, head)
    assert row_of(comparison).verdict is Verdict.SLOWER
    assert "both sides took turns call by call; pairs of processes a case: 23" in comparison.remarks


def test_sides_that_set_an_axis_otherwise_are_one_case() -> None:
    eager, sdpa = a_case(attention="eager"), a_case(attention="sdpa")
    effects = around(0.9)
    base, head = [], []
    for number, effect in enumerate(effects):
        base.append(a_side(Side.BASE, number, [1.0] * 9, case=eager))
        head.append(a_side(Side.HEAD, number, [effect] * 9, case=sdpa, base_case=eager.id))
    row = row_of(compare(base, head))
    assert (row.verdict, row.case) == (Verdict.FASTER, sdpa)


def test_runs_that_took_turns_with_others_are_compared_as_saved_runs() -> None:
    base, _ = a_contest(around(1.0))
    _, head = a_contest(around(1.0))
    other = [replace(record, paired=replace(record.paired, ab="two")) for record in head if record.paired is not None]
    assert not any("took turns" in remark for remark in compare(base, other).remarks)


def test_loads_that_found_the_page_cache_otherwise_make_no_pair() -> None:
    base, head = a_contest(around(1.0, pairs=8))
    base_loads, head_loads = (
        [
            replace(record, samples=(*record.samples, samples("load.total", 0.1 * factor, "load")), observed={"page_cache": state})
            for record, state in zip(records, states, strict=True)
        ]
        for records, factor, states in ((base, 1.0, ["partial", *["warm"] * 7]), (head, 1.3, ["warm"] * 8))
    )
    found = paired.apart(paired.pairs(base_loads, head_loads)[a_case().id])
    assert (len(found["load.total"].ratios), len(found["forward"].ratios)) == (7, 8)
    assert row_of(compare(base_loads, head_loads), "load.total").verdict is not Verdict.INCOMPARABLE


def test_a_byte_more_is_told_in_pairs_too() -> None:
    base, head = a_contest(around(1.0, pairs=8))
    smaller, larger = (
        [replace(record, samples=(*record.samples, samples(an_amount("params.bytes"), size, "load"))) for record in records]
        for records, size in ((base, 1000), (head, 1001))
    )
    assert row_of(compare(smaller, larger), "params.bytes").verdict is Verdict.LARGER


def test_values_without_a_logarithm_are_compared_as_shares() -> None:
    metric = a_metric("load.unattributed", Unit.SECOND)
    base, head = a_contest(around(1.0, pairs=8))
    negative, positive = (
        [replace(record, samples=(samples(metric, size + 0.001 * record.paired.number, "load"),)) for record in records]  # type: ignore[union-attr]
        for records, size in ((base, -0.001), (head, 0.5))
    )
    row = row_of(compare(negative, positive), "load.unattributed")
    assert (row.verdict, row.low) == (Verdict.SLOWER, None)


def test_a_peak_over_phases_is_compared_as_the_peak_that_it_is() -> None:
    peak = a_metric("memory.host_peak", Unit.BYTE, reduce=Reduce.MAX)

    def phases(*sizes: float) -> dict[str, Any]:
        return {"samples": tuple(samples(peak, size, f"phase {at}") for at, size in enumerate(sizes))}

    base = [a_side(Side.BASE, number, [1.0], **phases(*[1e8] * 8)) for number in range(8)]
    head = [a_side(Side.HEAD, number, [1.0], started_at=LATER, **phases(*[1e8] * 7, 4e8)) for number in range(8)]
    row = row_of(compare(base, head), "memory.host_peak")
    assert row.verdict is Verdict.LARGER
    assert row.ratio == pytest.approx(4.0)


def test_pairs_say_what_they_resolve() -> None:
    assert any("slowdown that this would have found 95 times in 100" in one for one in compare(*a_contest(around(1.0))).remarks)


def test_sides_of_an_ab_run_do_not_count_beside_other_runs() -> None:
    base, head = a_contest(around(1.5))
    alone = [a_record(a_case(), number, run="alone", samples=(samples("forward", [1.0]),)) for number in range(5)]
    assert compare([*alone, *head], [*alone, *base]).base == ("alone",)


def test_clear_cases_end_at_the_first_look_in_spite_of_what_beginning_costs() -> None:
    chance = random.Random(0)  # noqa: S311 -- noise, not secrets
    begun = tuple(base_begins(number) for number in range(paired.LOOKS[0]))
    ended = 0
    for _ in range(100):
        ratios = tuple(math.log(1.1) + chance.gauss(-0.003 if one else 0.003, 0.012) for one in begun)
        found = {"forward": paired.Apart(metric=a_metric("forward", unit=Unit.SECOND), ratios=ratios, logged=True, begun=begun)}
        ended += paired.decided("case", found, frozenset(found), 65, Rules())
    assert ended > 70
