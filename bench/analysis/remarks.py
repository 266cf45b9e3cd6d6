"""What people should know beside the numbers: one function a remark, each a pure function of a row and its finished trials."""

import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.analysis import ends, endurance, savings
from bench.analysis.ledgers import PLAIN, WATCHED
from bench.analysis.machines import of_machines
from bench.analysis.reading import readings
from bench.analysis.statistics import LEAST_FOR_INTERVAL
from bench.analysis.target import widest
from bench.domain.outcome import Outcome
from bench.domain.procedure import StartMethod
from bench.domain.record import Record
from bench.domain.summary import Row
from bench.domain.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A row, and the records of the finished trials that it was made from."""

    row: Row
    trials: tuple[Record, ...]


def of_row(evidence: Evidence) -> tuple[str, ...]:
    """Give the remarks on one row."""
    return tuple(text for remark in OF_ROW if (text := remark(evidence)) is not None)


def of_all(rows: Sequence[Evidence]) -> tuple[str, ...]:
    """Give the remarks on all ROWS together, and on the machines that they were measured on."""
    return (
        *(text for remark in OF_ALL if (text := remark(rows)) is not None),
        *of_machines([trial for row in rows for trial in row.trials]),
    )


def few_trials(evidence: Evidence) -> str | None:
    """Say that there is a range and no interval."""
    if not 0 < evidence.row.finished < LEAST_FOR_INTERVAL:
        return None
    return f"fewer than {LEAST_FOR_INTERVAL} trials finished: values come with the range of the trials, not with an interval"


def cut_off(evidence: Evidence) -> str | None:
    """Say that trials are missing though none failed."""
    row = evidence.row
    if row.outcome is not Outcome.FINISHED or row.finished >= row.planned:
        return None
    return f"{row.finished} of {row.planned} planned trials are recorded; bench run --resume measures the others"


def target_missed(evidence: Evidence) -> str | None:
    """Say that a trial set which could grow ended before it reached its target."""
    if not evidence.trials:
        return None
    procedure = evidence.trials[0].procedure
    found = widest(evidence.row.metrics)
    if procedure.max_trials <= procedure.trials or found is None or found[1] <= procedure.target_interval:
        return None
    name, width = found
    after = f"after {len(evidence.trials)} of at most {procedure.max_trials} trials"
    return f"{name}: ±{width:.1%}, target {procedure.target_interval:.1%} not reached {after}".replace("%", " %")


def page_cache_as_found(evidence: Evidence) -> str | None:
    """Say that nothing was done about the page cache, on which load times depend."""
    row = evidence.row
    if "load.total" not in row.metrics or "page_cache" in row.case.requested:
        return None
    seen = row.observed.get("page_cache", "unknown")
    shown = " or ".join(str(state) for state in seen) if isinstance(seen, list | tuple) else seen
    return f"load times are with the page cache as it was found ({shown}); load: {{page_cache: warm}} in the suite sets it"


def decode_undefined(evidence: Evidence) -> str | None:
    """Say why the times of later tokens are missing that the model's kind would have."""
    metrics, tokens = evidence.row.metrics, evidence.row.observed.get("realised_new_tokens")
    tpot = metrics.get("tpot")
    if tpot is not None and tpot.least > 0:
        return None
    if tpot is not None:
        return "decode_rate is undefined: in some trial e2e was no longer than ttft_model, so that more new_tokens are needed"
    if not {"e2e", "ttft_model"} <= metrics.keys() or tokens in {None, 1}:
        return None
    return "tpot and decode_rate are undefined: e2e was no longer than ttft_model, so that more new_tokens are needed"


def noted(evidence: Evidence) -> str | None:
    """Give what trials noted themselves: weights that were made up, left out or converted, what limits a search."""
    said = dict.fromkeys(note for trial in evidence.trials for note in trial.notes)
    return "; ".join(said) or None


