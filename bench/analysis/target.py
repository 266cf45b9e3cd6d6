"""How far a case's trials are from the interval that its procedure asks for, and whether more of them are wanted.

A rule that looks at the width of few trials undercovers, so that nothing is judged below eight.
"""

from collections.abc import Mapping, Sequence

from bench.analysis.estimate import estimates
from bench.domain.outcome import Outcome
from bench.domain.record import Record
from bench.domain.summary import Estimate

JUDGED = ("forward", "e2e", "ttft_model", "train.step")
"""The times that the target is about: the steady state that a user feels."""
LEAST_TO_JUDGE = 8


def widest(metrics: Mapping[str, Estimate]) -> tuple[str, float] | None:
    """Give, of the times that the target is about, the one with the relatively widest interval, and half that width."""
    widths = [(name, width) for name in JUDGED if name in metrics and (width := metrics[name].half_width) is not None]
    return max(widths, key=lambda found: found[1], default=None)


def wants_more(trials: Sequence[Record]) -> bool:
    """Tell whether TRIALS, the records of one case so far, miss the target of their procedure and may be added to.

    A case of which a trial did not finish wants no more: its row has no claim to an interval.
    """
    if not trials or any(trial.outcome is not Outcome.FINISHED for trial in trials):
        return False
    procedure = trials[0].procedure
    if len(trials) >= procedure.max_trials:
        return False
    if len(trials) < max(procedure.trials, LEAST_TO_JUDGE):
        return True
    found = widest(estimates(sorted(trials, key=lambda trial: trial.trial or 0))[0])
    return found is not None and found[1] > procedure.target_interval
