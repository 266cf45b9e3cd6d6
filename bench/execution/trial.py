"""One trial: its request goes out, its events come in, and a record is what is left."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bench.domain.metric import Samples
from bench.domain.outcome import Outcome, ReasonCode, Refusal
from bench.domain.plan import SkippedCase, Suite, Trial
from bench.domain.record import Phase, Record, SuiteOrigin
from bench.domain.values import Json
from bench.execution.executors import Executor
from bench.protocol.messages import (
    Environment,
    Event,
    Exited,
    Failed,
    Finished,
    Handed,
    Measure,
    Noise,
    Noted,
    Observed,
    Parity,
    PhaseBegan,
    PhaseEnded,
    Sampled,
    Turns,
    Unknown,
)

Listen = Callable[[Event], None]


@dataclass(slots=True)
class Account:
    """What the events of one trial add up to."""

    last_word: Finished | Failed | None = None
    status: int | None = None
    observed: dict[str, Json] = field(default_factory=dict)
    environment: dict[str, Json] = field(default_factory=dict)
    noise: dict[str, Json] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    samples: list[Samples] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, event: Event) -> None:  # noqa: C901 -- one line an event
        """Add EVENT to the account. The first last word counts: a trial that was ended for a limit cannot say more."""
        match event:
            case Environment(facts=facts):
                self.environment |= facts
            case Observed(facts=facts):
                self.observed |= facts
            case Noise(facts=facts):
                self.noise |= facts
            case PhaseBegan(name=name, at_s=at_s):
                self.phases.append(Phase(name=name, started_s=at_s))
            case PhaseEnded(name=name, at_s=at_s, stopped_by=why):
                self._end(name, at_s, why)
            case Sampled(samples=samples):
                self.samples.append(samples)
            case Noted(text=text):
                self.notes.append(text)
            case Finished() | Failed():
                self.last_word = self.last_word or event
            case Exited(status=status):
                self.status = status
            case Unknown(line=line):
                self.notes.append(f"unknown event: {line}")
            case _:  # the rest concerns executors
                pass

    def _end(self, name: str, at_s: float, why: str | None) -> None:
        """Close the newest open phase called NAME; one whose begin was lost with a torn line leaves a note."""
        for index, phase in reversed(list(enumerate(self.phases))):
            if phase.name == name and phase.ended_s is None:
                self.phases[index] = replace(phase, ended_s=at_s, stopped_by=why)
                return
        self.notes.append(f"phase {name} ended at {at_s:.6f} s, and its begin was not heard of")

    def failed_in(self) -> str | None:
        """Give the phase that never ended."""
        return next((phase.name for phase in reversed(self.phases) if phase.ended_s is None), None)


def carry_out(  # noqa: PLR0913 -- what makes a trial
    trial: Trial,
    executor: Executor,
    run: str,
    attempt: int,
    cores: tuple[int, ...],
    listen: Listen,
    *,
    turns: Turns | None = None,
    parity: Parity | None = None,
    outputs_only: bool = False,
    handed: Handed | None = None,
) -> Record:
    """Measure TRIAL through EXECUTOR and give its record, whatever happens to the process.

    With TURNS it takes turns with another trial: it has the time of both. Its outputs are compared with what PARITY names; with
    OUTPUTS_ONLY they are left there, and nothing is timed. HANDED is where its inputs are, or are to be left.
    """
    planned = trial.planned
    started_at = now()
    request = Measure(
        case=planned.case,
        model=planned.model,
        procedure=planned.suite.procedure,
        page_cache=planned.suite.page_cache,
        limits=planned.suite.limits,
        trial=trial.number,
        cores=cores,
        turns=turns,
        parity=parity,
        outputs_only=outputs_only,
        data=planned.suite.data,
        handed=handed,
    )
    time_limit_s = planned.suite.procedure.time_limit_s * (1 if turns is None else 2)
    limits = planned.suite.limits.host_memory_bytes
    account = Account()
    killed_before = _oom_kills()
    for event in executor.ask(request, trial.nursery, time_limit_s, limits):
        account.take(event)
        listen(event)
    word = _word(account, system_ran_out=_oom_kills() > killed_before)
    finished = isinstance(word, Finished)
    refused = isinstance(word, Failed) and word.outcome is Outcome.UNSUPPORTED
    return Record(
        run=run,
        suite=origin(planned.suite),
        case=planned.case,
        trial=trial.number,
        attempt=attempt,
        started_at=started_at,
        outcome=Outcome.FINISHED if isinstance(word, Finished) else word.outcome,
        reason=None if isinstance(word, Finished) else word.reason,
        reason_code=None if isinstance(word, Finished) else word.reason_code,
        failed_in=None if finished else account.failed_in(),
        signal=_signal(account.status) if not finished else None,
        procedure=planned.suite.procedure,
        observed=account.observed,
        environment={**account.environment, "nursery": trial.nursery, "cores": list(cores)},
        noise=account.noise,
        phases=tuple(account.phases),
        # What was not what was asked for leaves no number behind, under any name.
        samples=() if refused else tuple(account.samples),
        notes=tuple(account.notes),
        stderr_tail="" if finished else executor.stderr_tail(),
    )


def refused(trial: Trial, refusal: Refusal, run: str, attempt: int) -> Record:
    """Give the record of a trial that could not begin, for a reason that this machine gives."""
    return Record(
        run=run,
        suite=origin(trial.planned.suite),
        case=trial.planned.case,
        trial=trial.number,
        attempt=attempt,
        started_at=now(),
        outcome=Outcome.UNSUPPORTED,
        reason=refusal.reason,
        reason_code=refusal.reason_code,
        procedure=trial.planned.suite.procedure,
    )


def skipped(case: SkippedCase, run: str) -> Record:
    """Give the record of a case that does not run."""
    return Record(
        run=run,
        suite=origin(case.suite),
        case=case.case,
        trial=None,
        started_at=now(),
        outcome=Outcome.SKIPPED,
        reason=case.refusal.reason,
        reason_code=case.refusal.reason_code,
        procedure=case.suite.procedure,
    )


def origin(suite: Suite) -> SuiteOrigin:
    """Say where a suite came from."""
    return SuiteOrigin(name=suite.name, file=suite.file, digest=suite.digest, commit=suite.commit, gate=suite.gate)


def now() -> str:
    """Give the time as records spell it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _word(account: Account, *, system_ran_out: bool) -> Finished | Failed:
    """Give the trial's last word, or answer for a process that had none."""
    if account.last_word is not None:
        return account.last_word
    where = f" in phase {phase}" if (phase := account.failed_in()) else ""
    status = account.status if account.status is not None else 0
    if status < 0 and system_ran_out:
        return Failed(
            outcome=Outcome.OUT_OF_MEMORY,
            reason=f"the system ran out of memory{where} and its kernel killed the process",
            reason_code=ReasonCode.SYSTEM_OUT_OF_MEMORY,
        )
    if status < 0:
        return Failed(
            outcome=Outcome.KILLED,
            reason=f"the process was killed by {_signal(status)}{where}; nothing of this tool sent it",
            reason_code=ReasonCode.SIGNAL,
        )
    return Failed(
        outcome=Outcome.ERROR,
        reason=f"the process ended with exit code {status}{where} and said nothing",
        reason_code=ReasonCode.EXITED,
    )


def _signal(status: int | None) -> str | None:
    if status is None or status >= 0:
        return None
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def _oom_kills() -> int:
    """Count the kernel's out-of-memory kills since boot; 0 where it does not say."""
    try:
        with open("/proc/vmstat", encoding="ascii") as file:  # noqa: PTH123 -- streamed, one word is wanted
            return next((int(line.split()[1]) for line in file if line.startswith("oom_kill ")), 0)
    except OSError:
        return 0
