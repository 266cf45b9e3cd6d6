"""Fixed work as a measure of how fast the machine is: the same work each time, in processor time, without what is measured."""

import subprocess
import sys
import time

import pytest

from bench.protocol.messages import Event, Noise
from bench.worker.clock import Clock
from bench.worker.host import yardsticks
from bench.worker.passive import Observer


def test_every_piece_takes_some_processor_time_and_little_of_it() -> None:
    found = yardsticks.read()
    assert set(found) == set(yardsticks.PIECES) == {"products_s", "interpreter_s"}
    assert all(1e-5 < seconds < 0.2 for seconds in found.values()), found


def test_waiting_for_a_core_is_no_slower_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yardsticks, "PIECES", {"sleep_s": lambda: time.sleep(0.05)})
    assert yardsticks.read()["sleep_s"] < 0.01


def test_twice_the_work_takes_twice_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def twice() -> None:
        yardsticks._multiply()
        yardsticks._multiply()

    monkeypatch.setattr(yardsticks, "PIECES", {"once": yardsticks._multiply, "twice": twice})
    monkeypatch.setattr(yardsticks, "TIMES", 25)
    found = yardsticks.read()
    assert found["twice"] / found["once"] == pytest.approx(2, rel=0.3)


def test_no_piece_needs_what_may_be_compared() -> None:
    asked = "import sys; from bench.worker.host import yardsticks; yardsticks.read(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(("partners", "told"), [(0, True), (1, False)])
def test_who_takes_turns_shares_the_pace(partners: int, *, told: bool) -> None:
    sent: list[Event] = []
    with Observer(sent.append, Clock(), partners=partners).disturbances():
        pass
    (noise,) = sent
    assert isinstance(noise, Noise)
    assert ("yardsticks" in noise.facts) is told
    if told:
        pieces = noise.facts["yardsticks"]
        assert isinstance(pieces, dict)
        assert all(isinstance(values, list) and len(values) == 2 for values in pieces.values())
