import os
import subprocess
import sys
import time
from pathlib import Path

from bench.worker.host import offspring

ROOT = Path(__file__).resolve().parents[2]


def test_children_are_known_and_strays_are_ended_with_their_own_children() -> None:
    script = """
import os, subprocess, sys, time
from bench.worker.host import offspring
offspring.become_subreaper()
inner = "import subprocess, sys; subprocess.Popen(['sleep', '3600'], start_new_session=True)"
subprocess.run([sys.executable, "-c", inner], check=True)
for _ in range(2):
    subprocess.Popen(["sleep", "3600"]).returncode = 0
assert len(offspring.children()) == 3, offspring.children()
offspring.end_strays()
assert offspring.children() == set()
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout == "done\n", done.stderr


def test_ending_a_group_ends_every_process_of_it_and_one_that_is_gone_is_no_error() -> None:
    leader = subprocess.Popen(["sh", "-c", "sleep 3600 & sleep 3600"], process_group=0)
    time.sleep(0.05)
    offspring.end_group(leader.pid)
    assert leader.wait() == -9
    offspring.end_group(leader.pid)


def test_a_process_ends_with_its_parent() -> None:
    script = """
import os, sys, time
from bench.worker.host import offspring
if os.fork() == 0:
    offspring.die_with_parent(yes=True)
    print(os.getpid(), flush=True)
    time.sleep(3600)
time.sleep(3600)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    end = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < end and _state(child) != "Z":
        time.sleep(0.01)
    assert not Path(f"/proc/{child}").exists() or _state(child) == "Z"


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_a_tied_process_ends_its_group_when_the_descriptor_ends() -> None:
    script = """
import os, subprocess, sys, time
from bench.worker.host import offspring
alive, held = os.pipe()
pid = os.fork()
if pid == 0:
    os.close(held)
    os.setpgid(0, 0)
    offspring.tie_to_nursery(alive)
    grandchild = subprocess.Popen(["sleep", "3600"])
    print(grandchild.pid, flush=True)
    time.sleep(3600)
os.close(alive)
sys.stdin.readline()
os.close(held)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    grandchild, status = _talk(process)
    assert status == "-9"
    end = time.monotonic() + 5
    while _state(grandchild) != "Z" and time.monotonic() < end:
        time.sleep(0.01)
    assert _state(grandchild) == "Z"


def _talk(process: "subprocess.Popen[str]") -> tuple[int, str]:
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        grandchild = int(process.stdout.readline())
        assert _state(grandchild) != "Z"
        process.stdin.write("\n")
        process.stdin.flush()
        status = process.stdout.readline().strip()
    process.wait()
    return grandchild, status


def test_only_living_children_are_listed() -> None:
    child = subprocess.Popen(["sleep", "3600"])
    assert child.pid in offspring.children()
    child.kill()
    child.wait()
    assert child.pid not in offspring.children()
    assert os.getpid() not in offspring.children()
