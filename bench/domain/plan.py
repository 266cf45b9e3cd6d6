"""Suites, cases, trials and plans: what is to be measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.domain.data import Data
from bench.domain.gating import Gating
from bench.domain.model import ModelFacts, ModelRef
from bench.domain.outcome import Refusal
from bench.domain.particulars import Capacity, Endurance, Requests
from bench.domain.procedure import Limits, PageCache, Procedure
from bench.domain.scenario import Scenario
from bench.domain.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A parsed suite file. `digest` is the SHA-256 of its bytes, `commit` the git commit of its folder, where there is one.

    `environments` are the lists of requirements that the axis of that name may name.
    """

    file: str
    name: str
    models: tuple[ModelRef, ...]
    axes: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    include: tuple[Mapping[str, Json], ...] = ()
    exclude: tuple[Mapping[str, Json], ...] = ()
    reference: Mapping[str, Json] | None = None
    scenario: Scenario = Scenario.INFERENCE
    data: Data | None = None
    page_cache: PageCache = PageCache.UNSET
    mmap: bool | None = None
    procedure: Procedure = field(default_factory=Procedure)
    limits: Limits = field(default_factory=Limits)
    capacity: Capacity | None = None
    endurance: Endurance | None = None
    requests: Requests | None = None
    gate: Gating | None = None
    environments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digest: str = ""
    commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One point of the matrix.

    `requested` holds model, task, scenario and every axis that applies, defaults filled in, in the suite's spelling. `id` is the
    same on every machine: it depends on the applicable axes, task, scenario, load and the model's content, and on no path,
    procedure, suite or order.
    """

    id: str
    label: str
    requested: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedCase:
    """A case that will not run, and why."""

    case: Case
    suite: Suite
    refusal: Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceCase:
    """The case whose outputs another's are compared with; `refusal` says why there will be none."""

    case: Case
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCase:
    """A case that will run, with the model and the suite that it came from.

    `reference` may be the case itself; None where the suite's reference is not for this model, or its scenario has no outputs.
    """

    case: Case
    model: ModelFacts
    suite: Suite
    reference: ReferenceCase | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One case in one fresh process: NUMBER counts from 0 within the case, NURSERY is the one that it is forked from."""

    planned: PlannedCase
    number: int
    nursery: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run will do. `digest` identifies suites, cases and procedure for `--resume`; `remarks` are for people."""

    suites: tuple[Suite, ...]
    cases: tuple[PlannedCase, ...]
    skipped: tuple[SkippedCase, ...]
    remarks: tuple[str, ...]
    digest: str
