"""Two environments, or two settings of one, measured in turn: an A/B run, its records on both sides, and what they say."""

import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench.domain.errors import ExitCode, UsageError
from bench.domain.gating import Gating
from bench.domain.values import Json
from bench.workflow.contenders import Contender, Setting, couples, of_pair

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.domain.comparison import Comparison, Rules
    from bench.domain.plan import Plan, Trial
    from bench.domain.record import Record, Side
    from bench.execution.pairs import Couple, Flank
    from bench.protocol.messages import Capabilities, Event
    from bench.store.jsonl import Journal
    from bench.store.runs import RunDirectory

WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "10000"}
"""How idle threads of a side wait. Spinning for long, as is usual, they would slow down the other side, whose turn it is. Not at
all, and each part of a forward waits until they are woken, which scatters more than what is to be found (docs/verdicts.md). So many
rounds of libgomp's loop are some tenths of a millisecond: longer than what lies between two parts, far shorter than a turn. Other
libraries go by the policy."""
_ON_CORES = frozenset({"cpu", "auto"})
HOPELESS = 2
"""Pairs of a case of which none finished on both sides, after which no further one is tried."""


class Watcher(Protocol):
    """Who wants to hear how an A/B run goes."""

    def said(self, text: str) -> None:
        """Take a remark."""

    def begins(self, trial: "Trial") -> None:
        """Hear that a pair begins; the trial is base's."""

    def heard(self, event: "Event") -> None:
        """Hear an event of base's trial."""

    def ended(self, record: "Record") -> None:
        """Hear that a trial has ended and that its record is safe."""

    def closes_in(
        self, label: str, pairs: int, interval: tuple[str, float, float, float] | None, look: tuple[int | None, float] | None
    ) -> None:
        """Hear how many PAIRS a case has, and of its main metric the name, ratio, and 95 % interval of it, where there is one.

        LOOK is the number of pairs at which the next look is, and the seconds until all cases have them, where that can be told; no
        number where the budget ends before.
        """


@dataclass(slots=True, kw_only=True)
class Contested:
    """What an A/B run left: a directory a side, and all records of each."""

    base: "RunDirectory"
    head: "RunDirectory"
    before: "list[Record]" = field(default_factory=list)
    after: "list[Record]" = field(default_factory=list)

    def compare(self, rules: "Rules") -> "Comparison":
        """Say by RULES what the pairs tell."""
        from bench.analysis.compare import compare

        return compare(self.before, self.after, rules)

    def exit_code(self) -> ExitCode:
        """Give 3 where a trial failed on a side, else 0."""
        failed = any(record.outcome.failed for record in (*self.before, *self.after))
        return ExitCode.TRIALS_FAILED if failed else ExitCode.FINE


def contest(  # noqa: PLR0913 -- two sides, and how to go about it
    base: Contender, head: Contender, *, out: Path, budget_s: float | None, rules: "Rules", watcher: Watcher, command: Sequence[str]
) -> Contested:
    """Measure the cases of BASE and HEAD in turn, 24 pairs each or until the BUDGET_S seconds are over.

    A case whose verdict is clear ends at the look where it is (paired.decided). Raises UsageError where the sides' cases do not
    match, WorkerError where a side's interpreter cannot be started, CannotWriteError where the disk refuses a record.
    """
    from bench.domain.record import Side
    from bench.execution.pairs import Contest
    from bench.planning import arrange
    from bench.store import jsonl, runs

    found = couples(base, head)
    rules = replace(rules, gates={couple.head.case.id: couple.head.suite.gate or Gating() for couple in found})
    with ExitStack() as undo:
        _warn_of_full_cores(found, watcher.said)
        flanks = _open((base.setting, head.setting), found, undo, watcher.said) if found else []
        made = [_directory(out, one.plan, side, command) for side, one in zip(Side, (base, head), strict=True)]
        journals = [undo.enter_context(jsonl.Journal(directory.path)) for directory in made]
        contested = Contested(base=made[0], head=made[1])
        kept = (contested.before, contested.after)
        for one, directory, journal, records in zip((base, head), made, journals, kept, strict=True):
            _keep_skipped(one.plan, directory, journal, records)
        course = _Course(contested=contested, couples=found, rules=rules, watcher=watcher, budget_s=budget_s)
        work = Contest(
            ab=made[0].manifest.id.removesuffix("-base"),
            flanks=tuple(replace(flank, run=directory.manifest.id) for flank, directory in zip(flanks, made, strict=False)),
            listener=watcher,
            arrange=arrange.block,
            cores=arrange.cores,
            procedure=of_pair,
            goes_on=course.goes_on,
        )
        try:
            for couple, pair in work.carry_out(found):
                for journal, records, record in zip(journals, kept, pair, strict=True):
                    journal.append(record)
                    records.append(record)
                    watcher.ended(record)
                course.took(couple)
        except KeyboardInterrupt as error:
            said = f"bench compare {made[0].path} {made[1].path} says what the pairs so far tell"
            raise KeyboardInterrupt(said) from error
    contested.base, contested.head = (runs.finish(directory) for directory in made)
    return contested


