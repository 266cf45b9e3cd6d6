"""Loads of the two sides of a case, set beside each other in one state of the page cache.

A suite that leaves the page cache as it is finds it in another state now and then: a machine that takes back memory nobody uses
drops some pages of a checkpoint between two trials. One such trial is no reason to compare none of the loads.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bench.analysis.estimate import estimates
from bench.domain.outcome import Outcome
from bench.domain.record import Record
from bench.domain.summary import Row
from bench.domain.values import Json

_STATE = "page_cache"


def alike(base: Row, head: Row, trials: tuple[Sequence[Record], Sequence[Record]]) -> tuple[Row, Row, int]:
    """Give BASE and HEAD with the loads of those of their TRIALS that found the page cache in the state most of both have.

    The third value is the number of trials whose loads are left out. Where all found it alike, or the sides have no state in
    common, the rows stay as they are.
    """
    finished = tuple([trial for trial in one if trial.outcome is Outcome.FINISHED] for one in trials)
    counts = [Counter(trial.observed.get(_STATE) for trial in one) for one in finished]
    common = [state for state in counts[0] if state in counts[1]]
    if not common or len(counts[0] | counts[1]) == 1:
        return base, head, 0
    state = max(common, key=lambda one: (min(count[one] for count in counts), str(one)))
    left_out = sum(count.total() - count[state] for count in counts)
    return _in_state(base, finished[0], state), _in_state(head, finished[1], state), left_out


def _in_state(row: Row, finished: Sequence[Record], state: Json) -> Row:
    found, _ = estimates([trial for trial in finished if trial.observed.get(_STATE) == state])
    loads = {name: found[name] for name in row.metrics if name.startswith("load.") and name in found}
    return replace(row, metrics={**row.metrics, **loads}, observed={**row.observed, _STATE: state})
