"""Builders of records and of what they hold: small, with defaults that a test overrides where it means something."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bench.domain.metric import Better, Metric, Reduce, Samples, Unit
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.plan import Case
from bench.domain.procedure import Procedure
from bench.domain.record import Phase, Record, SuiteOrigin
from bench.domain.values import Json, canonical

RUN = "20261125T190412Z-lab-0a1b"
SUITE = SuiteOrigin(name="two-models", file="suites/two-models.yaml", digest="d1", commit="6038592")
_EVERY: Mapping[str, Json] = {
    "dtype": "auto", "quantization": "none", "attention": "auto", "engine": "eager", "device": "auto", "threads": "auto",
    "batch_size": 1,
}  # fmt: skip
_TEXT: Mapping[str, Json] = {"prompt_tokens": 32, "mask": "padding"}
AXES_OF: Mapping[str, Mapping[str, Json]] = {
    "text-generation": {**_EVERY, **_TEXT, "new_tokens": 16, "cache": "dynamic", "depth": 0},
    "fill-mask": {**_EVERY, **_TEXT},
    "image-classification": {**_EVERY, "image_size": "auto"},
}
"""The axes of some tasks, written out, so that no snapshot changes with a new axis."""
ENVIRONMENT: Mapping[str, Json] = {
    "cpu": "Example CPU @ 2.50GHz",
    "cores_physical": 4,
    "cores_logical": 8,
    "memory_bytes": 24 * 2**30,
    "accelerators": [],
    "fingerprint": "f00d",
    "os": "Linux-6.1",
    "python": "3.11.9",
    "libraries": {"torch": "2.13.0", "transformers": "5.23.0", "numpy": "2.4.6"},
}


def a_metric(name: str = "forward", unit: Unit = Unit.SECOND, **changes: Any) -> Metric:
    return replace(Metric(name=name, unit=unit, better=Better.LOWER, definition=f"{name}.v1"), **changes)


def an_amount(name: str, unit: Unit = Unit.BYTE) -> Metric:
    return a_metric(name, unit, reduce=Reduce.LAST, deterministic=True)


def a_peak(name: str = "memory.host_peak") -> Metric:
    return a_metric(name, Unit.BYTE, reduce=Reduce.MAX)


def samples(metric: Metric | str, values: Sequence[float] | float, phase: str | None = None, part: str | None = None) -> Samples:
    """Give samples of METRIC, a time where only its name is given, in the phase that measures it."""
    declared = a_metric(metric) if isinstance(metric, str) else metric
    several = (values,) if isinstance(values, int | float) else tuple(values)
    return Samples(metric=declared, phase=phase or f"measure.{declared.name}", values=several, part=part)


def a_case(model: str = "tiny-gpt2", task: str = "text-generation", **axes: Json) -> Case:
    """Give a case of MODEL with axes of TASK, AXES first."""
    return a_case_with(axes, model, task)


def a_case_with(axes: Mapping[str, Json], model: str = "tiny-gpt2", task: str = "text-generation") -> Case:
    """Give what `a_case` does, of AXES that come as a mapping."""
    requested = {"model": model, "task": task, "scenario": "inference", **AXES_OF[task], **axes}
    named = "".join(f" {name}={canonical(value).strip(chr(34))}" for name, value in axes.items())
    return Case(id=hashlib.sha256(canonical(requested).encode()).hexdigest()[:12], label=f"{model}{named}", requested=requested)


def a_record(case: Case | None = None, trial: int | None = 0, **changes: Any) -> Record:
    """Give a finished record of CASE without samples."""
    return replace(
        Record(
            run=RUN,
            suite=SUITE,
            case=case or a_case(),
            trial=trial,
            started_at="2026-11-25T19:04:12.000+00:00",
            outcome=Outcome.FINISHED,
            environment=ENVIRONMENT,
        ),
        **changes,
    )


def a_failure(case: Case, outcome: Outcome, code: ReasonCode, reason: str, trial: int | None = 0, **changes: Any) -> Record:
    return a_record(case, trial, outcome=outcome, reason_code=code, reason=reason, **changes)


def of_seconds(*values: float, metric: str = "forward", **changes: Any) -> tuple[Record, ...]:
    """Give one record a value, each a trial in which METRIC took that long."""
    procedure = Procedure(trials=len(values), max_trials=len(values))
    return tuple(
        a_record(trial=number, samples=(samples(metric, value),), **{"procedure": procedure, **changes})
        for number, value in enumerate(values)
    )


def generation(case: Case, trial: int, slower: float = 1.0, iterations: int = 10, **changes: Any) -> Record:
    """Give a trial of a generator of two layers, every time of it times SLOWER, with five new tokens a sequence."""
    steps = [slower * (1 + 0.01 * (index % 3)) for index in range(iterations)]
    batch = int(str(case.requested["batch_size"]))
    return a_record(
        case,
        trial,
        observed={
            "model_class": "GPT2LMHeadModel",
            "dtype": "float32",
            "attention": "sdpa",
            "threads": 2,
            "device": "cpu",
            "environment": "python",
            "batch_size": batch,
            "prompt_units": 16 * batch,
            "realised_prompt_tokens": 16,
            "realised_new_tokens": 5,
            "page_cache": "warm",
            "attention_by_component": {"model": "sdpa"},
        },
        samples=(
            *load(slower),
            samples("first_call", 0.04 * slower, "first_call"),
            samples("processor", [0.0004 * step for step in steps]),
            samples("h2d", [0.00002 * step for step in steps]),
            samples("forward", 0.09 * slower, "warmup.forward"),
            samples("forward", [0.003 * step for step in steps]),
            samples("e2e", [0.02 * step for step in steps], "measure.generate"),
            samples("ttft_model", [0.0045 * step for step in steps], "measure.ttft"),
            samples("itl", [0.004 * step for step in steps for _ in range(4)], "measure.ttft"),
            samples(an_amount("memory.kv_cache"), 40_960 * batch, "probe.kv_cache"),
            *ledger(slower),
        ),
        phases=(Phase(name="measure.forward", started_s=1.0, ended_s=2.0, stopped_by="count"),),
        **changes,
    )


def forward(case: Case, trial: int, slower: float = 1.0, **changes: Any) -> Record:
    """Give a trial of a model that only has a forward pass, every time of it times SLOWER."""
    steps = [slower * (1 + 0.02 * (index % 2)) for index in range(10)]
    return a_record(
        case,
        trial,
        **{
            "observed": {"attention": "sdpa", "batch_size": case.requested["batch_size"], "page_cache": "warm"},
            "samples": (
                *load(slower),
                samples("first_call", 0.03 * slower, "first_call"),
                samples("processor", [0.0005 * step for step in steps]),
                samples("forward", [0.002 * step for step in steps]),
            ),
            **changes,
        },
    )


def ledger(slower: float = 1.0) -> tuple[Samples, ...]:
    """Give the ledger of three requests, of which the second is the median: 24 ms times SLOWER, of which no stage has 1 ms."""

    def passes(seconds: float, part: str | None = None) -> Samples:
        return samples("ledger", [seconds * slower, 1.1 * seconds * slower, 2 * seconds * slower], "probe.ledger", part)

    return (
        passes(0.024),
        passes(0.018, "decode"),
        passes(0.001, "processor"),
        passes(0.0006, "processor/tokenizer"),
        passes(0.004, "prefill.language"),
        samples("ledger.plain", [0.022 * slower, 0.025 * slower, 0.04 * slower], "probe.ledger"),
    )


def load(slower: float = 1.0) -> tuple[Samples, ...]:
    """Give the samples of a load that took 30 ms times SLOWER."""
    return (
        samples("load.config", 0.002 * slower, "load"),
        samples("load.read", 0.02 * slower, "load"),
        samples("load.total", 0.03 * slower, "load"),
        samples("load.unattributed", 0.008 * slower, "load"),
        samples(a_peak(), 30 * 2**20, "load"),
        samples(a_peak(), 24 * 2**20, "measure.forward"),
        samples(a_peak(), 90 * 2**20, "probe.attention_kernel"),
        samples(an_amount("params.count", Unit.ONE), 102_714, "load"),
        samples(an_amount("params.count", Unit.ONE), 70_000, "load", part="component=language"),
        samples(an_amount("params.count", Unit.ONE), 32_714, "load", part="component=embeddings"),
        samples(an_amount("params.bytes"), 410_856, "load"),
    )


HOSTILE = "<script>alert(1)</script>|=cmd"
"""A model's name that means harm to Markdown, HTML and spreadsheets."""
SLOWER = (1.0, 1.02, 0.98, 1.01, 0.995)


