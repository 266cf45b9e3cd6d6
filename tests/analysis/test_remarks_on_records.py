from dataclasses import replace

import pytest

from bench.analysis.summarize import summarize
from bench.analysis.target import wants_more, widest
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.procedure import Procedure, StartMethod
from bench.domain.record import Record
from bench.domain.values import Json
from tests.support.builders import ENVIRONMENT, a_case, a_failure, a_record, generation, ledger, of_seconds, samples


def on_row(*records: Record) -> str:
    [row] = summarize(records).rows
    return "\n".join(row.remarks)


def on_all(*records: Record) -> str:
    return "\n".join(summarize(records).remarks)


def test_quiet_trials_need_no_remark() -> None:
    records = of_seconds(1.0, 1.0, 1.0, 1.0, 1.0)
    assert on_row(*records) == on_all(*records) == ""


def test_few_trials_come_with_a_range() -> None:
    assert "fewer than 5 trials finished" in on_row(*of_seconds(1.0, 1.0))


def test_work_that_is_not_counted_is_named() -> None:
    lacking = of_seconds(*[1.0] * 5, observed={"flops_uncounted": ["other.mm"]})
    assert on_row(*lacking) == "flops lack the work of other.mm, which no formula is known of"
    assert on_row(*of_seconds(*[1.0] * 5, observed={"flops_uncounted": []})) == ""


def test_a_run_that_was_cut_off_says_how_to_go_on() -> None:
    records = of_seconds(*[1.0] * 5, procedure=Procedure(trials=8, max_trials=8))
    assert on_row(*records) == "5 of 8 planned trials are recorded; bench run --resume measures the others"


def test_trials_that_failed_are_not_said_to_be_missing() -> None:
    assert "--resume" not in on_row(a_failure(a_case(), Outcome.TIMEOUT, ReasonCode.TIME_LIMIT, "slow"))


def test_a_growing_set_that_missed_its_target_says_by_how_much() -> None:
    growing = Procedure(trials=2, max_trials=6, target_interval=0.02)
    remark = on_row(*of_seconds(1.0, 1.1, 0.9, 1.0, 1.1, 0.95, procedure=growing))
    assert "forward: ±8.4 %, target 2.0 % not reached after 6 of at most 6 trials" in remark


def test_what_stopped_growing_sets_is_told_once_for_all() -> None:
    growing = Procedure(trials=2, max_trials=10, target_interval=0.02)
    fine = of_seconds(*[1.0] * 8, procedure=growing)
    wide = [replace(one, case=a_case(batch_size=7)) for one in of_seconds(*[1.0, 1.5, 0.5, 1.2, 0.8] * 2, procedure=growing)]
    assert on_all(*fine, *wide) == (
        "what stopped the trials of cases that may have up to 10: "
        "target reached in 1 (at 8 trials), target not reached in 1 (at 10 trials)"
    )
    assert on_all(*of_seconds(*[1.0] * 5)) == ""


def test_an_exact_number_of_trials_has_no_target_to_miss() -> None:
    assert "target" not in on_row(*of_seconds(1.0, 1.5, 0.5, 1.0, 1.1))


def test_a_reached_target_is_not_remarked() -> None:
    growing = Procedure(trials=2, max_trials=6, target_interval=0.02)
    assert "target" not in on_row(*of_seconds(*[1.0] * 6, procedure=growing))


@pytest.mark.parametrize(("after", "said"), [(0.0, True), (0.5, True), (0.75, False), (None, False)])
def test_weights_that_the_first_call_unpacked_are_remarked(after: float | None, said: bool) -> None:  # noqa: FBT001 -- of a table
    observed: dict[str, Json] = {"quantized_share": 0.75}
    if after is not None:
        observed["quantized_share_after_call"] = after
    remark = "the first call unpacked quantized weights: 75 % of the linear layers were quantized when loaded"
    assert (remark in on_row(a_record(observed=observed))) is said


def test_a_graph_that_was_exported_without_fusions_is_remarked_with_the_reason() -> None:
    assert "exported without fusions, for with them: it forgets" in on_row(a_record(observed={"engine_unfused_for": "it forgets"}))
    assert "fusions" not in on_row(a_record(observed={"engine_fused_operators": ["FusedMatMul"]}))


@pytest.mark.parametrize(("seen", "shown"), [("warm", "warm"), (None, "unknown")])
def test_load_times_say_that_the_page_cache_was_as_found(seen: str | None, shown: str) -> None:
    observed = {} if seen is None else {"page_cache": seen}
    assert f"as it was found ({shown})" in on_row(a_record(observed=observed, samples=(samples("load.total", 1.0),)))


def test_page_cache_states_that_differ_are_all_named() -> None:
    loads = [
        a_record(trial=number, observed={"page_cache": state}, samples=(samples("load.total", 1.0),))
        for number, state in enumerate(("cold", "warm"))
    ]
    assert "as it was found (cold or warm)" in on_row(*loads)


def test_a_page_cache_that_was_set_needs_no_remark() -> None:
    assert "page cache" not in on_row(a_record(a_case(page_cache="warm"), samples=(samples("load.total", 1.0),)))


def test_a_decode_rate_that_cannot_be_had_is_explained() -> None:
    record = a_record(
        observed={"batch_size": 1, "realised_new_tokens": 2}, samples=(samples("e2e", 1.0), samples("ttft_model", 1.1))
    )
    assert "tpot and decode_rate are undefined" in on_row(record)
    one = replace(record, observed={"batch_size": 1, "realised_new_tokens": 1})
    assert "undefined" not in on_row(one)


