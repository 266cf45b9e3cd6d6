"""The local executor with real processes around a worker without torch."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.domain.errors import WorkerError
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.procedure import StartMethod
from bench.execution.executors import local
from bench.execution.executors.local import Local
from bench.protocol.messages import Event, Exited, Failed, Finished, Forked, Noted, Sampled
from tests.support import stub_worker
from tests.support.cases import a_request

MIB = 1024 * 1024
LONG_S = 60.0


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    return stub_worker.wrapper(tmp_path_factory.mktemp("stub"))


@pytest.fixture(scope="module", params=list(StartMethod))
def executor(request: pytest.FixtureRequest, python: str) -> Iterator[Local]:
    opened = Local(python=python)
    opened.open(1, request.param)
    yield opened
    opened.close()


def ask(executor: Local, behaviour: str, time_limit_s: float | None = LONG_S, memory_limit_bytes: int | None = None) -> list[Event]:
    return list(executor.ask(a_request(behaviour=behaviour), 0, time_limit_s, memory_limit_bytes))


def the_failure(events: list[Event]) -> Failed:
    (failed,) = [event for event in events if isinstance(event, Failed)]
    return failed


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_gone(pid: int, within_s: float = 5.0) -> bool:
    end = time.monotonic() + within_s
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not is_running(pid)


def until_noted(events: Iterator[Event]) -> int:
    """Hear EVENTS until the trial tells the process that it left behind."""
    return int(next(event.text for event in events if isinstance(event, Noted)))


def test_a_request_that_does_nothing_finishes(executor: Local) -> None:
    events = ask(executor, "nothing")
    assert sorted(type(event).__name__ for event in events[:2]) == ["Forked", "Started"]
    assert isinstance(events[-2], Finished)
    assert events[-1] == Exited(status=0)


def test_a_child_leads_a_group_of_its_own_and_has_an_empty_standard_input(executor: Local) -> None:
    events = ask(executor, "report")
    (pid, group, parent, read) = next(event.text for event in events if isinstance(event, Noted)).split()
    assert pid == group
    assert int(parent) == executor.nurseries[0].process.pid
    assert read == "''"


def test_every_request_gets_a_fresh_process(executor: Local) -> None:
    pids = {event.pid for _ in range(3) for event in ask(executor, "nothing") if isinstance(event, Forked)}
    assert len(pids) == 3


@pytest.mark.parametrize("behaviour", ["hang", "stubborn"])
def test_a_child_that_hangs_is_ended_at_its_time_limit(executor: Local, behaviour: str) -> None:
    start = time.monotonic()
    events = ask(executor, behaviour, time_limit_s=0.3)
    assert time.monotonic() - start < 10
    failed = the_failure(events)
    assert (failed.outcome, failed.reason_code) == (Outcome.TIMEOUT, ReasonCode.TIME_LIMIT)
    assert failed.reason == "not done within time_limit_s of 0.3 s; it was still at it in phase measure.forward"
    assert events[-1] == Exited(status=-signal.SIGKILL)
    assert isinstance(ask(executor, "nothing")[-2], Finished)


def test_a_limit_that_has_passed_before_the_child_is_known_still_ends_it(executor: Local) -> None:
    events = ask(executor, "hang", time_limit_s=-1.0)
    assert the_failure(events).outcome is Outcome.TIMEOUT
    assert events[-1] == Exited(status=-signal.SIGKILL)


def test_a_child_that_a_signal_kills_says_nothing_more_and_exits_with_it(executor: Local) -> None:
    events = ask(executor, "die")
    assert events[-1] == Exited(status=-signal.SIGSEGV)
    assert not [event for event in events if isinstance(event, Failed | Finished)]


def test_a_child_that_exceeds_its_memory_limit_is_ended(executor: Local) -> None:
    events = ask(executor, "grow", memory_limit_bytes=100 * MIB)
    failed = the_failure(events)
    assert (failed.outcome, failed.reason_code) == (Outcome.OUT_OF_MEMORY, ReasonCode.MEMORY_LIMIT)
    assert "above the baseline in phase measure.forward, and limits.host_memory is 100 MiB" in failed.reason
    assert events[-1] == Exited(status=-signal.SIGKILL)


def test_a_buffer_held_for_20_ms_shows_in_the_peaks(executor: Local) -> None:
    peaks = {event.samples.metric.name: event.samples.values[0] for event in ask(executor, "hold") if isinstance(event, Sampled)}
    assert 255 * MIB <= peaks["memory.host_peak"] <= 264 * MIB
    assert 255 * MIB <= peaks["memory.host_anonymous_peak"] <= 264 * MIB
    quiet = {event.samples.metric.name: event.samples.values[0] for event in ask(executor, "nothing") if isinstance(event, Sampled)}
    assert quiet["memory.host_peak"] <= 8 * MIB
    assert quiet["memory.host_anonymous_peak"] <= 8 * MIB


def test_a_grandchild_in_a_session_of_its_own_is_ended_with_the_trial(executor: Local) -> None:
    left = until_noted(iter(ask(executor, "stray")))
    assert not is_running(left)


def test_a_grandchild_in_a_session_of_its_own_is_ended_at_the_time_limit(executor: Local) -> None:
    left = until_noted(iter(ask(executor, "stray and hang", time_limit_s=0.5)))
    assert not is_running(left)


def test_what_libraries_print_does_not_break_the_wire(executor: Local) -> None:
    events = ask(executor, "print")
    assert not [event for event in events if isinstance(event, Noted)]
    assert [type(event) for event in events[-2:]] == [Finished, Exited]
    assert "noise of a library" in executor.stderr_tail()
    assert "noise of a program" in executor.stderr_tail()


def test_an_event_that_was_torn_by_death_becomes_a_note(executor: Local) -> None:
    events = ask(executor, "tear")
    assert any("could not be read" in event.text for event in events if isinstance(event, Noted))
    assert events[-1] == Exited(status=-signal.SIGKILL)
    assert isinstance(ask(executor, "nothing")[-2], Finished)


def test_the_end_of_a_large_standard_error_is_kept_and_the_next_request_begins_without_it(executor: Local) -> None:
    failed = the_failure(ask(executor, "shout"))
    assert (failed.outcome, failed.reason) == (Outcome.ERROR, "RuntimeError: shouted enough")
    tail = executor.stderr_tail()
    assert "the last words" in tail
    assert len(tail.encode()) <= 4096
    ask(executor, "nothing")
    assert executor.stderr_tail() == ""


def test_sys_exit_in_a_library_is_an_error_of_the_trial(executor: Local) -> None:
    events = ask(executor, "leave")
    assert the_failure(events).reason == "SystemExit: 7"
    assert events[-1] == Exited(status=1)


def test_a_child_that_vanishes_leaves_its_exit_code(executor: Local) -> None:
    assert ask(executor, "vanish")[-1] == Exited(status=7)


def test_an_allocation_that_fails_is_out_of_memory(executor: Local) -> None:
    failed = the_failure(ask(executor, "fill"))
    assert (failed.outcome, failed.reason_code) == (Outcome.OUT_OF_MEMORY, ReasonCode.ALLOCATION_FAILED)


def test_leaving_the_loop_early_ends_the_request_and_the_next_one_does_not_hear_it(executor: Local) -> None:
    events = executor.ask(a_request(behaviour="stray and hang"), 0, LONG_S, None)
    left = until_noted(events)
    events.close()  # type: ignore[attr-defined]  # it is a generator
    assert is_gone(left)
    again = ask(executor, "report")
    assert len([event for event in again if isinstance(event, Forked)]) == 1
    assert isinstance(again[-2], Finished)


@pytest.mark.parametrize("behaviour", ["stray and hang", "stray fork and hang"])
def test_a_nursery_that_is_killed_takes_everything_with_it_and_the_next_request_gets_a_new_one(
    executor: Local, behaviour: str
) -> None:
    asked = executor.ask(a_request(behaviour=behaviour), 0, LONG_S, None)
    heard: list[Event] = []
    for event in asked:
        heard.append(event)
        if isinstance(event, Noted):
            os.kill(executor.nurseries[0].process.pid, signal.SIGKILL)
    failed = the_failure(heard)
    assert (failed.outcome, failed.reason_code) == (Outcome.LOST, ReasonCode.SIGNAL)
    assert failed.reason == "the nursery of this trial ended under it (signal SIGKILL); the next trial gets a new one"
    assert heard[-1] == Exited(status=-signal.SIGKILL)
    assert is_gone(until_noted(iter(heard)))
    assert is_gone(next(event.pid for event in heard if isinstance(event, Forked)))
    assert isinstance(ask(executor, "nothing")[-2], Finished)


def places(events: list[Event]) -> list[Path]:
    return [Path(event.text) for event in events if isinstance(event, Noted)]


@pytest.mark.parametrize(("behaviour", "limit_s"), [("write", LONG_S), ("write and hang", 0.5)])
def test_what_a_trial_wrote_for_itself_ends_with_it_however_that_ends(executor: Local, behaviour: str, limit_s: float) -> None:
    told = [places(ask(executor, behaviour, limit_s)) for _ in range(2)]
    for place, compiled in told:
        assert compiled.parent == place.parent != Path(tempfile.gettempdir())
        assert not place.parent.exists()


def test_what_a_trial_wrote_for_itself_is_removed_after_its_nursery_was_killed(executor: Local) -> None:
    heard: list[Event] = []
    for event in executor.ask(a_request(behaviour="write and hang"), 0, LONG_S, None):
        heard.append(event)
        if len(places(heard)) == 2 and isinstance(event, Noted):
            assert places(heard)[0].exists()
            executor.nurseries[0].process.kill()
    assert the_failure(heard).outcome is Outcome.LOST
    assert isinstance(ask(executor, "nothing")[-2], Finished)
    assert not places(heard)[0].parent.exists()


def test_a_trial_has_a_place_of_its_own_where_the_callers_is_not_there(python: str) -> None:
    executor = Local(python=python, env={"TMPDIR": "/nowhere"})
    executor.open(1, StartMethod.NURSERY)
    place, _ = places(ask(executor, "write"))
    executor.close()
    assert not place.parent.exists()
    assert place.parent.parent == Path(tempfile.gettempdir())


def test_a_nursery_that_died_between_requests_is_replaced(executor: Local) -> None:
    before = executor.nurseries[0].process
    before.kill()
    before.wait()
    assert isinstance(ask(executor, "nothing")[-2], Finished)
    assert executor.nurseries[0].process.pid != before.pid


def test_a_request_that_the_worker_cannot_read_is_an_error_of_the_trial(executor: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "encode", lambda _request: '{"v": 1, "type": "measure", "shape": "strange"}')
    failed = the_failure(ask(executor, "nothing"))
    assert failed.outcome is Outcome.ERROR
    assert "unknown field 'shape'" in failed.reason


def test_nurseries_opened_later_join_the_earlier_ones(python: str) -> None:
    executor = Local(python=python)
    try:
        assert [len(executor.open(count, StartMethod.SPAWN)) for count in (1, 2)] == [1, 2]
        assert len({nursery.process.pid for nursery in executor.nurseries}) == 3
    finally:
        executor.close()


def test_nurseries_are_distinct_processes_and_closing_ends_them(python: str) -> None:
    executor = Local(python=python)
    ready = executor.open(2, StartMethod.NURSERY)
    pids = [nursery.process.pid for nursery in executor.nurseries]
    assert len(set(pids)) == len(ready) == 2
    executor.close()
    assert not any(is_running(pid) for pid in pids)
    executor.close()


def test_closing_during_a_request_ends_its_processes(python: str) -> None:
    executor = Local(python=python)
    executor.open(1, StartMethod.NURSERY)
    events = executor.ask(a_request(behaviour="stray and hang"), 0, LONG_S, None)
    child = next(event.pid for event in events if isinstance(event, Forked))
    left = until_noted(events)
    nursery = executor.nurseries[0].process.pid
    executor.close()
    assert all(is_gone(pid) for pid in (child, left, nursery))


def test_a_process_that_must_not_fork_spawns_and_says_why(python: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_STUB_UNFIT", "CUDA was initialised")
    executor = Local(python=python)
    (ready,) = executor.open(1, StartMethod.NURSERY)
    assert (ready.start_method, ready.reason) == (StartMethod.SPAWN, "CUDA was initialised")
    assert isinstance(ask(executor, "nothing")[-2], Finished)
    executor.close()


def test_an_interpreter_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"nowhere cannot be started: No such file or directory"):
        Local(python=str(tmp_path / "nowhere")).open(1, StartMethod.NURSERY)


def test_a_worker_that_does_not_start_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\necho no module named bench >&2\nexit 1\n")
    path.chmod(0o755)
    executor = Local(python=str(path))
    with pytest.raises(WorkerError, match=r"did not start: no module named bench"):
        executor.open(1, StartMethod.NURSERY)
    executor.close()


def test_a_worker_that_speaks_another_language_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\necho hello\nexec sleep 3600\n")
    path.chmod(0o755)
    executor = Local(python=str(path))
    with pytest.raises(WorkerError, match="did not start"):
        executor.open(1, StartMethod.NURSERY)
    executor.close()


def test_a_worker_that_is_never_ready_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\nexec sleep 3600\n")
    path.chmod(0o755)
    monkeypatch.setattr(local, "START_LIMIT_S", 0.2)
    monkeypatch.setattr(local, "END_LIMIT_S", 0.2)
    executor = Local(python=str(path))
    with pytest.raises(WorkerError, match="was not ready within"):
        executor.open(1, StartMethod.NURSERY)
    pid = executor.nurseries[0].process.pid
    executor.close()
    assert not is_running(pid)


DRIVER = """
import sys
from bench.domain.procedure import StartMethod
from bench.execution.executors.local import Local
from bench.protocol.messages import Noted
from tests.support.cases import a_request