def failures() -> tuple[Record, ...]:
    """Give one record of each kind that has no numbers, or only some."""
    asked, large = a_case(attention="flash_attention_2"), a_case("tiny-bert", "fill-mask", batch_size=8, prompt_tokens=16)
    return (
        a_failure(
            asked, Outcome.UNSUPPORTED, ReasonCode.MISSING_PACKAGE, "flash_attention_2 needs flash_attn, which is not installed"
        ),
        a_failure(
            large,
            Outcome.TIMEOUT,
            ReasonCode.TIME_LIMIT,
            "not done within time_limit_s of 5 s; it was still at it in phase measure.forward",
            trial=1,
            samples=load(),
        ),
        a_failure(
            a_case(HOSTILE, "image-classification"),
            Outcome.SKIPPED,
            ReasonCode.MODEL_NOT_FOUND,
            "<b>no</b> such model |\x1b[31m\nsee [the docs](javascript:alert(1))",
            trial=None,
        ),
    )


def a_mixed_run() -> tuple[Record, ...]:
    """Give the records of a run with everything in it: intervals, ranges, partly finished cases, and those without numbers."""
    generators = [a_case(batch_size=size, prompt_tokens=16, new_tokens=5) for size in (8, 1)]
    disturbed = {"marks": ["other processes used 12% of a core"]}
    return (
        *(
            generation(case, trial, slower, noise=disturbed if trial == 2 else {})
            for case in generators
            for trial, slower in enumerate(SLOWER)
        ),
        *(forward(a_case("tiny-bert", "fill-mask", prompt_tokens=16), trial, slower) for trial, slower in enumerate(SLOWER[:3])),
        forward(a_case("tiny-bert", "fill-mask", batch_size=8, prompt_tokens=16), 0),
        *failures(),
    )


def a_small_run() -> tuple[Record, ...]:
    """Give the records of a run with one short trial and those without numbers."""
    return (generation(a_case(batch_size=2), 0, iterations=2), *failures())
