"""Loads of the two sides of a case, set beside each other in one state of the page cache.

A suite that leaves the page cache as it is finds it in another state now and then: a machine that takes back memory nobody uses
drops some pages of a checkpoint between two trials. One such trial is no reason to compare none of the loads.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bench.analysis.estimate import estimates
from bench.analysis.sides import Pair, Side
from bench.domain.listing import some
from bench.domain.outcome import Outcome
from bench.domain.record import Record
from bench.domain.summary import Row
from bench.domain.values import Json

_STATE = "page_cache"


def alike(found: Sequence[Pair], base: Side, head: Side) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """Give the pairs FOUND with the loads of those trials only that found the page cache in the state most of both sides have.

    Where all trials of a pair found it alike, or its sides have no state in common, it stays as it is. The second value says what
    is left out.
    """
    pairs, left_out, cases = [], 0, []
    for pair in found:
        one, trials = (pair, 0) if pair.base is None or pair.head is None else _alike(pair.base, pair.head, base, head)
        pairs.append(one)
        left_out += trials
        cases += [pair.either.case.label] if trials else []
    if not left_out:
        return tuple(pairs), ()
    said = f"loads of {left_out} trials are left out, since the other side found the page cache otherwise ({some(cases, 3)})"
    return tuple(pairs), (said,)


def _alike(before: Row, after: Row, base: Side, head: Side) -> tuple[Pair, int]:
    finished = [
        [trial for trial in trials if trial.outcome is Outcome.FINISHED] for trials in (base.trials(before), head.trials(after))
    ]
    counts = [Counter(trial.observed.get(_STATE) for trial in trials) for trials in finished]
    common = [state for state in counts[0] if state in counts[1]]
    if not common or len(counts[0] | counts[1]) == 1:
        return Pair(base=before, head=after), 0
    state = max(common, key=lambda one: (min(count[one] for count in counts), str(one)))  # whichever side is base
    rows = [_in_state(row, trials, state) for row, trials in zip((before, after), finished, strict=True)]
    return Pair(base=rows[0], head=rows[1]), sum(count.total() - count[state] for count in counts)


def _in_state(row: Row, finished: Sequence[Record], state: Json) -> Row:
    found, _ = estimates([trial for trial in finished if trial.observed.get(_STATE) == state])
    loads = {name: found[name] for name in row.metrics if name.startswith("load.") and name in found}
    return replace(row, metrics={**row.metrics, **loads}, observed={**row.observed, _STATE: state})
