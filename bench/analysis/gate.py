"""What makes a run fail a gate: a proved regression of what a user feels, and never a lack of knowledge.

Failures are times that are slower and metrics that changed for the worse, as far as they are gated; a case that finished in base
and not in head; parity that drifted; counts of tokens that changed, since times then compare nothing. What is inconclusive, or
cannot run here for want of hardware, is a note, unless the gate is strict. What the suite's own `gate` section says of a metric
stands before the list below.
"""

from collections.abc import Iterator, Sequence

from bench.domain.comparison import Accepted, Comparison, Contrast, Ending, Gate, Objection, Rules, Verdict
from bench.domain.outcome import Outcome, ReasonCode

GATED = frozenset({"forward", "e2e", "ttft_model", "tpot", "train.step"})
"""Times that a gate is about, beside load.total where the state of the page cache was set."""
LOAD, PARITY, TOKENS = "load.total", "parity.", "realised_"
HARDWARE = frozenset({ReasonCode.NO_DEVICE})
UNDECIDED = frozenset({Verdict.INCONCLUSIVE, Verdict.INCOMPARABLE})
UNCHANGED = frozenset({Verdict.EQUAL, Verdict.EQUIVALENT, Verdict.FASTER})


def judge(comparison: Comparison, accepted: Sequence[Accepted] = (), *, strict: bool = False) -> Gate:
    """Judge COMPARISON. Of ACCEPTED changes there is a note, not a failure; a STRICT gate also fails on what it cannot tell."""
    gone = {ending.case.id for ending in comparison.endings if ending.base is Outcome.FINISHED}
    rows = [row for row in comparison.rows if gated(row, comparison.rules)]
    failures: list[Objection] = []
    notes: list[Objection] = []
    for fails, objection in (
        *(_ended(ending) for ending in comparison.endings),
        *(found for row in rows if (found := _objection(row, gone, accepted)) is not None),
    ):
        (failures if fails or (strict and fails is None) else notes).append(objection)
    return Gate(failures=tuple(failures), notes=(*notes, *_unused(comparison, accepted)))


def gated(row: Contrast, rules: Rules | None = None) -> bool:
    """Tell whether a gate is about ROW: what its suite says of the metric, in RULES, and else what is gated everywhere."""
    name = row.metric.name
    said = None if rules is None else rules.said(row.case.id, name).gated
    if said is not None:
        return said
    if name == LOAD:
        return "page_cache" in row.case.requested
    return name in GATED or row.metric.deterministic or name.startswith(PARITY)


def steps(case: str, rules: Rules) -> frozenset[str]:
    """Name the times of a step that a gate is about in the case with the id CASE; its suite may have left some out."""
    return frozenset(name for name in GATED if rules.said(case, name).gated is not False)


def _ended(ending: Ending) -> tuple[bool | None, Objection]:
    """Judge how a case ended: it fails, None where only a strict gate would fail, or not."""
    before = "is not in base" if ending.base is None else f"{ending.base.value} in base"
    after = "is not in head" if ending.head is None else f"{ending.head.value} in head"
    what = f"{before}, {after}{f': {ending.reason}' if ending.reason else ''}"
    objection = Objection(case=ending.case, metric=None, what=what)
    if ending.base is not Outcome.FINISHED:
        return False, objection
    return (None if ending.reason_code in HARDWARE else True), objection


def _objection(row: Contrast, gone: set[str], accepted: Sequence[Accepted]) -> tuple[bool | None, Objection] | None:
    fails, what = _said(row, gone)
    if what is None:
        return None
    known = next((one for one in accepted if _about(one, row) and one.covers(row)), None) if fails else None
    if known is not None:
        return False, _of(row, f"{what}; accepted on {known.date} up to {_bound(known)}: {known.reason}")
    return fails, _of(row, what)


def _said(row: Contrast, gone: set[str]) -> tuple[bool | None, str | None]:
    """Say what is to be said of a gated ROW, and whether it fails; no text where there is nothing to say."""
    if row.worse or (row.verdict in {Verdict.LARGER, Verdict.SMALLER} and row.metric.name.startswith(TOKENS)):
        return True, _change(row)
    if row.verdict is Verdict.MISSING:  # of a case that is gone, its ending has told
        lost = row.head is None and row.case.id not in gone
        return lost, f"missing: {row.reason}" if lost else None
    if row.verdict in UNDECIDED:
        return None, f"{row.verdict.value}{f': {row.reason}' if row.reason else ''}"
    return False, _change(row) if row.verdict in {Verdict.LARGER, Verdict.SMALLER} else None


def _change(row: Contrast) -> str:
    if row.metric.deterministic:
        ratio = f", {row.base:.17g} → {row.head:.17g}"
    else:
        ratio = "" if row.ratio is None else f", ratio {row.ratio:.4g}"
    bounds = "" if row.low is None or row.high is None else f" [{row.low:.4g}, {row.high:.4g}]"
    return f"{row.verdict.value}{ratio}{bounds}{f' ({row.reason})' if row.reason else ''}"


def _of(row: Contrast, what: str) -> Objection:
    return Objection(case=row.case, metric=row.metric.name, what=what)


def _about(one: Accepted, row: Contrast) -> bool:
    return one.metric == row.metric.name and one.case in {row.case.id, row.case.label}


def _bound(one: Accepted) -> str:
    return f"the value {one.up_to_value:g}" if one.up_to is None else f"{one.up_to:g}"


def _unused(comparison: Comparison, accepted: Sequence[Accepted]) -> Iterator[Objection]:
    """Name the accepted changes that are proved to be there no more, so that they are taken out of the file."""
    for row in comparison.rows:
        for one in accepted:
            if _about(one, row) and row.verdict in UNCHANGED:
                yield _of(row, f"the change accepted on {one.date} is not there any more: take it out of the file")
