"""How often verdicts and intervals are wrong, and what verdicts find: ours and those of other tools on the same synthetic samples.

    .venv/bin/python benchmarks/verdicts.py [--pairs 2000] [--suites 500] [--sets 2000] [--histories 500] [--series 20000]

Samples have the structure that was seen on a 2-core virtual machine (docs/how-it-measures.md): iterations with AR(1) noise of heavy
tails inside a process, processes, execs shared by the trials of a nursery, and minutes between runs. No model is run. A pair is two
runs of unchanged code at different times, five processes each; `finds` is the share that says *slower* when all times of head are
multiplied by the effect, `false` the share that says slower, or faster, with nothing changed.

    median:5%     pytest-benchmark --benchmark-compare-fail=median:5% on one process
    google        google-benchmark's compare.py: U-test over 9 repetitions of one process, p < 0.05, slower mean
    pyperf        pyperf compare_to: two-sided t-test over 5 processes x 2 values, p < 0.05, slower mean
    assumed       bench compare, spread between runs not known (5 % assumed)
    measured      bench compare, spread between runs from 8 earlier runs on the machine (bench baseline noise)
"""

import argparse
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from bench.analysis import paired
from bench.analysis.change_points import change_points
from bench.analysis.compare import ASSUMED
from bench.analysis.statistics import center, interval
from bench.analysis.verdicts import Open, settle
from bench.analysis.welch import at_least, difference
from bench.domain.comparison import Contrast, Rules, Spread, Verdict
from bench.domain.metric import Better, Metric, Unit
from bench.domain.plan import Case
from bench.execution.pairs import base_begins

FORWARD = Metric(name="forward", unit=Unit.SECOND, better=Better.LOWER, definition="forward.v1")
CASE = Case(id="0", label="synthetic", requested={})
TRIALS, NURSERIES, ITERATIONS, CASES = 5, 2, 60, 20
RUNS_FOR_NOISE = 8
EFFECTS = (0.0, 0.03, 0.05, 0.10, 0.20, 0.50)
TRUE_S = 0.007


@dataclass(frozen=True)
class Weather:
    """Standard deviations of the logs, level by level, and the autocorrelation of neighbouring iterations."""

    name: str
    iteration: float
    process: float
    exec: float
    minutes: float
    correlation: float = 0.75


QUIET = Weather("quiet", iteration=0.037, process=0.042, exec=0.003, minutes=0.047)
NOISY = Weather("noisy", iteration=0.32, process=0.27, exec=0.006, minutes=0.10)

Run = np.ndarray
"""Times of a run, in seconds: one row a process, one column an iteration."""


def heavy(chance: np.random.Generator, size: int | tuple[int, ...], degrees: int) -> np.ndarray:
    """Draw from Student's t with DEGREES, scaled to a standard deviation of 1."""
    return chance.standard_t(degrees, size) / math.sqrt(degrees / (degrees - 2))


def a_minute(chance: np.random.Generator, weather: Weather) -> float:
    """Draw what a run's minutes add to all its logs."""
    return float(weather.minutes * heavy(chance, 1, 5)[0])


def a_run(chance: np.random.Generator, weather: Weather, minute: float, processes: int = TRIALS, nurseries: int = NURSERIES) -> Run:
    """Draw the times of one case in one run of PROCESSES from NURSERIES that has MINUTE added to its logs."""
    noise = heavy(chance, (processes, ITERATIONS), 4) * math.sqrt(1 - weather.correlation**2)
    for index in range(1, ITERATIONS):
        noise[:, index] += weather.correlation * noise[:, index - 1]
    execs = weather.exec * chance.standard_normal(nurseries)[np.arange(processes) % nurseries]
    own = weather.process * heavy(chance, processes, 5)
    return TRUE_S * np.exp(minute + (execs + own)[:, None] + weather.iteration * noise)


def trials(run: Run) -> list[float]:
    """Give the value of each process."""
    return [float(value) for value in np.median(run, axis=1)]


Said = tuple[bool, bool]
"""Whether a rule says slower, and whether it says faster."""


def median_rule(base: Run, head: Run) -> Said:
    """Judge as pytest-benchmark does, which fails a run on one side only."""
    return bool(np.median(head[0]) > 1.05 * np.median(base[0])), False


def google_rule(base: Run, head: Run) -> Said:
    """Judge as google-benchmark does."""
    before, after = (np.array([part.mean() for part in np.array_split(run[0], 9)]) for run in (base, head))
    found = stats.mannwhitneyu(before, after, alternative="two-sided").pvalue < 0.05  # noqa: PLR2004 -- its level
    return bool(found and after.mean() > before.mean()), bool(found and after.mean() < before.mean())


