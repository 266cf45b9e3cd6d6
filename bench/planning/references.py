"""The case that another's outputs are compared with: the suite's reference names some axes, the others are the case's own.

Outputs of other inputs cannot be compared: where the reference names how much goes in, it is a reference only for the cases that
have the same amounts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench.domain.data import Source
from bench.domain.model import ModelFacts
from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.plan import Case, ReferenceCase, Suite
from bench.domain.scenario import Scenario
from bench.domain.values import Json, canonical
from bench.planning import data_sets

DEFAULT: Mapping[str, Json] = {
    "dtype": "float32", "autocast": "none", "quantization": "none", "attention": "eager", "engine": "eager",
}  # fmt: skip
"""The reference of a suite that writes none."""

PLAIN: Mapping[str, Json] = {"gradient_checkpointing": False, "trainer": "plain"}
"""What it names beside these where steps of training are compared."""

LOADED: Mapping[str, Json] = {"workers": 0, "pin_memory": False}
"""And where a file of items feeds them: who loads changes no batch. What a loader of the user's gives is its own affair."""

INPUTS = (
    "batch_size", "prompt_tokens", "new_tokens", "image_size", "images", "texts", "video_frames", "video_fps", "audio_seconds",
    "audio_rate", "depth",
)  # fmt: skip
"""Axes that say how much goes into the model."""

Judge = Callable[[ModelFacts, Mapping[str, Json]], Refusal | None]


def entry_of(suite: Suite) -> Mapping[str, Json] | None:
    """Give what the reference of SUITE names; None where its scenario has no outputs to compare."""
    fed = data_sets.trains(suite)
    if suite.scenario not in {Scenario.INFERENCE, Scenario.TRAIN_STEP} and not fed:
        return None
    default = {**DEFAULT, **PLAIN} if fed or suite.scenario is Scenario.TRAIN_STEP else DEFAULT
    if fed and suite.data is not None and suite.data.source is Source.FILE:
        default = {**default, **LOADED}
    return default if suite.reference is None else suite.reference


@dataclass(slots=True)
class References:
    """Judges each reference once, by what JUDGE says of it."""

    judge: Judge
    _judged: dict[str, Refusal | None] = field(default_factory=dict)

    def of(self, facts: ModelFacts, case: Case, reference: Case | None) -> ReferenceCase | None:
        """Give the REFERENCE of CASE, with the reason where there will be no outputs to compare; None where it has none."""
        if reference is None:
            return None
        if reference.id == case.id:
            return ReferenceCase(case=case)
        if reference.id not in self._judged:
            refusal = self.judge(facts, reference.requested)
            self._judged[reference.id] = None if refusal is None else _cannot_run(reference, refusal)
        return ReferenceCase(case=reference, refusal=self._judged[reference.id] or _of_other_inputs(case, reference))


def _cannot_run(reference: Case, refusal: Refusal) -> Refusal:
    return Refusal(reason=f"the reference ({reference.label}) cannot run: {refusal.reason}", reason_code=refusal.reason_code)


def _of_other_inputs(case: Case, reference: Case) -> Refusal | None:
    """Say that the two have other amounts of input, where they do."""
    differing = [
        f"{axis} {canonical(reference.requested[axis])} and not {canonical(case.requested[axis])}"
        for axis in INPUTS
        if axis in case.requested and canonical(case.requested[axis]) != canonical(reference.requested[axis])
    ]
    if not differing:
        return None
    reason = f"the reference has other inputs ({', '.join(differing)}), and outputs of other inputs cannot be compared"
    return Refusal(reason=reason, reason_code=ReasonCode.INPUT_MISMATCH)
