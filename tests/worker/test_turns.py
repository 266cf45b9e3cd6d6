"""Two trials that take turns over real pipes."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.protocol.messages import END_OF_TURNS, Turns
from bench.worker import turns
from bench.worker.failures import Refused
from bench.worker.turns import Turn

Log = list[tuple[str, str]]


class Table:
    """Two pipes and what the sides did on them, in order."""

    def __init__(self, folder: Path, undo: ExitStack) -> None:
        self.log: Log = []
        self.paths = [str(folder / name) for name in ("a", "b")]
        self.held = []
        for path in self.paths:
            os.mkfifo(path)
            self.held.append(os.open(path, os.O_RDWR))
            undo.callback(os.close, self.held[-1])

    def side(self, name: str) -> Turn:
        at = "ab".index(name)
        return turns.of(Turns(take=self.paths[at], give=self.paths[1 - at], first=name == "a"))

    def play(self, name: str, phases: dict[str, int]) -> None:
        """Make the calls of one side: in each phase it has enough after so many."""
        turn = self.side(name)
        turn.begin()
        self.log.append((name, "begins"))
        for phase, wanted in phases.items():
            done, over = 0, False
            while not over:
                done += 1
                self.log.append((name, phase))
                over = turn.agree(phase, enough=done >= wanted)
        self.log.append((name, "ends"))
        os.write(self.held[1 - "ab".index(name)], f"{END_OF_TURNS}\n".encode())


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    with ExitStack() as undo:
        yield Table(tmp_path, undo)


def played(table: Table, a: dict[str, int], b: dict[str, int]) -> list[Future[None]]:
    with ThreadPoolExecutor(2) as threads:
        return [threads.submit(table.play, name, phases) for name, phases in (("b", b), ("a", a))]


def test_the_calls_of_two_sides_alternate_and_none_overlaps(table: Table) -> None:
    for future in played(table, {"warmup": 2, "measure": 3}, {"warmup": 2, "measure": 3}):
        future.result()
    calls = [entry for entry in table.log if entry[1] in {"warmup", "measure"}]
    assert calls == [(name, phase) for phase, times in (("warmup", 2), ("measure", 3)) for _ in range(times) for name in "ab"]


def test_a_phase_ends_on_both_sides_after_the_same_call_when_both_have_enough(table: Table) -> None:
    for future in played(table, {"warmup": 5, "measure": 1}, {"warmup": 2, "measure": 4}):
        future.result()
    for name in "ab":
        assert [table.log.count((name, phase)) for phase in ("warmup", "measure")] == [5, 4]


def test_the_second_side_does_nothing_before_the_first_has_passed_on(table: Table) -> None:
    for future in played(table, {"measure": 1}, {"measure": 1}):
        future.result()
    assert table.log[:3] == [("a", "begins"), ("a", "measure"), ("b", "begins")]


def test_a_side_whose_partner_is_gone_goes_on_alone(table: Table) -> None:
    for future in played(table, {"measure": 1}, {"measure": 1, "more": 3}):
        future.result()
    assert table.log.count(("b", "more")) == 3


def test_sides_in_different_phases_are_refused_and_not_paired(table: Table) -> None:
    turn = table.side("a")
    os.write(table.held[0], b"measure.matrix 1\n")
    with pytest.raises(Refused, match=r"do not take the same steps: measure.forward here, measure.matrix on the other side"):
        turn.agree("measure.forward", enough=True)


def test_an_end_mark_that_comes_with_a_token_is_not_lost(table: Table) -> None:
    turn = table.side("a")
    os.write(table.held[0], f"measure 1\n{END_OF_TURNS}\n".encode())
    assert turn.agree("measure", enough=True)
    assert turn.agree("later", enough=True)


def test_a_trial_without_turns_waits_for_nobody() -> None:
    turn = turns.of(None)
    done = threading.Event()
    turn.begin()
    done.set()
    assert done.is_set()
    assert [turn.agree("measure", enough=enough) for enough in (False, True)] == [False, True]
