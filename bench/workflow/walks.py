"""The commit since which something is worse: an A/B run against the good end for each commit that git asks for."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.workflow.contenders import Contender, Setting, contender
from bench.workflow.contests import Watcher, contest

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.analysis.pinpoint import Answer, Effect
    from bench.domain.comparison import Comparison, Contrast, Rules
    from bench.planning.plans import Filter, Source

Against = Callable[[str, "Effect | None"], "Comparison"]
"""Measures the commit whose interpreter is given against the good one; of an effect only its case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit: its whole hash, and a line for people with date, author and subject."""

    id: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What was said of one commit: the `row` of the change that is looked for, where it was measured, and `why` it was not."""

    commit: Commit
    answer: "Answer"
    row: "Contrast | None" = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """Where a walk from `good` to `bad` ended: the first bad commit, or those that cannot be told apart, and what was `tried`.

    No `effect`: nothing was proved to be worse.
    """

    good: Commit
    bad: Commit
    effect: "Effect | None" = None
    found: Commit | None = None
    left: tuple[Commit, ...] = ()
    tried: tuple[Tried, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What is walked: commits of REPO from GOOD to BAD, each built by the shell command BUILD."""

    repo: Path
    good: str
    bad: str
    build: str


def walk(over: Range, metrics: Sequence[str], against: Callable[[str], Against], tell: Callable[[str], None]) -> Walked:
    """Find the first commit OVER the range that has the largest proved change of METRICS, by default of gated ones.

    AGAINST makes, from the interpreter of the good commit, what measures another one; TELL takes how it goes. What cannot be built
    or told is skipped, never guessed. Raises UsageError where the range is none, NotBuiltError where an end of it cannot be built.
    """
    from bench.analysis.pinpoint import effects
    from bench.execution import commits

    good, bad = (_commit(over, commits.commit_of(over.repo, revision)) for revision in (over.good, over.bad))
    with ExitStack() as undo:
        first = undo.enter_context(commits.checked_out(over.repo, good.id))
        tell(f"good: {good.line}")
        compared = against(_built(over, first, good))
        with commits.checked_out(over.repo, bad.id) as last:
            tell(f"bad: {bad.line}")
            found = effects(compared(_built(over, last, bad), None), metrics)
        if not found:
            return Walked(good=good, bad=bad)
        tell(f"looking for: {_spelled(found[0])}")
        tried: list[Tried] = []
        place = commits.start(first, good.id, bad.id)
        while place.next is not None:
            tried.append(one := _try(over, _commit(over, place.next), compared, found[0]))
            tell(f"{one.answer.value}: {one.commit.line}{'' if one.why is None else f' ({one.why})'}")
            place = commits.told(first, one.answer.value)
        return Walked(
            good=good,
            bad=bad,
            effect=found[0],
            found=None if place.found is None else _commit(over, place.found),
            left=tuple(_commit(over, commit) for commit in place.left),
            tried=tuple(tried),
        )


def _commit(over: Range, commit: str) -> Commit:
    from bench.execution import commits

    return Commit(id=commit, line=commits.subject(over.repo, commit))


def _built(over: Range, folder: Path, commit: Commit) -> str:
    from bench.execution import commits

    return commits.build(folder, over.build, {"BENCH_COMMIT": commit.id})


def _try(over: Range, commit: Commit, compared: Against, effect: "Effect") -> Tried:
    """Build and measure COMMIT, and say in git's words whether it has EFFECT; skip where that cannot be told."""
    from bench.analysis.pinpoint import Answer, answer, row_of
    from bench.domain.errors import WorkerError
    from bench.execution import commits

    with commits.checked_out(over.repo, commit.id) as folder:
        try:
            comparison = compared(_built(over, folder, commit), effect)
        except (commits.NotBuiltError, WorkerError) as error:
            return Tried(commit=commit, answer=Answer.SKIP, why=str(error))
    return Tried(commit=commit, answer=answer(comparison, effect), row=row_of(comparison, effect))


def _spelled(effect: "Effect") -> str:
    row = effect.row
    ratio = "" if row.ratio is None else f", ratio {row.ratio:.4g}"
    return f"{row.metric.name} of {row.case.label}, {row.verdict.value}{ratio}"


def pairs_against(  # noqa: PLR0913 -- two sides, and how to go about it
    sources: "Sequence[Source]",
    wanted: "Filter",
    *,
    out: Path,
    budget_s: float | None,
    rules: "Rules",
    watcher: Watcher,
    command: Sequence[str],
) -> Callable[[str], Against]:
    """Give what measures commits by A/B runs of the cases of SOURCES, whose records are kept in OUT like those of any run."""

    def of_good(good: str) -> Against:
        def against(python: str, effect: "Effect | None") -> "Comparison":
            sides = [contender(sources, Setting(python=one), wanted) for one in (good, python)]
            base, head = sides if effect is None else (_only(side, effect) for side in sides)
            run = contest(base, head, out=out, budget_s=budget_s, rules=rules, watcher=watcher, command=command)
            return run.compare(rules)

        return against

    return of_good


def _only(side: Contender, effect: "Effect") -> Contender:
    """Leave SIDE the case of EFFECT."""
    cases = tuple(planned for planned in side.plan.cases if planned.case.id == effect.row.case.id)
    return replace(side, plan=replace(side.plan, cases=cases, skipped=()))