def pyperf_rule(base: Run, head: Run) -> Said:
    """Judge as pyperf does."""
    before, after = (
        np.concatenate([[part.mean() for part in np.array_split(process, 2)] for process in run]) for run in (base, head)
    )
    found = stats.ttest_ind(before, after).pvalue < 0.05  # noqa: PLR2004 -- its level
    return bool(found and after.mean() > before.mean()), bool(found and after.mean() < before.mean())


def ours(pairs: Sequence[tuple[Run, Run]], between: Spread) -> list[Said]:
    """Judge PAIRS, the cases of one comparison, as `bench compare` does."""
    rows = [
        Open(
            contrast=Contrast(case=CASE, metric=FORWARD, verdict=Verdict.INCONCLUSIVE),
            difference=difference(trials(base), trials(head), at_least(between, trials(base), trials(head))),
        )
        for base, head in pairs
    ]
    return [(row.verdict is Verdict.SLOWER, row.verdict is Verdict.FASTER) for row in settle(rows, Rules())]


def measured(chance: np.random.Generator, weather: Weather) -> Spread:
    """Draw eight runs of unchanged code and give their spread."""
    values = [math.log(center(trials(a_run(chance, weather, a_minute(chance, weather))))) for _ in range(RUNS_FOR_NOISE)]
    return Spread(sigma=statistics.stdev(values), degrees=RUNS_FOR_NOISE - 1)


def rates(chance: np.random.Generator, weather: Weather, pairs: int) -> None:
    """Print the rates of every rule on the same PAIRS of runs."""
    rules: dict[str, Callable[[Run, Run, Spread], Said]] = {
        "median:5%": lambda base, head, _: median_rule(base, head),
        "google": lambda base, head, _: google_rule(base, head),
        "pyperf": lambda base, head, _: pyperf_rule(base, head),
        "assumed": lambda base, head, _: ours([(base, head)], ASSUMED)[0],
        "measured": lambda base, head, spread: ours([(base, head)], spread)[0],
    }
    slower = {name: dict.fromkeys(EFFECTS, 0) for name in rules}
    faster = dict.fromkeys(rules, 0)
    for _ in range(pairs):
        base, head = (a_run(chance, weather, a_minute(chance, weather)) for _ in range(2))
        spread = measured(chance, weather)
        for name, rule in rules.items():
            for effect in EFFECTS:
                said = rule(base, head * (1 + effect), spread)
                slower[name][effect] += said[0]
                faster[name] += said[1] if effect == 0 else 0
    print(f"\n{weather.name}, one case, {pairs} pairs of runs")
    print(f"{'rule':12} {'false slower':>13} {'faster':>8} " + " ".join(f"{f'finds {effect:.0%}':>10}" for effect in EFFECTS[1:]))
    for name in rules:
        found = " ".join(f"{slower[name][effect] / pairs:>10.3f}" for effect in EFFECTS[1:])
        print(f"{name:12} {slower[name][0.0] / pairs:>13.4f} {faster[name] / pairs:>8.4f} {found}")


def alarms(chance: np.random.Generator, weather: Weather, suites: int) -> None:
    """Print how often a comparison of 20 unchanged cases says slower or faster of any; the cases of a run share its minutes."""
    counts = {"assumed": 0, "measured": 0}
    for _ in range(suites):
        minutes = [a_minute(chance, weather) for _ in range(2)]
        pairs = [(a_run(chance, weather, minutes[0]), a_run(chance, weather, minutes[1])) for _ in range(CASES)]
        for name, spread in (("assumed", ASSUMED), ("measured", measured(chance, weather))):
            counts[name] += any(slower or faster for slower, faster in ours(pairs, spread))
    shown = ", ".join(f"{name} {count / suites:.4f}" for name, count in counts.items())
    print(f"{weather.name}, {CASES} unchanged cases, {suites} comparisons: any alarm {shown}")


def histories(chance: np.random.Generator, name: str, scatter: float, count: int) -> None:
    """Print how often a step is found within 2 points of its place, and any change in series of unchanged code."""
    flat = sum(bool(change_points(np.exp(scatter * chance.standard_normal(60)).tolist())) for _ in range(count))
    print(f"\n{name}, sd {scatter:.1%}, 60 points, {count} series: any false change {flat / count:.3f}")
    for after in (3, 10):
        found = []
        for effect in (0.01, 0.02, 0.03, 0.05):
            hits = 0
            for _ in range(count):
                logs = scatter * chance.standard_normal(60)
                logs[60 - after :] += math.log1p(effect)
                hits += any(abs(change.at - (60 - after)) <= 2 for change in change_points(np.exp(logs).tolist()))  # noqa: PLR2004
            found.append(f"{effect:.0%} {hits / count:.3f}")
        print(f"  step with {after} points after it, found within 2 points: {', '.join(found)}")


