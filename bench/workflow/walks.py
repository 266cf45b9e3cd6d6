"""The commit since which something is worse: an A/B run against the good end for each commit that git asks for."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.workflow.contests import Contender, Setting, Watcher, contender, contest

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.analysis.pinpoint import Effect
    from bench.domain.comparison import Comparison, Rules
    from bench.planning.plans import Filter, Source

Against = Callable[[str, "Effect | None"], "Comparison"]
"""Measures the commit whose interpreter is given against the good one; of an effect only its case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """Where a walk ended: the first bad commit, or those that cannot be told apart. No `effect`: nothing was proved to be worse."""

    effect: "Effect | None" = None
    found: str | None = None
    left: tuple[str, ...] = ()


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

    good, bad = (commits.commit_of(over.repo, revision) for revision in (over.good, over.bad))
    with ExitStack() as undo:
        first = undo.enter_context(commits.checked_out(over.repo, good))
        tell(f"good: {commits.subject(over.repo, good)}")
        compared = against(_built(over, first, good))
        with commits.checked_out(over.repo, bad) as last:
            tell(f"bad: {commits.subject(over.repo, bad)}")
            found = effects(compared(_built(over, last, bad), None), metrics)
        if not found:
            return Walked()
        tell(f"looking for: {_spelled(found[0])}")
        place = commits.start(first, good, bad)
        while place.next is not None:
            place = commits.told(first, _answer(over, place.next, compared, found[0], tell))
        left = tuple(commits.subject(over.repo, commit) for commit in place.left)
        return Walked(effect=found[0], left=left, found=None if place.found is None else commits.subject(over.repo, place.found))


def _built(over: Range, folder: Path, commit: str) -> str:
    from bench.execution import commits

    return commits.build(folder, over.build, {"BENCH_COMMIT": commit})


def _answer(over: Range, commit: str, compared: Against, effect: "Effect", tell: Callable[[str], None]) -> str:
    """Build and measure COMMIT, and say in git's words whether it has EFFECT; skip where that cannot be told."""
    from bench.analysis.pinpoint import Answer, answer
    from bench.domain.errors import WorkerError
    from bench.execution import commits

    name = commits.subject(over.repo, commit)
    with commits.checked_out(over.repo, commit) as folder:
        try:
            found, why = answer(compared(_built(over, folder, commit), effect), effect), ""
        except (commits.NotBuiltError, WorkerError) as error:
            found, why = Answer.SKIP, f" ({error})"
    tell(f"{found.value}: {name}{why}")
    return found.value


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
