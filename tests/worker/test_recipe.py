"""The sampling loop of the recipe, on steps of known length."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.domain.metric import Metric
from bench.protocol.messages import Event, PhaseEnded, Sampled
from bench.worker import metrics, opening, recipe, turns
from bench.worker.clock import Clock
from bench.worker.loads.loading import Loaded
from bench.worker.material import masks
from bench.worker.passive import Observer
from bench.worker.steps import Call, Stamps, Step, forward_options
from tests.support.cases import a_request, quick

LOADED = Loaded(model=None, processor=None, device="cpu", stage_s={"read": 0.6, "config": 0.3}, total_s=1.0, notes=("a note",))


def sampled(step: Step) -> list[Event]:
    sent: list[Event] = []
    request = replace(a_request(), procedure=quick())
    observer = Observer(sent.append, Clock())
    recipe.sample(step, opening.Trial(request=request, send=sent.append, observer=observer, turn=turns.Alone(), loaded=LOADED))
    return sent


def values(events: list[Event], name: str) -> dict[str, tuple[float, ...]]:
    return {
        event.samples.phase: event.samples.values
        for event in events
        if isinstance(event, Sampled) and event.samples.metric.name == name
    }


def test_a_forward_of_50_ms_is_sampled_as_50_ms_and_every_call_is_kept() -> None:
    events = sampled(Step(name="forward", metric=metrics.FORWARD, run=lambda: time.sleep(0.05)))
    found = values(events, "forward")
    assert {phase: len(times) for phase, times in found.items()} == {"warmup.forward": 1, "measure.forward": 3}
    # A neighbour can make a sleep longer and nothing makes it shorter, so that the shortest is what is known.
    assert min(found["measure.forward"]) == pytest.approx(0.05, abs=0.005)
    assert [(event.name, event.stopped_by) for event in events if isinstance(event, PhaseEnded)] == [
        ("warmup.forward", "count"),
        ("measure.forward", "cap"),
    ]


def test_what_is_made_fresh_for_a_call_is_not_timed() -> None:
    step = Step(name="forward", metric=metrics.FORWARD, run=lambda: None, prepare=lambda: time.sleep(0.02))
    assert min(values(sampled(step), "forward")["measure.forward"]) < 0.01


def test_a_step_may_read_finer_samples_than_its_wall_time() -> None:
    fine: dict[Metric, tuple[float, ...]] = {metrics.TTFT_MODEL: (1.0,), metrics.ITL: (0.1, 0.2)}
    events = sampled(Step(name="ttft", run=lambda: None, read=lambda: fine))
    assert values(events, "ttft_model")["measure.ttft"] == (1.0,) * 3
    assert values(events, "itl")["measure.ttft"] == (0.1, 0.2) * 3


def test_the_load_is_sent_by_stages_with_its_own_total_and_the_rest() -> None:
    sent: list[Event] = []
    opening.send_load(LOADED, sent.append)
    found = {event.samples.metric.name: event.samples.values[0] for event in sent if isinstance(event, Sampled)}
    assert found == {
        "load.config": 0.3,
        "load.read": 0.6,
        "load.total": 1.0,
        "load.unattributed": pytest.approx(0.1),
    }


def test_a_mask_that_was_not_asked_for_is_not_handed_over() -> None:
    tensors = {"input_ids": 1, "attention_mask": 2}
    assert masks.form(LOADED, tensors, {"mask": "none"})(tensors) == {"input_ids": 1}
    assert masks.form(LOADED, tensors, {"mask": "padding"})(tensors) == tensors
    assert masks.form(LOADED, tensors, {})(tensors) == tensors


class FakeTokens:
    """What a stopping criterion looks at of a batch of two sequences."""

    shape = (2, 5)

    def __getitem__(self, _what: object) -> "FakeTokens":
        return self

    def tolist(self) -> list[int]:
        return [1, 2]

    def new_zeros(self, size: int, dtype: type) -> list[bool]:
        return [dtype(0)] * size


def test_stamps_give_the_first_token_and_the_gaps_and_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: Iterator[int] = iter([0, 5_000_000, 7_000_000, 10_000_000])
    monkeypatch.setattr("bench.worker.steps.perf_counter_ns", lambda: next(ticks))
    stamps = Stamps()
    stamps.start()
    for _ in range(3):
        assert stamps(FakeTokens(), None) == [False, False]
    assert stamps.values() == {metrics.TTFT_MODEL: pytest.approx((0.005,)), metrics.ITL: pytest.approx((0.002, 0.003))}


def test_one_token_has_no_gaps() -> None:
    stamps = Stamps()
    stamps.start()
    stamps(FakeTokens(), None)
    assert set(stamps.values()) == {metrics.TTFT_MODEL}


class Copied:
    """A tensor that tells whether it is the original."""

    def __init__(self, times: int = 0) -> None:
        self.times = times

    def clone(self) -> "Copied":
        return Copied(self.times + 1)


def test_every_call_gets_fresh_copies_of_the_inputs() -> None:
    seen: list[int] = []

    def model(ids: Copied) -> None:
        seen.append(ids.times)
        ids.times = 99

    call = Call(replace(LOADED, model=model), {"ids": Copied()})
    for _ in range(2):
        call.refresh()
        call.forward()
    assert seen == [1, 1]


def test_a_forward_has_the_class_s_defaults_but_no_cache_where_none_was_asked_for() -> None:
    assert forward_options({"cache": "none"}) == {"use_cache": False}
    assert forward_options({"cache": "dynamic"}) == forward_options({}) == {}
