"""Exponents of costs over the length of the prompt."""

from dataclasses import replace

import pytest

from bench.analysis.growth import growths
from bench.analysis.summarize import summarize
from bench.domain.record import Record
from bench.domain.summary import Summary
from bench.domain.values import Json
from bench.report.build import build
from tests.support.builders import a_case_with, a_peak, a_record, samples

LENGTHS = (512, 1024, 2048, 4096)


def measured(length: int, seconds: float, peak: float = 0.0, **axes: Json) -> Record:
    case = a_case_with({"prompt_tokens": length, **axes})
    taken = [samples("ttft_model", seconds, "measure.ttft")]
    if peak:
        memory = a_peak("memory.host_anonymous_peak")
        taken += [samples(memory, 1e9, "load"), samples(memory, peak, "measure.ttft")]
    return a_record(case, samples=tuple(taken))


def test_a_power_of_the_length_is_found_as_it_is() -> None:
    (found,) = summarize([measured(length, 1e-6 * length**1.5) for length in LENGTHS]).growths
    assert (found.metric.name, found.lengths, found.over) == ("ttft_model", LENGTHS, "prompt_tokens")
    assert [found.exponent, found.last, found.low, found.high] == pytest.approx([1.5] * 4)


def test_what_does_not_grow_weighs_less_in_the_last_step() -> None:
    (found,) = summarize([measured(length, 0.1 + 1e-8 * length**2) for length in LENGTHS]).growths
    assert found.low < found.exponent < found.last < 2
    assert found.exponent < found.high


def test_a_peak_is_that_of_the_phase_which_the_length_decides_and_not_of_the_load() -> None:
    found = summarize([measured(length, 1e-6 * length, 64.0 * length**2) for length in LENGTHS]).growths
    assert {one.metric.name: round(one.exponent, 6) for one in found} == {"ttft_model": 1.0, "memory.host_anonymous_peak": 2.0}


def test_curves_are_told_apart_by_all_other_axes() -> None:
    records = [
        measured(length, 1e-6 * length**power, attention=name) for length in LENGTHS for name, power in (("eager", 2), ("sdpa", 1))
    ]
    found = {one.label: one.exponent for one in summarize(records).growths}
    assert found == {"tiny-gpt2 attention=eager": pytest.approx(2.0), "tiny-gpt2 attention=sdpa": pytest.approx(1.0)}


@pytest.mark.parametrize("lengths", [(512, 4096), (512, 768, 1024), (512,)])
def test_few_lengths_or_near_ones_make_no_curve(lengths: tuple[int, ...]) -> None:
    assert growths(summarize([measured(length, 1e-6 * length) for length in lengths]).rows) == ()


def section_of(summary: Summary) -> tuple[tuple[str, ...], ...] | None:
    table = next((one.table for one in build(summary).sections if one.title == "Growth with prompt_tokens"), None)
    return None if table is None else table.rows


def test_curves_of_two_runs_are_told_apart() -> None:
    records = [replace(measured(length, 1e-6 * length), run=run) for run in ("one", "two") for length in LENGTHS]
    shown = section_of(summarize(records))
    assert shown is not None
    assert [row[:2] for row in shown] == [("one", "tiny-gpt2"), ("two", "tiny-gpt2")]


def test_reports_show_the_exponents_and_nothing_without_them() -> None:
    shown = section_of(summarize([measured(length, 1e-6 * length**2) for length in LENGTHS]))
    assert shown == (("tiny-gpt2", "ttft_model", "512 to 4096, 4 of them", "2.00 [2.00, 2.00]", "2.00"),)
    assert section_of(summarize([measured(512, 1.0)])) is None