executor = Local(python=sys.argv[1])
executor.open(2, StartMethod(sys.argv[2]))
for event in executor.ask(a_request(behaviour=sys.argv[3]), 0, 3600, None):
    if isinstance(event, Noted):
        print(event.text, flush=True)
"""


def carriers(mark: str) -> list[int]:
    """List the processes that have MARK in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in environment.split(b"\0") and is_running(int(folder.name)):
            found.append(int(folder.name))
    return found


@pytest.mark.parametrize("method", list(StartMethod))
def test_no_process_outlives_a_driver_that_is_killed(python: str, method: StartMethod) -> None:
    mark = f"BENCH_TEST_MARK={os.getpid()}-{time.time_ns()}"
    name, _, value = mark.partition("=")
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, python, method, "stray and hang"],
        cwd=stub_worker.ROOT,
        env={**os.environ, name: value},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout is not None
    with driver.stdout:
        left = int(driver.stdout.readline())
        end = time.monotonic() + 10
        while not (seen := {driver.pid, left} < set(carriers(mark))) and time.monotonic() < end:
            time.sleep(0.02)  # a process that has not begun its program yet does not show the mark
        driver.kill()
        driver.wait()
        assert seen
    end = time.monotonic() + 10
    while carriers(mark) and time.monotonic() < end:
        time.sleep(0.02)
    assert carriers(mark) == []


@pytest.mark.parametrize("method", list(StartMethod))
def test_what_a_trial_wrote_for_itself_is_removed_after_its_driver_was_killed(python: str, method: StartMethod) -> None:
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, python, method, "write and hang"], cwd=stub_worker.ROOT, stdout=subprocess.PIPE, text=True
    )
    assert driver.stdout is not None
    with driver.stdout:
        place = Path(driver.stdout.readline().strip())
        assert (place / "weights").stat().st_size == MIB
        driver.kill()
        driver.wait()
    end = time.monotonic() + 10
    while place.parent.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not place.parent.exists()


def test_what_is_written_after_the_standard_error_was_emptied_stands_at_its_beginning() -> None:
    with local._stderr() as opened, subprocess.Popen(
        [sys.executable, "-c", "import os; os.write(2, b'x' * 9000); input(); os.write(2, b'late')"],
        stdin=subprocess.PIPE, stderr=opened,
    ) as process:  # fmt: skip
        while os.fstat(opened.fileno()).st_size < 9000:
            time.sleep(0.01)
        os.ftruncate(opened.fileno(), 0)
        process.communicate(b"\n")
        assert os.pread(opened.fileno(), 100, 0) == b"late"
