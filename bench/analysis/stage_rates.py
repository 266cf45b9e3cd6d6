"""Rates of the ledger's stages: how much went through a stage in one request, over the seconds of that stage in that request.

The worker says which amounts are a stage's own (`ledger_amounts`); a stage without one has no rate. Of a ledger that is shown the
rates are those of the same pass, so that rate times seconds is the amount again. docs/metrics.md lists them.
"""

from collections.abc import Mapping

from bench.domain.metric import Better, Metric, Unit
from bench.domain.summary import Rate
from bench.domain.values import Json

AMOUNTS = "ledger_amounts"
"""The fact of a trial with what goes through each stage, or part of the processor, in one request: units and how much of each."""

_MEGA = 1e6
_UNITS: Mapping[str, tuple[str, Unit, float]] = {
    "images": ("image_rate", Unit.PER_SECOND, 1.0),
    "frames": ("frame_rate", Unit.PER_SECOND, 1.0),
    "pixels": ("megapixel_rate", Unit.PER_SECOND, _MEGA),
    "audio_seconds": ("audio_rate", Unit.ONE, 1.0),
    "tokens": ("token_rate", Unit.TOKEN_PER_SECOND, 1.0),
    "text_bytes": ("byte_rate", Unit.PER_SECOND, 1.0),
}
"""What an amount is called as a rate, its unit, and how much of it makes one."""
_SEEN = ("images", "frames", "pixels")
OF_STAGES: Mapping[str, tuple[str, ...]] = {
    "media_decode": (*_SEEN, "audio_seconds"),
    "processor/tokenizer": ("tokens", "text_bytes"),
    "processor/image": _SEEN,
    "processor/video": ("frames", "pixels"),
    "processor/audio": ("audio_seconds",),
    "encode.vision": _SEEN,
    "encode.audio": ("audio_seconds",),
    "encode.text": ("tokens",),
    "prefill.language": ("tokens",),
}
"""The amounts that each stage, or part of one, may have."""


def metric_of(stage: str, amount: str) -> Metric:
    """Declare the rate of an AMOUNT through STAGE."""
    noun, unit, _ = _UNITS[amount]
    name = f"{stage.replace('/', '.')}.{noun}"
    return Metric(name=name, unit=unit, better=Better.HIGHER, definition=f"{name}.v1")


def rates(facts: Mapping[str, Json], seconds: Mapping[str, float]) -> dict[str, tuple[Rate, ...]]:
    """Give the rates of each stage, and part of one, that took SECONDS, by the amounts in the FACTS of the trial."""
    said = facts.get(AMOUNTS)
    held = said if isinstance(said, Mapping) else {}
    found = {stage: _of_stage(stage, held.get(stage), seconds[stage]) for stage in OF_STAGES if seconds.get(stage, 0.0) > 0}
    return {stage: some for stage, some in found.items() if some}


def _of_stage(stage: str, held: Json, seconds: float) -> tuple[Rate, ...]:
    amounts = held if isinstance(held, Mapping) else {}
    known = {name: float(value) for name in OF_STAGES[stage] if isinstance(value := amounts.get(name), int | float) and value > 0}
    return tuple(Rate(metric=metric_of(stage, name), value=value / _UNITS[name][2] / seconds) for name, value in known.items())
