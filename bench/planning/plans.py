"""From suites and what is known of their models to one plan: which cases run, which do not and why, and how long it may take."""

import gc
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.domain.axes import BY_NAME
from bench.domain.errors import UsageError
from bench.domain.model import ModelFacts
from bench.domain.outcome import Refusal
from bench.domain.plan import Case, Plan, PlannedCase, SkippedCase, Suite
from bench.domain.values import Json, canonical
from bench.planning.expand import expand
from bench.planning.references import References
from bench.planning.suites import Draft
from bench.planning.wording import unknown
from bench.protocol.codec import dumps

Judge = Callable[[ModelFacts, Mapping[str, Json]], Refusal | None]
"""Says why a case cannot run, from the model and what is requested; None where nothing speaks against it."""

_WHOLE = ("model", "task", "submodel", "scenario", "page_cache", "mmap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A suite, the draft it was read from, and its models in order."""

    suite: Suite
    draft: Draft
    models: tuple[ModelFacts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which cases are wanted: those with all of `where`, and of these every `of`-th, beginning with number `shard`, from 0."""

    where: tuple[tuple[str, str], ...] = ()
    shard: int = 0
    of: int = 1

    def wants(self, case: Case) -> bool:
        """Tell whether CASE has every value of `where`."""
        return all(_shown(case.requested.get(axis)) == value for axis, value in self.where)


def read_filter(where: Iterable[str], shard: str | None) -> Filter:
    """Read `axis=value[,axis=value]` expressions and `i/n`, counted from 1. Raises UsageError where they cannot be understood."""
    pairs = []
    for expression in where:
        for part in expression.split(","):
            axis, equals, value = part.strip().partition("=")
            if not equals:
                raise UsageError(f"--where {part!r}: write axis=value, such as dtype=float32")
            if axis not in BY_NAME and axis not in _WHOLE:
                raise UsageError(f"--where: {unknown('axis', axis, [*_WHOLE, *BY_NAME])}")
            pairs.append((axis, value))
    number, total = _shard(shard) if shard is not None else (1, 1)
    return Filter(where=tuple(pairs), shard=number - 1, of=total)


def _shard(text: str) -> tuple[int, int]:
    number, _, total = text.partition("/")
    if not (number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
        raise UsageError(f"--shard {text!r}: write i/n with i from 1 to n, such as 2/4")
    return int(number), int(total)


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else canonical(value)


def draw_up(sources: Sequence[Source], judge: Judge, wanted: Filter, *, compared: bool = True) -> Plan:
    """Put the cases of all SOURCES that are WANTED into one plan, in the order of the suites and their models.

    Raises SuiteError where a suite's selections make no sense, UsageError where nothing is left.
    """
    # What is built here is kept. Collections while it grows would walk it again and again: half the time of a large plan.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _draw_up(sources, judge, wanted, compared=compared)
    finally:
        if collecting:
            gc.enable()


def _draw_up(sources: Sequence[Source], judge: Judge, wanted: Filter, *, compared: bool) -> Plan:
    cases: list[PlannedCase] = []
    skipped: list[SkippedCase] = []
    remarks: list[str] = []
    seen = 0
    known = References(judge)
    for source in sources:
        expansion = expand(source.suite, source.models, compared=compared)
        for place, said in expansion.findings:
            root = source.draft.root
            source.draft.complain(1 if root is None else root.line_of(place), said)
        source.draft.settle()
        prefix = f"{source.suite.name}: " if len(sources) > 1 else ""
        remarks.extend(prefix + remark for remark in expansion.remarks)
        for facts, case in expansion.cases:
            if not wanted.wants(case):
                continue
            seen += 1
            if (seen - 1) % wanted.of != wanted.shard:
                continue
            refusal = judge(facts, case.requested)
            if refusal is None:
                reference = known.of(facts, case, expansion.references.get(case.id))
                cases.append(PlannedCase(case=case, model=facts, suite=source.suite, reference=reference))
            else:
                skipped.append(SkippedCase(case=case, suite=source.suite, refusal=refusal))
    if not cases and not skipped and (wanted.where or wanted.of > 1):
        raise UsageError("no case is left: --where or --shard leaves out all of them. bench plan lists the cases that there are")
    return Plan(
        suites=tuple(source.suite for source in sources),
        cases=tuple(cases),
        skipped=tuple(skipped),
        remarks=tuple(remarks),
        digest=_digest(sources, cases, skipped),
    )


def _digest(sources: Sequence[Source], cases: Iterable[PlannedCase], skipped: Iterable[SkippedCase]) -> str:
    """Identify what a run would do: suites, their procedures and limits, and all cases."""
    hashed = hashlib.sha256()
    for source in sources:
        suite = source.suite
        hashed.update(f"{suite.name}\n{suite.digest}\n{dumps(suite.procedure)}\n{dumps(suite.limits)}\n".encode())
    for planned in cases:
        hashed.update(f"{planned.suite.name} {planned.case.id}\n".encode())
    for one in skipped:
        hashed.update(f"{one.suite.name} {one.case.id} skipped\n".encode())
    return hashed.hexdigest()
