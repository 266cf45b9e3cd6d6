"""The stage ledger: seconds by stage of whole requests, and what looking costs."""

import time

from bench.worker.metrics import LEDGER, LEDGER_PLAIN, sample
from bench.worker.network import amounts, ledger
from bench.worker.network.ledger import Entry
from bench.worker.probes import Cost, Reading, Subject

COST = Cost.OWN_PASS
PHASE = "probe.ledger"
LEAST, MOST = 3, 15
BUDGET_S = 1.5


def read(subject: Subject) -> Reading:
    """Run requests with and without hooks in turn: three pairs, then as many as fit into a second and a half.

    Fewer where the suite's `min_iterations` is below three. The samples of the ledger belong together by their place: the n-th of
    every stage is of the n-th pass.
    """
    if subject.way is None or subject.requested.get("depth", 0):  # a request that is in the cache already has no way from raw input
        return Reading()
    timed, missing = ledger.find_stages(subject.way)
    ledger.enter(subject.way, timed)
    entries: list[Entry] = []
    plain: list[float] = []
    start = time.perf_counter()
    while len(entries) < min(LEAST, subject.min_iterations) or (len(entries) < MOST and time.perf_counter() - start < BUDGET_S):
        entries.append(ledger.enter(subject.way, timed))
        plain.append(ledger.plain_s(subject.way))
    stages = [stage for stage in entries[0].stages if all(stage in entry.stages for entry in entries)]
    parts = [part for part in entries[0].parts if all(part in entry.parts for entry in entries)]
    return Reading(
        samples=(
            sample(LEDGER, PHASE, *(entry.end_to_end_s for entry in entries)),
            *(sample(LEDGER, PHASE, *(entry.stages[stage] for entry in entries), part=stage) for stage in stages),
            *(sample(LEDGER, PHASE, *(entry.parts[part] for entry in entries), part=f"processor/{part}") for part in parts),
            sample(LEDGER_PLAIN, PHASE, *plain),
        ),
        facts={
            "ledger_modules": dict(timed),
            "ledger_not_observed": list(missing),
            "ledger_amounts": amounts.of_request(subject.way, stages),
            "ledger_items": amounts.items(subject.way.raw),
        },
    )