def drifted(evidence: Evidence) -> str | None:
    """Say that the case no longer computes what its reference does."""
    return None if evidence.row.drift is None else f"drifted from the reference: {evidence.row.drift}"


def not_compared(evidence: Evidence) -> str | None:
    """Say why outputs were not compared with the reference's."""
    missing = evidence.row.observed.get("parity_missing")
    return None if missing is None else f"outputs were not compared: {missing}"


def unpacked(evidence: Evidence) -> str | None:
    """Say that quantized weights did not stay so: what was timed has the memory and the speed of full precision."""
    loaded, after = (evidence.row.observed.get(name) for name in ("quantized_share", "quantized_share_after_call"))
    if not isinstance(loaded, float | int) or not isinstance(after, float | int) or after >= loaded:
        return None
    shares = f"{loaded:.0%} of the linear layers were quantized when loaded, and {after:.0%} after it".replace("%", " %")
    return f"the first call unpacked quantized weights: {shares}; calls are timed in full precision"


def unfused(evidence: Evidence) -> str | None:
    """Say that a runtime ran a graph without the operators of its own that it would have fused."""
    why = evidence.row.observed.get("engine_unfused_for")
    return None if why is None else f"the graph was exported without fusions, for with them: {why}"


def marked(rows: Sequence[Evidence]) -> str | None:
    """Say how many trials something disturbed, and what did most often."""
    trials = [trial for row in rows for trial in row.trials]
    marks = [_marks(trial) for trial in trials]
    disturbed = sum(1 for found in marks if found)
    if not disturbed:
        return None
    why, times = Counter(kind for found in marks for kind in dict.fromkeys(map(_kind, found))).most_common(1)[0]
    often = f"most often ({times} times): {why}"
    return f"{disturbed} of {len(trials)} finished trials are marked as disturbed; none was dropped; {often}"


def _marks(trial: Record) -> tuple[str, ...]:
    marks = trial.noise.get("marks")
    return tuple(str(mark) for mark in marks) if isinstance(marks, list | tuple) else ()


def _kind(mark: str) -> str:
    """Take the numbers out of a mark, so that marks of one kind are equal."""
    return re.sub(r"\d[\d.]*%?", "…", mark)


def spawned(rows: Sequence[Evidence]) -> str | None:
    """Say that trials asked for from a nursery were new processes."""
    fallen = [
        trial
        for row in rows
        for trial in row.trials
        if trial.procedure.start_method is StartMethod.NURSERY and trial.environment.get("start_method") == StartMethod.SPAWN.value
    ]
    if not fallen:
        return None
    why = fallen[0].environment.get("start_method_reason", "the nursery gave no reason")
    return f"{_many(len(fallen), 'trial')} began as a new process, not forked from a nursery: {why}"


def observer_cost(rows: Sequence[Evidence]) -> str | None:
    """Say how much longer a generation took that was watched token by token (ttft_model and itl come from such) than e2e."""
    costs = [cost for row in rows if (cost := _observer_cost(row.trials)) is not None]
    if not costs:
        return None
    if _percent(min(costs)) == _percent(max(costs)):
        return f"watching every token changed the time of a generation by {_percent(costs[0])} against e2e, which is not watched"
    spread = f"{_percent(min(costs))} to {_percent(max(costs))}, in the median {_percent(statistics.median(costs))}"
    return (
        f"watching every token changed the time of a generation by {spread}, against e2e, which is not watched ({len(costs)} cases)"
    )


def _percent(share: float) -> str:
    return f"{share * 100:+.1f} %"


def _observer_cost(trials: Iterable[Record]) -> float | None:
    costs = [cost for trial in trials if (cost := _watched_longer(trial)) is not None]
    return statistics.median(costs) if costs else None


