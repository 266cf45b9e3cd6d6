"""Why a trial set ended: after the number that was asked for, at its target, or at its cap without it.

A set whose `max_trials` is larger than `trials` grows until its target is reached; what stopped it is read off its records, as the
run itself judged them.
"""

from collections.abc import Iterable, Mapping, Sequence

from bench.analysis.target import LEAST_TO_JUDGE, widest
from bench.domain.outcome import Outcome
from bench.domain.procedure import Procedure
from bench.domain.record import Record
from bench.domain.summary import Estimate, Row, TrialsEnd

_WORDS = {
    TrialsEnd.COUNT: "nothing to judge the target by",
    TrialsEnd.TARGET: "target reached",
    TrialsEnd.CAP: "target not reached",
    TrialsEnd.FAILURE: "a trial did not finish",
    TrialsEnd.CUT_OFF: "cut off",
}


def why(trials: Sequence[Record], metrics: Mapping[str, Estimate]) -> TrialsEnd | None:
    """Say why TRIALS, all records of one case, ended, from the METRICS of those that finished.

    None for a case that never began, and for a side of an A/B run, whose pairs end by looks at their differences.
    """
    if not trials or any(trial.trial is None or trial.paired is not None for trial in trials):
        return None
    if any(trial.outcome is not Outcome.FINISHED for trial in trials):
        return TrialsEnd.FAILURE
    procedure, count = trials[0].procedure, len(trials)
    if procedure.max_trials <= procedure.trials:
        return TrialsEnd.COUNT if count >= procedure.trials else TrialsEnd.CUT_OFF
    found = widest(metrics)
    if count >= max(procedure.trials, LEAST_TO_JUDGE) and (found is None or found[1] <= procedure.target_interval):
        return TrialsEnd.COUNT if found is None else TrialsEnd.TARGET
    return TrialsEnd.CAP if count >= procedure.max_trials else TrialsEnd.CUT_OFF


def of_growing(rows: Iterable[tuple[Row, Procedure]]) -> str | None:
    """Say of the trial sets that could grow, of ROWS with their procedures, what stopped them, and after how many trials."""
    counts: dict[TrialsEnd, list[int]] = {}
    most: set[int] = set()
    for row, procedure in rows:
        if procedure.max_trials > procedure.trials and row.trials_stopped_by is not None:
            counts.setdefault(row.trials_stopped_by, []).append(row.finished)
            most.add(procedure.max_trials)
    if not counts:
        return None
    each = (f"{_WORDS[end]} in {len(found)} (at {_span(found)} trials)" for end in TrialsEnd if (found := counts.get(end)))
    return f"what stopped the trials of cases that may have up to {_span(most)}: {', '.join(each)}"


def _span(numbers: Iterable[int]) -> str:
    least, *_, most = sorted(numbers) * 2
    return f"{least}" if least == most else f"{least} to {most}"