def test_what_trials_noted_is_told_once() -> None:
    first, second = (
        a_record(trial=number, samples=(samples("e2e", 1.0),), notes=("initialised, not read: head.weight",)) for number in (0, 1)
    )
    assert on_row(first, second).count("initialised, not read: head.weight") == 1


def test_disturbed_trials_are_counted_with_what_disturbed_most() -> None:
    marks: tuple[list[Json], ...] = (
        ["other processes used 12% of a core", "other processes used 3% of a core"],
        ["3 major page faults"],
        ["1 major page faults"],
        [],
    )
    records = [a_record(trial=number, noise={"marks": found}) for number, found in enumerate(marks)]
    assert on_all(*records) == (
        "3 of 4 finished trials are marked as disturbed; none was dropped; most often (2 times): … major page faults"
    )


def test_noise_without_marks_is_no_disturbance() -> None:
    assert on_all(a_record(noise={"load_1m": 0.1})) == ""


def test_a_fall_back_to_new_processes_is_said_with_its_reason() -> None:
    fallen = a_record(environment={**ENVIRONMENT, "start_method": "spawn", "start_method_reason": "CUDA was initialised"})
    assert on_all(fallen) == "1 trial began as a new process, not forked from a nursery: CUDA was initialised"


def test_new_processes_that_were_asked_for_are_not_remarked() -> None:
    asked = replace(Procedure(), start_method=StartMethod.SPAWN)
    assert on_all(a_record(procedure=asked, environment={"start_method": "spawn"})) == ""


def test_the_cost_of_watching_tokens_is_disclosed() -> None:
    assert "watching every token changed the time of a generation by +2.5 % against e2e, which is not watched" in on_all(
        generation(a_case(), 0)
    )


def test_the_cost_of_watching_stages_is_disclosed() -> None:
    assert on_all(a_record(samples=ledger())) == (
        "watching the stages changed the time of a request by +5.6 %, in the median of 1 trial"
    )


def test_stages_without_plain_passes_beside_them_have_no_cost_to_tell() -> None:
    assert on_all(a_record(samples=ledger()[:1])) == ""
    assert on_all(a_record(samples=ledger()[-1:])) == ""


def test_the_cost_of_watching_tokens_is_a_range_over_cases() -> None:
    def watched(model: str, gap: float) -> Record:
        times = (samples("e2e", 1.0), samples("ttft_model", 0.5), samples("itl", [gap, gap], "measure.ttft"))
        return a_record(a_case(model), samples=times)

    assert "by -2.0 % to +2.0 %, in the median +1.0 %, against e2e" in on_all(
        watched("a", 0.24), watched("b", 0.26), watched("c", 0.255), watched("d", 0.255)
    )


@pytest.mark.parametrize(
    "times",
    [
        {"e2e": (1.0,), "ttft_model": (0.5,)},
        {"e2e": (0.0,), "ttft_model": (0.5,), "itl": (0.5,)},
        {"e2e": (1.0,), "ttft_model": (0.5, 0.5), "itl": (0.5, 0.5, 0.5)},
    ],
)
def test_a_cost_that_cannot_be_told_is_not_told(times: dict[str, tuple[float, ...]]) -> None:
    record = a_record(samples=tuple(samples(name, values) for name, values in times.items()))
    assert "watching" not in on_all(record)


def test_records_of_several_procedure_versions_are_said_to_be() -> None:
    assert "procedure versions 1, 2" in on_all(a_record(trial=0, procedure_version=1), a_record(trial=1, procedure_version=2))


def test_records_of_different_machines_in_one_run_are_said_to_be() -> None:
    remark = on_all(a_record(trial=0), a_record(trial=1, environment={"fingerprint": "other"}), a_record(trial=2, environment={}))
    assert remark == "records of different machines stand in one run: 20261125T190412Z-lab-0a1b"


def test_replayed_numbers_are_said_to_be() -> None:
    assert on_all(a_record(environment={"replayed": True})) == "1 trial replayed from a file: these numbers were not measured here"


GROWING = Procedure(trials=2, max_trials=12, target_interval=0.05)


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        ((1.0,) * 7, True),
        ((1.0,) * 8, False),
        ((1.0, 1.4) * 4, True),
        ((1.0, 1.4) * 6, False),
        ((), False),
    ],
)
def test_trials_are_added_until_the_target_is_reached_and_judged_from_eight_on(seconds: tuple[float, ...], wanted: bool) -> None:  # noqa: FBT001
    assert wants_more(of_seconds(*seconds, procedure=GROWING)) is wanted


def test_a_case_without_a_time_to_judge_by_wants_no_more() -> None:
    assert not wants_more([a_record(trial=number, procedure=GROWING) for number in range(8)])


def test_a_case_that_failed_wants_no_more() -> None:
    assert not wants_more([a_failure(a_case(), Outcome.TIMEOUT, ReasonCode.TIME_LIMIT, "slow", procedure=GROWING)])


def test_the_widest_time_is_the_one_that_is_judged() -> None:
    records = [
        a_record(trial=number, samples=(samples("forward", 1.0), samples("e2e", seconds)))
        for number, seconds in enumerate((1.0, 1.2, 1.0, 1.1, 1.3))
    ]
    found = widest(summarize(records).rows[0].metrics)
    assert found is not None
    assert found[0] == "e2e"