def _watched_longer(trial: Record) -> float | None:
    """Give the relative excess of TRIAL's watched generations (first token and all gaps) over its e2e, medians of both."""
    read = {reading.metric.name: reading for reading in readings(trial.samples)}
    if not {"e2e", "ttft_model", "itl"} <= read.keys() or read["e2e"].value <= 0:
        return None
    firsts, gaps = read["ttft_model"].values, read["itl"].values
    each, rest = divmod(len(gaps), len(firsts))
    if rest:
        return None
    whole = [first + sum(gaps[index * each : (index + 1) * each]) for index, first in enumerate(firsts)]
    return statistics.median(whole) / read["e2e"].value - 1


def ledger_cost(rows: Sequence[Evidence]) -> str | None:
    """Say how much longer requests took of which the stages were watched."""
    costs = [cost for row in rows for trial in row.trials if (cost := _hooked_longer(trial)) is not None]
    if not costs:
        return None
    middle = _percent(statistics.median(costs))
    return f"watching the stages changed the time of a request by {middle}, in the median of {_many(len(costs), 'trial')}"


def _hooked_longer(trial: Record) -> float | None:
    read = {reading.metric.name: reading.value for reading in readings(trial.samples)}
    plain = read.get(PLAIN, 0.0)
    return read[WATCHED] / plain - 1 if WATCHED in read and plain > 0 else None


def procedures_differ(rows: Sequence[Evidence]) -> str | None:
    """Say that records were measured by different versions of the procedure."""
    versions = sorted({trial.procedure_version for row in rows for trial in row.trials})
    if len(versions) < 2:  # noqa: PLR2004 -- two differ
        return None
    shown = ", ".join(map(str, versions))
    return f"records of procedure versions {shown} stand together: CHANGELOG's Measurement headings say what moved between them"


def several_machines(rows: Sequence[Evidence]) -> str | None:
    """Say that the records of one run come from machines that are not alike."""
    seen: dict[str, set[str]] = {}
    for row in rows:
        for trial in row.trials:
            if (fingerprint := trial.environment.get("fingerprint")) is not None:
                seen.setdefault(trial.run, set()).add(str(fingerprint))
    mixed = [run for run, prints in seen.items() if len(prints) > 1]
    return f"records of different machines stand in one run: {', '.join(mixed)}" if mixed else None


def replayed(rows: Sequence[Evidence]) -> str | None:
    """Say that numbers were not measured."""
    count = sum(1 for row in rows for trial in row.trials if trial.environment.get("replayed") is True)
    return f"{_many(count, 'trial')} replayed from a file: these numbers were not measured here" if count else None


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def grows(evidence: Evidence) -> str | None:
    """Say that memory grows with the steps."""
    growing = [trial for trial in evidence.trials if endurance.grows(trial.samples)]
    if not growing:
        return None
    share = f"{len(growing)} of {_many(len(evidence.trials), 'trial')}"
    return f"memory.growth is above the noise in {share}: memory grows with the steps"


def uncounted(evidence: Evidence) -> str | None:
    """Name the operators whose work is not in the number of operations."""
    names = sorted({str(name) for trial in evidence.trials for name in _listed(trial.observed.get("flops_uncounted"))})
    return f"flops lack the work of {', '.join(names)}, which no formula is known of" if names else None


def _listed(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else ()


def freezing(rows: Sequence[Evidence]) -> str | None:
    """Say what freezing saves."""
    return savings.of_freezing([evidence.row for evidence in rows])


def grown(rows: Sequence[Evidence]) -> str | None:
    """Say what stopped the trials of cases that could get more of them."""
    return ends.of_growing((evidence.row, evidence.trials[0].procedure) for evidence in rows if evidence.trials)


OF_ROW: tuple[Callable[[Evidence], str | None], ...] = (
    few_trials,
    cut_off,
    target_missed,
    page_cache_as_found,
    decode_undefined,
    noted,
    drifted,
    not_compared,
    unpacked,
    unfused,
    uncounted,
    grows,
)
OF_ALL: tuple[Callable[[Sequence[Evidence]], str | None], ...] = (
    replayed,
    grown,
    marked,
    observer_cost,
    ledger_cost,
    spawned,
    procedures_differ,
    several_machines,
    freezing,
)
