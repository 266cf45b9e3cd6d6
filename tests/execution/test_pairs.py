"""Pairs of trials, driven with executors that take turns over the real pipes and measure nothing."""

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.plan import PlannedCase, Trial
from bench.domain.procedure import StartMethod
from bench.domain.record import Side
from bench.execution.pairs import NURSERIES, Both, Contest, Couple, Flank, base_begins
from bench.protocol.messages import END_OF_TURNS, Capabilities, Event, Exited, Failed, Finished, Measure, Request
from tests.support.cases import a_trial

PLANNED = a_trial().planned


@dataclass(slots=True)
class Player:
    """An executor whose trial makes CALLS in turn with the other side, or dies before its first one."""

    loads: ClassVar[bool] = False
    calls: int = 2
    dies: bool = False
    asked: list[tuple[Measure, int]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, nurseries: int, method: StartMethod) -> tuple[Capabilities, ...]:
        raise NotImplementedError

    def ask(self, request: Request, nursery: int, time_limit_s: float | None, memory_limit_bytes: int | None) -> Iterator[Event]:
        del memory_limit_bytes
        assert isinstance(request, Measure)
        assert request.turns is not None
        assert time_limit_s == 2 * request.procedure.time_limit_s
        self.asked.append((request, nursery))
        if self.dies:
            yield Failed(outcome=Outcome.KILLED, reason="killed", reason_code=ReasonCode.SIGNAL)
            yield Exited(status=-9)
            return
        take, give = (os.open(path, os.O_RDWR) for path in (request.turns.take, request.turns.give))
        if request.turns.first:
            os.write(give, b"call 0\n" * self.calls)
        while (line := os.read(take, 1 << 12).decode()) and END_OF_TURNS not in line:
            self.said.append(line)
            if not request.turns.first:
                break
        os.close(take)
        os.close(give)
        yield Finished()
        yield Exited(status=0)

    def stderr_tail(self) -> str:
        return ""

    def close(self) -> None:
        return None


class Silence:
    """Hears everything and says nothing."""

    def said(self, text: str) -> None:
        del text

    def begins(self, trial: Trial) -> None:
        del trial

    def heard(self, event: Event) -> None:
        del event

    def ended(self, record: object) -> None:
        del record


def in_order(cases: Sequence[PlannedCase], number: int) -> list[Trial]:
    return [Trial(planned=planned, number=number) for planned in cases]


def contest(
    base: Player, head: Player, pairs: int, couples: Sequence[Couple] = (Couple(base=PLANNED, head=PLANNED),)
) -> list[Both]:
    flanks = tuple(
        Flank(side=side, executor=player, run=f"run-{side}", start={"start_method": "nursery"})
        for side, player in zip(Side, (base, head), strict=True)
    )
    work = Contest(
        ab="one",
        flanks=flanks,
        listener=Silence(),
        arrange=in_order,
        procedure=lambda procedure, _: procedure,
        cores=lambda trial, _: (trial.number % 2,),
        goes_on=lambda _, number: number < pairs,
    )
    return [records for _, records in work.carry_out(couples)]


def test_both_records_of_a_pair_say_where_they_belong() -> None:
    for number, (before, after) in enumerate(contest(Player(), Player(), 2)):
        for record, side in ((before, Side.BASE), (after, Side.HEAD)):
            assert (record.run, record.outcome, record.trial) == (f"run-{side}", Outcome.FINISHED, number)
            assert record.paired is not None
            assert (record.paired.ab, record.paired.side, record.paired.number) == ("one", side, number)
            assert record.paired.base_case == PLANNED.case.id
            assert record.paired.began is (base_begins(number) is (side is Side.BASE))
            assert record.environment["start_method"] == "nursery"


def test_the_sides_of_a_pair_share_cores_and_change_places() -> None:
    base, head = Player(), Player()
    contest(base, head, 8)
    began = []
    for number, ((before, nursery), (after, other)) in enumerate(zip(base.asked, head.asked, strict=True)):
        assert before.cores == after.cores == (number % 2,)
        assert nursery == other == number % NURSERIES
        assert before.turns is not None
        assert after.turns is not None
        assert before.turns.take == after.turns.give
        assert before.turns.first is not after.turns.first
        assert before.turns.first is base_begins(number)
        began.append((nursery, before.turns.first))
    assert sorted(began) == [(nursery, first) for nursery in range(NURSERIES) for first in (False, True)]


def test_when_one_side_dies_the_other_does_not_wait_for_ever() -> None:
    done = threading.Event()
    ((before, after),) = contest(Player(dies=True), Player(), 1)
    done.set()
    assert (before.outcome, after.outcome) == (Outcome.KILLED, Outcome.FINISHED)


def test_cases_that_are_decided_leave_the_others_to_go_on() -> None:
    other = replace(PLANNED, case=replace(PLANNED.case, id="other-id", label="other"))
    couples = [Couple(base=one, head=one) for one in (PLANNED, other)]
    flanks = tuple(Flank(side=side, executor=Player(), run=side.value, start={}) for side in Side)
    work = Contest(
        ab="one",
        flanks=flanks,
        listener=Silence(),
        arrange=in_order,
        procedure=lambda procedure, _: procedure,
        cores=lambda *_: (),
        goes_on=lambda couple, number: number < (1 if couple.base is other else 3),
    )
    labels = [couple.base.case.label for couple, _ in work.carry_out(couples)]
    assert labels == [PLANNED.case.label, "other", PLANNED.case.label, PLANNED.case.label]


def test_nothing_to_measure_asks_nobody() -> None:
    assert contest(Player(), Player(), 3, couples=()) == []


def test_a_case_whose_trials_are_all_used_up_ends_though_it_would_go_on() -> None:
    work = Contest(
        ab="one",
        flanks=tuple(Flank(side=side, executor=Player(), run=side.value, start={}) for side in Side),
        listener=Silence(),
        arrange=lambda cases, number: in_order(cases, number) if number < 2 else [],
        cores=lambda *_: (),
        procedure=lambda procedure, _: procedure,
        goes_on=lambda *_: True,
    )
    assert len(list(work.carry_out([Couple(base=PLANNED, head=PLANNED)]))) == 2


def test_each_pair_has_the_sampling_plan_of_its_number() -> None:
    base = Player()
    work = Contest(
        ab="one",
        flanks=tuple(
            Flank(side=side, executor=player, run=side.value, start={}) for side, player in zip(Side, (base, Player()), strict=True)
        ),
        listener=Silence(),
        arrange=in_order,
        cores=lambda *_: (),
        procedure=lambda procedure, number: replace(procedure, min_seconds=1.0 + number),
        goes_on=lambda _, number: number < 2,
    )
    pairs = [records for _, records in work.carry_out([Couple(base=PLANNED, head=PLANNED)])]
    assert [request.procedure.min_seconds for request, _ in base.asked] == [1.0, 2.0]
    assert [record.procedure.min_seconds for record, _ in pairs] == [1.0, 2.0]