def _warn_of_full_cores(found: "Sequence[Couple]", said: Callable[[str], None]) -> None:
    """Say how many of the cases that are FOUND leave no core to this tool and the system, where fewer threads would.

    Nothing where a side sets threads of its own, which is then what is asked about, nor of cases for an accelerator.
    """
    from bench.domain.plan import Trial
    from bench.execution.carry_out import available_cores
    from bench.planning import arrange

    available = available_cores()
    full = sum(
        couple.base.case.requested["threads"] == couple.head.case.requested["threads"]
        and couple.base.case.requested["device"] in _ON_CORES
        and not arrange.cores(Trial(planned=couple.base, number=0), available)
        for couple in found
    )
    if full and len(available) > 1:
        fewer = f"threads={len(available) - 1}"
        said(
            f"{full} of {len(found)} cases use all {len(available)} cores where they run on the CPU, and share them with bench and "
            f"the system: pairs of fewer threads scatter less (--base-set {fewer} --head-set {fewer})"
        )


def _directory(out: Path, plan: "Plan", side: "Side", command: Sequence[str]) -> "RunDirectory":
    from bench.store import runs

    return runs.create(out, f"ab {plan.digest}", [suite.file for suite in plan.suites], len(plan.cases), command, ending=f"-{side}")


def _keep_skipped(plan: "Plan", directory: "RunDirectory", journal: "Journal", records: "list[Record]") -> None:
    from bench.execution import trial

    for case in plan.skipped:
        records.append(trial.skipped(case, directory.manifest.id))
        journal.append(records[-1])


def _open(settings: Sequence[Setting], found: "Sequence[Couple]", undo: ExitStack, said: Callable[[str], None]) -> "list[Flank]":
    """Start the nurseries of both sides, of SETTINGS, one of each at a time, either's first in turn. Raises WorkerError.

    What starts first gets other regions of memory: of unchanged code five runs of six found head 0.3 to 0.7 % faster in all their
    cases where all of base came before all of head, and six runs of six 0.1 % where base's came first by some milliseconds
    (docs/verdicts.md).
    """
    from bench.domain.record import Side
    from bench.execution.executors.local import Local
    from bench.execution.pairs import NURSERIES, Flank

    methods = {couple.base.suite.procedure.start_method for couple in found}
    if len(methods) > 1:
        raise UsageError("an A/B run starts all its trials alike, and these suites have several start methods: run them one by one")
    (method,) = methods
    said_so = {*os.environ, *(name for setting in settings for name in setting.env)}
    waiting = {} if WAITING.keys() & said_so else WAITING
    executors = [Local(python=setting.python, env={**waiting, **setting.env}) for setting in settings]
    for side, setting, executor in zip(Side, settings, executors, strict=True):
        undo.callback(executor.close)
        said(f"{side.value}: starting {NURSERIES} nurseries of {setting.python}")
    for number in range(NURSERIES):
        started = {at: executors[at].start(method) for at in ((0, 1) if number % 2 == 0 else (1, 0))}
        opened = [executors[at].ready(started[at]) for at in (0, 1)]
    return [
        Flank(side=side, executor=executor, run="", start=_start(capabilities, setting))
        for side, setting, executor, capabilities in zip(Side, settings, executors, opened, strict=True)
    ]


