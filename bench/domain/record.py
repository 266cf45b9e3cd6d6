"""What a trial left behind: the durable centre of the tool. Everything shown later is a pure function of these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bench.domain.gating import Gating
from bench.domain.metric import Samples
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.plan import Case
from bench.domain.procedure import PROCEDURE_VERSION, Procedure
from bench.domain.values import Json

SCHEMA = 3
"""Version of the record's form. Every version ever written stays readable: see bench/store/migrate.py."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase of a trial: seconds since the trial's process started. `ended_s` is None where the trial died in it.

    `stopped_by` says why sampling ended in it: count, seconds, steady, cap, budget.
    """

    name: str
    started_s: float
    ended_s: float | None = None
    stopped_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteOrigin:
    """Where a record's suite came from, and what it says of its gate, so that saved runs are judged by it."""

    name: str
    file: str
    digest: str
    commit: str | None = None
    gate: Gating | None = None


class Side(StrEnum):
    """Which side of an A/B run a trial is of."""

    BASE = "base"
    HEAD = "head"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The place of a trial in an A/B run, whose two sides take turns call by call.

    `ab` is the same in all records of the run, `number` in both of a pair; `base_case` is the id of the case in base, which is
    head's too unless the sides set an axis otherwise. `began` says whether this side began, and so loaded its model first; earlier
    records do not tell.
    """

    ab: str
    side: Side
    number: int
    base_case: str
    began: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One trial, or one skipped case (`trial` None).

    `attempt` counts from 1 over resumed runs; the newest record of a (case, trial) counts. `environment` describes the machine and
    libraries, `noise` what disturbed the trial, `observed` what was read off the loaded model and the realised inputs. `paired` is
    set where the trial took turns with one of the other side.
    """

    schema: int = SCHEMA
    run: str
    suite: SuiteOrigin
    case: Case
    trial: int | None
    attempt: int = 1
    started_at: str
    outcome: Outcome
    reason: str | None = None
    reason_code: ReasonCode | None = None
    failed_in: str | None = None
    signal: str | None = None
    procedure: Procedure = field(default_factory=Procedure)
    procedure_version: int = PROCEDURE_VERSION
    observed: Mapping[str, Json] = field(default_factory=dict)
    environment: Mapping[str, Json] = field(default_factory=dict)
    noise: Mapping[str, Json] = field(default_factory=dict)
    phases: tuple[Phase, ...] = ()
    samples: tuple[Samples, ...] = ()
    notes: tuple[str, ...] = ()
    stderr_tail: str = ""
    paired: Paired | None = None
