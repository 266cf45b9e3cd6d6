from collections.abc import Callable

from bench.domain.outcome import Outcome, ReasonCode
from bench.execution.watch import Watch, resident
from bench.protocol.messages import Event, Forked, Noted, PhaseBegan, PhaseEnded, Sampled, Started

MIB = 1024 * 1024


class FakeTime:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def a_watch(
    *,
    time_limit_s: float | None = None,
    memory_limit_bytes: int | None = None,
    read: Callable[[int], tuple[int, int]] = lambda _pid: (0, 0),
) -> tuple[Watch, FakeTime]:
    clock = FakeTime()
    return Watch(time_limit_s=time_limit_s, memory_limit_bytes=memory_limit_bytes, now=clock, read=read), clock


def peaks(events: tuple[Event, ...]) -> dict[str, float]:
    return {event.samples.metric.name: event.samples.values[0] for event in events if isinstance(event, Sampled)}


def test_time_counts_from_started_and_not_before() -> None:
    watch, clock = a_watch(time_limit_s=10)
    watch.hear(Forked(pid=1))
    clock.now_s = 100.0
    assert watch.look() is None
    watch.hear(Started(baseline_bytes=0))
    clock.now_s = 110.0
    assert watch.look() is None
    clock.now_s = 110.1
    failed = watch.look()
    assert failed is not None
    assert (failed.outcome, failed.reason_code) == (Outcome.TIMEOUT, ReasonCode.TIME_LIMIT)
    assert failed.reason == "not done within time_limit_s of 10 s; it was still at it"


def test_no_limit_never_ends_anything() -> None:
    watch, clock = a_watch()
    watch.hear(Forked(pid=1))
    watch.hear(Started(baseline_bytes=0))
    clock.now_s = 1e9
    assert watch.look() is None


def test_memory_counts_above_the_baseline_and_from_started() -> None:
    held = [900 * MIB]
    watch, _ = a_watch(memory_limit_bytes=100 * MIB, read=lambda _pid: (held[0], 0))
    watch.hear(Forked(pid=1))
    assert watch.look() is None
    watch.hear(Started(baseline_bytes=880 * MIB))
    watch.hear(PhaseBegan(name="load", at_s=0.0))
    assert watch.look() is None
    held[0] = 981 * MIB
    failed = watch.look()
    assert failed is not None
    assert (failed.outcome, failed.reason_code) == (Outcome.OUT_OF_MEMORY, ReasonCode.MEMORY_LIMIT)
    assert failed.reason == "anonymous memory reached 101 MiB above the baseline in phase load, and limits.host_memory is 100 MiB"


def test_a_phase_has_the_peaks_that_were_polled_in_it_and_starts_anew() -> None:
    held = [(10, 5)]
    watch, _ = a_watch(read=lambda _pid: held[0])
    watch.hear(Forked(pid=1))
    watch.hear(Started(baseline_bytes=4))
    watch.hear(PhaseBegan(name="load", at_s=0.0))
    held[0] = (30, 20)
    watch.look()
    held[0] = (8, 6)
    first = peaks(watch.hear(PhaseEnded(name="load", at_s=1.0)))
    assert first == {"memory.host_anonymous_peak": 26, "memory.host_file_peak": 20}
    watch.hear(PhaseBegan(name="measure.forward", at_s=1.0))
    second = peaks(watch.hear(PhaseEnded(name="measure.forward", at_s=2.0)))
    assert second == {"memory.host_anonymous_peak": 4, "memory.host_file_peak": 6}


def test_what_came_and_went_between_polls_shows_through_the_high_water_mark() -> None:
    watch, _ = a_watch(read=lambda _pid: (10, 5))
    watch.hear(Forked(pid=1))
    watch.hear(Started(baseline_bytes=4))
    watch.hear(PhaseBegan(name="load", at_s=0.0))
    found = peaks(watch.hear(PhaseEnded(name="load", at_s=1.0, high_water_bytes=115)))
    assert found == {"memory.host_anonymous_peak": 115 - 5 - 4, "memory.host_file_peak": 5}


def test_the_pass_of_a_probe_leaves_no_peaks() -> None:
    watch, _ = a_watch(read=lambda _pid: (10, 5))
    watch.hear(Forked(pid=1))
    watch.hear(PhaseBegan(name="probe.kv_cache", at_s=0.0))
    assert watch.hear(PhaseEnded(name="probe.kv_cache", at_s=1.0)) == ()


def test_other_events_are_nothing_to_say_something_beside() -> None:
    watch, _ = a_watch()
    assert watch.hear(Noted(text="x")) == ()


def test_a_process_that_is_gone_holds_nothing() -> None:
    assert resident(2**22 + 1) == (0, 0)


def test_this_process_holds_anonymous_and_file_memory() -> None:
    import os

    anonymous, of_files = resident(os.getpid())
    assert anonymous > MIB
    assert of_files > MIB