def _start(capabilities: "Capabilities", setting: Setting) -> dict[str, Json]:
    """Tell how the processes of a side come to be."""
    return {
        "start_method": capabilities.start_method.value,
        "start_method_reason": capabilities.reason,
        "set_variables": dict(setting.env),
    }


@dataclass(slots=True, kw_only=True)
class _Course:
    """How far an A/B run has come: which cases go on, and what is shown of it."""

    contested: Contested
    couples: "Sequence[Couple]"
    rules: "Rules"
    watcher: Watcher
    budget_s: float | None
    began: float = field(default_factory=time.monotonic)
    pair_began: float = 0.0
    took_s: dict[str, list[float]] = field(init=False)
    """What each pair of a case took, by base's id of it; cases that have ended are not among them."""

    def __post_init__(self) -> None:
        """No pair has been yet."""
        self.took_s = {couple.base.case.id: [] for couple in self.couples}

    def goes_on(self, couple: "Couple", number: int) -> bool:
        """Tell whether a case that has NUMBER pairs gets another one; every case has one, however small the budget."""
        going = self._goes_on(couple, number)
        if not going:
            self.took_s.pop(couple.base.case.id, None)
        self.pair_began = time.monotonic()
        return going

    def _goes_on(self, couple: "Couple", number: int) -> bool:
        from bench.analysis.gate import steps
        from bench.analysis.paired import LOOKS, apart, decided

        spent = self.budget_s is not None and time.monotonic() - self.began > self.budget_s
        if number >= LOOKS[-1] or (spent and number > 0):
            return False
        mine = self._pairs(couple)
        if number >= HOPELESS and not mine:
            return False
        if number not in LOOKS:
            return True
        case = couple.head.case.id
        clear = decided(case, apart(mine), steps(case, self.rules), self._rows(), self.rules)
        if clear:
            self.watcher.said(f"{couple.head.case.label}: clear after {number} pairs")
        return not clear

    def took(self, couple: "Couple") -> None:
        """Show where the main metric of a case stands."""
        from bench.analysis.paired import apart

        self.took_s[couple.base.case.id].append(time.monotonic() - self.pair_began)
        pairs = self._pairs(couple)
        found = apart(pairs)
        name = next((name for name in ("e2e", "forward", "train.step") if name in found), None)
        gap = None if name is None else found[name].gap()
        interval = None
        if name is not None and gap is not None and gap.logged:
            low, high = gap.bounds()
            interval = (name, math.exp(gap.each[-1].size), math.exp(low), math.exp(high))
        self.watcher.closes_in(couple.head.case.label, len(pairs), interval, self._look())

    def _look(self) -> tuple[int | None, float] | None:
        """Give the number of pairs at the next look, and the seconds until then by what pairs took since the last one.

        No number where the budget ends before. None where a case has had no pair since: those after the first look take longer.
        """
        from bench.analysis.paired import LOOKS

        most = max(len(spent) for spent in self.took_s.values())
        last, look = next((last, look) for last, look in zip((0, *LOOKS), LOOKS, strict=False) if most <= look)
        since = [spent[last:] for spent in self.took_s.values()]
        if not all(since):
            return None
        left_s = sum((look - last - len(spent)) * statistics.fmean(spent) for spent in since)
        budget_s = math.inf if self.budget_s is None else max(self.budget_s - (time.monotonic() - self.began), 0.0)
        return (look, left_s) if left_s <= budget_s else (None, budget_s)

    def _pairs(self, couple: "Couple") -> "list[tuple[Record, Record]]":
        from bench.analysis.paired import pairs

        case = couple.base.case.id
        own = [
            [record for record in records if record.paired is not None and record.paired.base_case == case]
            for records in (self.contested.before, self.contested.after)
        ]
        return pairs(own[0], own[1]).get(case, [])

    def _rows(self) -> int:
        """Count the times over all cases that verdicts are given of."""
        from bench.analysis.paired import apart
        from bench.domain.metric import Unit

        firsts = [self._pairs(couple)[:1] for couple in self.couples]
        return sum(one.metric.unit is Unit.SECOND for first in firsts if first for one in apart(first).values()) or 1
