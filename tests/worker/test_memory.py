"""Memory probes on known allocations. Each runs in a process of its own, so that nothing else of the tests is in it."""

import json
import mmap
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from bench.worker.host import memory

ROOT = Path(__file__).resolve().parents[2]
MIB = 1024 * 1024
HEAD = """
import ctypes, json, mmap, os, sys
from bench.protocol.messages import Sampled
from bench.worker.host import memory
from bench.worker.clock import Clock
from bench.worker.passive import Observer

MIB = 1024 * 1024

def hold(size):
    buffer = ctypes.create_string_buffer(size)
    ctypes.memset(buffer, 1, size)
    return buffer

def peaks(events):
    return {event.samples.phase: event.samples.values[0] for event in events if isinstance(event, Sampled)}
"""


def answer(body: str, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", HEAD + body, *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


def test_a_phase_s_peak_is_what_was_held_in_it_and_is_forgotten_in_the_next() -> None:
    found = cast(
        "dict[str, int]",
        answer("""
sent = []
observer = Observer(sent.append, Clock())
for name, size in (("none", 0), ("large", 256 * MIB), ("again", 64 * MIB), ("after", 0)):
    with observer.phase(name):
        if size:
            hold(size)
print(json.dumps(peaks(sent)))
"""),
    )
    assert found["none"] < 4 * MIB
    assert 255 * MIB <= found["large"] < 260 * MIB
    assert 63 * MIB <= found["again"] < 68 * MIB
    assert found["after"] < 4 * MIB


def test_what_is_kept_counts_in_every_later_phase() -> None:
    found = cast(
        "dict[str, int]",
        answer("""
sent = []
observer = Observer(sent.append, Clock())
with observer.phase("load"):
    kept = hold(64 * MIB)
with observer.phase("measure"):
    hold(16 * MIB)
print(json.dumps(peaks(sent)))
"""),
    )
    assert 79 * MIB <= found["measure"] < 84 * MIB


def test_what_a_forked_child_has_of_its_parent_is_not_its_own_read_or_written() -> None:
    found = cast(
        "dict[str, int]",
        answer("""
inherited = hold(128 * MIB)
if (pid := os.fork()) == 0:
    sent = []
    observer = Observer(sent.append, Clock())
    with observer.phase("read"):
        max(memoryview(inherited).cast("B")[::4096])
    with observer.phase("written"):
        ctypes.memset(inherited, 2, 128 * MIB)
    with observer.phase("own"):
        hold(32 * MIB)
    print(json.dumps(peaks(sent)), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""),
    )
    assert found["read"] < 8 * MIB
    assert found["written"] < 8 * MIB
    assert 31 * MIB <= found["own"] < 40 * MIB


def test_a_mapped_file_counts_whoever_else_maps_it_and_a_library_does_not(tmp_path: Path) -> None:
    for name in ("mine", "ours", "library"):
        with (tmp_path / name).open("wb") as file:
            file.write(os.urandom(32 * MIB))
            file.flush()
            os.fsync(file.fileno())  # what is mapped is then clean, as weights and libraries are
    with (tmp_path / "ours").open("rb") as ours, mmap.mmap(ours.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert max(mapped[::4096]) > 0
        found = cast(
            "dict[str, int]",
            answer(
                """
sent = []
observer = Observer(sent.append, Clock())
kept = []
for name, may in (("library", mmap.PROT_READ | mmap.PROT_EXEC), ("ours", mmap.PROT_READ), ("mine", mmap.PROT_READ)):
    with observer.phase(name), open(f"{sys.argv[1]}/{name}", "rb") as file:
        kept.append(mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, may))
        max(kept[-1][::4096])
print(json.dumps(peaks(sent)))
""",
                str(tmp_path),
            ),
        )
    assert found["library"] < 8 * MIB
    assert 31 * MIB <= found["ours"] < 40 * MIB
    assert 63 * MIB <= found["mine"] < 72 * MIB


def test_the_resident_parts_of_this_process_are_read() -> None:
    high = memory.high_water_bytes()
    assert high is not None
    assert 0 < memory.anonymous_bytes() < memory.resident_bytes() <= high
    assert 0 < memory.library_bytes() < memory.resident_bytes() - memory.anonymous_bytes() + MIB


def test_where_there_is_no_proc_nothing_is_made_up(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(memory, "_SELF", tmp_path / "nowhere")
    memory.reset_high_water()
    memory.offer_to_oom_killer()
    assert memory.high_water_bytes() is None
    assert memory.resident_bytes() == memory.library_bytes() == 0