def coverage(chance: np.random.Generator, weather: Weather, count: int) -> None:
    """Print how often the 95 % interval of a run's value holds the true one; minutes, which it does not speak of, are left out."""
    print(f"\n{weather.name}, 95 % intervals of {count} sets of trials: share that holds the true value")
    for nurseries in (2, 3):
        shown = []
        for processes in (5, 8, 12, 20):
            held = 0
            for _ in range(count):
                low, high = interval(trials(a_run(chance, weather, 0.0, processes, nurseries))) or (math.nan, math.nan)
                held += low <= TRUE_S <= high
            shown.append(f"{processes} trials {held / count:.3f}")
        print(f"  {nurseries} nurseries: {', '.join(shown)}")


def looks(chance: np.random.Generator, count: int) -> None:
    """Print what of a level the looks of an A/B run spend together: 24 pairs whose ratio is just the margin.

    The side that begins a pair is slower by half of the scatter, which the verdicts have to take off.
    """
    margin = 0.005
    begun = [base_begins(number) for number in range(paired.LOOKS[-1])]
    order = np.where(begun, -0.005, 0.005)
    draws: dict[str, Callable[[int], np.ndarray]] = {
        "normal": chance.standard_normal, "Student's, 4 degrees": lambda size: chance.standard_t(4, size)
    }  # fmt: skip
    print(f"\nlooks at {paired.LOOKS} pairs with shares {paired.SHARES}, {count} series: found in place of each level")
    for name, draw in draws.items():
        chances, held = [], 0
        for _ in range(count):
            ratios = tuple(math.log1p(margin) + 0.01 * draw(paired.LOOKS[-1]) + order)
            gap = paired.Apart(metric=FORWARD, ratios=ratios, logged=True, begun=tuple(begun)).gap()
            assert gap is not None
            chances.append(gap.chance(margin))
            low, high = gap.bounds()
            held += low <= math.log1p(margin) <= high
        found = ", ".join(f"{level}: {np.mean(np.array(chances) <= level):.4f}" for level in (0.05, 0.01, 0.005))
        print(f"  pairs {name}: {found}; the 95 % interval of the ratio holds the true one in {held / count:.3f}")


def joint(chance: np.random.Generator, count: int) -> None:
    """Print what becomes of a time that is just at the margin, or unchanged, in a case that ends by what another time shows.

    The pairs' ratios of both are correlated, as those of a forward and of a generation in it; the other is plainly slower. A case
    ends at the first look where `decided` lets it, so that what is said of the time beside it is said at that look.
    """
    rules = Rules(margin=0.005)
    begun = tuple(base_begins(number) for number in range(paired.LOOKS[-1]))
    steps = {"other": FORWARD, "beside": replace(FORWARD, name="beside")}
    print(f"\na case of two times that ends jointly, {count} series each, pairs' scatter 1 %")
    for correlation in (0.0, 0.5, 0.9):
        for truth in (0.0, math.log1p(rules.margin)):
            false, held, ended = 0, 0, dict.fromkeys(paired.LOOKS, 0)
            for _ in range(count):
                shared, own, apart = chance.standard_normal((3, len(begun)))
                mixed = {"other": own, "beside": apart}
                root = math.sqrt(correlation)
                ratios = {
                    name: 0.01 * (root * shared + math.sqrt(1 - correlation) * mixed[name]) + (0.02 if name == "other" else truth)
                    for name in steps
                }
                for look in paired.LOOKS:
                    found = {
                        name: paired.Apart(metric=metric, ratios=tuple(ratios[name][:look]), logged=True, begun=begun[:look])
                        for name, metric in steps.items()
                    }
                    if look == paired.LOOKS[-1] or paired.decided("0", found, frozenset(steps), 20, rules):
                        break
                ended[look] += 1
                gap = found["beside"].gap()
                assert gap is not None
                false += gap.chance(rules.margin) <= rules.level
                held += gap.bounds()[0] <= truth <= gap.bounds()[1]
            at = ", ".join(f"{number} pairs {share / count:.2f}" for number, share in ended.items())
            print(
                f"  correlation {correlation}, true {math.expm1(truth):.1%}: slower at level {rules.level} in {false / count:.4f}; "
                f"the 95 % interval holds the true one in {held / count:.3f}; ends at {at}"
            )


def main() -> None:
    """Draw, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("pairs", 2000), ("suites", 500), ("sets", 2000), ("histories", 500), ("series", 20000), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    chance = np.random.default_rng(given.seed)
    for weather in (QUIET, NOISY):
        rates(chance, weather, given.pairs)
        alarms(chance, weather, given.suites)
        coverage(chance, weather, given.sets)
    histories(chance, "ratios to a pinned reference", 0.006, given.histories)
    histories(chance, "runs' own values", 0.06, given.histories)
    looks(chance, given.series)
    joint(np.random.default_rng(given.seed), given.series // 4)  # its figures repeat whatever is drawn before


if __name__ == "__main__":
    main()
