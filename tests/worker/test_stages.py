import contextlib
import threading
from types import ModuleType

import pytest

from bench.protocol.messages import Event, PhaseBegan, PhaseEnded
from bench.worker.clock import Clock, phase
from bench.worker.loads import stages
from bench.worker.loads.stages import Stopwatch


class FakeTime:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def ns(self) -> int:
        return round(self.now_s * 1e9)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_stages_are_exclusive_and_add_up() -> None:
    time = FakeTime()
    watch = Stopwatch(now=time)
    with watch.stage("read"):
        time.sleep(1)
        with watch.stage("construct"):
            time.sleep(2)
            with watch.stage("tie"):
                time.sleep(4)
        time.sleep(8)
        with watch.stage("construct"):
            time.sleep(16)
    assert watch.seconds == {"tie": 4, "construct": 18, "read": 9}
    assert sum(watch.seconds.values()) == 31


def test_a_stage_inside_itself_is_counted_once() -> None:
    time = FakeTime()
    watch = Stopwatch(now=time)
    with watch.stage("read"), watch.stage("read"):
        time.sleep(3)
    assert watch.seconds == {"read": 3}


def test_a_stage_that_fails_is_counted_and_the_others_go_on() -> None:
    time = FakeTime()
    watch = Stopwatch(now=time)
    with watch.stage("read"):
        with contextlib.suppress(KeyError), watch.stage("tie"):
            time.sleep(1)
            raise KeyError
        time.sleep(2)
    assert watch.seconds == {"tie": 1, "read": 2}


def test_another_thread_s_work_is_part_of_the_stage_that_waits_for_it() -> None:
    time = FakeTime()
    watch = Stopwatch(now=time)

    def work() -> None:
        with watch.stage("construct"):
            time.sleep(5)

    with watch.stage("read"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert watch.seconds == {"read": 5}


def test_a_wrapped_function_keeps_its_answer_and_name() -> None:
    time = FakeTime()
    watch = Stopwatch(now=time)

    def double(number: int) -> int:
        time.sleep(1)
        return 2 * number

    timed = watch.around(double, "read")
    assert timed(4) == 8
    assert timed.__name__ == "double"
    assert watch.seconds == {"read": 1}


def test_pieces_are_wrapped_for_one_load_and_then_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    time = FakeTime()
    module = ModuleType("a_library")

    def load() -> None:
        time.sleep(1)

    class Model:
        def __init__(self) -> None:
            time.sleep(2)

        @classmethod
        def open(cls) -> type:
            time.sleep(4)
            return cls

        @staticmethod
        def tie() -> None:
            time.sleep(8)

    class Child(Model):
        """A class without a constructor of its own."""

    module.load, module.Model = load, Model  # type: ignore[attr-defined]
    monkeypatch.setitem(__import__("sys").modules, "a_library", module)
    pieces = (
        ("a_library", "load", "read"),
        ("a_library", "gone_in_this_version", "read"),
        ("a_library_that_is_not_there", "load", "read"),
        ("a_library:NoSuchClass", "load", "read"),
        ("a_library:Model", "open", "config"),
        ("a_library:Model", "tie", "tie"),
    )
    monkeypatch.setattr(stages, "PIECES", pieces)
    before = dict(vars(Model))
    watch = Stopwatch(now=time)
    with stages.watched(watch, Child):
        module.load()
        assert Child.open() is Child
        Child.tie()
        Child()
    assert watch.seconds == {"read": 1, "config": 4, "tie": 8, "construct": 2}
    assert module.load is load
    assert vars(Model) == before
    assert "__init__" not in vars(Child)


def test_between_the_clock_s_start_and_stop_are_the_step_and_a_synchronise() -> None:
    time = FakeTime()
    clock = Clock(now_ns=time.ns)
    time.sleep(7)
    assert clock.elapsed_s() == pytest.approx(7)
    done: list[str] = []

    def step() -> None:
        time.sleep(2)
        done.append("step")

    def synchronize() -> None:
        time.sleep(1)
        done.append("synchronize")

    assert clock.time_s(step, synchronize) == pytest.approx(3)
    assert done == ["step", "synchronize"]


def test_a_sleep_of_50_ms_is_50_ms() -> None:
    import time

    assert Clock().time_s(lambda: time.sleep(0.05), lambda: None) == pytest.approx(0.05, abs=0.01)


def test_a_phase_announces_its_begin_and_end_and_one_that_fails_never_ends() -> None:
    time = FakeTime()
    sent: list[Event] = []
    clock = Clock(now_ns=time.ns)
    with phase("load", sent.append, clock) as note:
        time.sleep(1)
        note.stopped_by = "count"
    with pytest.raises(KeyError), phase("measure", sent.append, clock):
        raise KeyError
    assert sent == [
        PhaseBegan(name="load", at_s=0.0),
        PhaseEnded(name="load", at_s=1.0, stopped_by="count"),
        PhaseBegan(name="measure", at_s=1.0),
    ]
