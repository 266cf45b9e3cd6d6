"""Metrics that follow from others: computed within each trial from that trial's own values, never stored.

Sums and differences hold within a trial, not between summaries. A rate is computed as seconds a unit, which is a time and is
summarised as one; only the summary is turned around. docs/metrics.md defines each: n = new tokens a sequence, B = sequences.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.domain.metric import Better, Metric, Unit
from bench.domain.values import Json

_MEGA = 1e6
_BROUGHT_IN = ("load.read", "load.place", "load.first_touch")
"""The stages of a load in which its weights are read from their files: mapped ones are, as late as they are first used."""

Values = Mapping[str, float]
Facts = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How METRIC follows from the metrics named in `of` and from observed facts.

    `seconds` gives the time, or for a rate the seconds a unit; None where the metric is not defined, or a fact was not observed.
    """

    metric: Metric
    of: tuple[str, ...]
    seconds: Callable[[Values, Facts], float | None]

    @property
    def is_rate(self) -> bool:
        """Whether the summary of the seconds is to be turned around."""
        return self.metric.better is Better.HIGHER


def _time(name: str) -> Metric:
    return Metric(name=name, unit=Unit.SECOND, better=Better.LOWER, definition=f"{name}.v1")


def _rate(name: str, unit: Unit) -> Metric:
    return Metric(name=name, unit=unit, better=Better.HIGHER, definition=f"{name}.v1")


def _ttft_user(values: Values, _facts: Facts) -> float:
    return values["processor"] + values["h2d"] + values["ttft_model"]


def _tpot(values: Values, facts: Facts) -> float | None:
    return _a_unit(values["e2e"] - values["ttft_model"], _later_tokens(facts))


def _prefill(values: Values, facts: Facts) -> float | None:
    return _a_unit(values["ttft_model"], _amount(facts, "prompt_units"))


def _decode(values: Values, facts: Facts) -> float | None:
    return _a_unit(values["e2e"] - values["ttft_model"], _amount(facts, "batch_size"), _later_tokens(facts))


def _end_to_end(values: Values, facts: Facts) -> float | None:
    return _a_unit(values["e2e"], _amount(facts, "batch_size"), _amount(facts, "realised_new_tokens"))


def _sample(values: Values, facts: Facts) -> float | None:
    return _a_unit(values["forward"], _amount(facts, "batch_size"))


def _trained(values: Values, facts: Facts) -> float | None:
    return _a_unit(values["train.step"], _amount(facts, "batch_size"), _amount(facts, "gradient_accumulation"))


def _image(values: Values, facts: Facts) -> float | None:
    """Divide by the images of the batch; records from before they were counted have those of an item."""
    if "batch_images" in facts:
        return _a_unit(values["forward"], _amount(facts, "batch_images"))
    return _a_unit(values["forward"], _amount(facts, "batch_size"), _amount(facts, "images"))


def _compiling(step: str) -> Callable[[Values, Facts], float | None]:
    """Give by how much the first call, which compiles, is longer than STEP in its steady state; None where nothing was compiled."""

    def seconds(values: Values, facts: Facts) -> float | None:
        engine = facts.get("engine")
        name = engine.get("name") if isinstance(engine, Mapping) else engine
        first = "e2e" if _amount(facts, "realised_new_tokens") is not None else "forward"
        return values["first_call"] - values[step] if name == "compile" and step == first else None

    return seconds


def _a_fact(step: str, name: str, times: float = 1.0) -> Callable[[Values, Facts], float | None]:
    """Give the seconds of STEP for each unit of the observed amount NAME, of which TIMES make the unit."""

    def seconds(values: Values, facts: Facts) -> float | None:
        found = _a_unit(values[step], _amount(facts, name))
        return None if found is None else found * times

    return seconds


def _wait_share(values: Values, _facts: Facts) -> float | None:
    """Give the share of the steps that is waiting: both are means over the same steps, so that it is that of their sums."""
    return values["data.wait"] / values["data.step"] if values["data.step"] > 0 else None


def _fed(step: str) -> Callable[[Values, Facts], float | None]:
    """Give the seconds of STEP for each item: of a batch, or where steps train of every micro-batch."""

    def seconds(values: Values, facts: Facts) -> float | None:
        return _a_unit(values[step], _amount(facts, "batch_size"), _amount(facts, "gradient_accumulation") or 1.0)

    return seconds


def _reading(*steps: str) -> Callable[[Values, Facts], float | None]:
    """Give the seconds of STEPS together for each 10⁶ bytes of the weight files."""

    def seconds(values: Values, _facts: Facts) -> float | None:
        size = values["load.file_bytes"]
        return sum(values[step] for step in steps) / size * _MEGA if size > 0 else None

    return seconds


def _amount(facts: Facts, name: str) -> float | None:
    """Give the observed amount called NAME; None where it was not observed, or is not above zero."""
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None


def _later_tokens(facts: Facts) -> float | None:
    """Give n - 1, None for n < 2."""
    tokens = _amount(facts, "realised_new_tokens")
    return tokens - 1 if tokens is not None and tokens > 1 else None


def _a_unit(seconds: float, *amounts: float | None) -> float | None:
    """Divide SECONDS by all AMOUNTS; None where one of them is not known."""
    for amount in amounts:
        if amount is None:
            return None
        seconds /= amount
    return seconds


def _of_batch(metric: str, unit: Unit, step: str, fact: str, times: float = 1.0) -> Rule:
    return Rule(metric=_rate(metric, unit), of=(step,), seconds=_a_fact(step, fact, times))


RULES: tuple[Rule, ...] = (
    Rule(metric=_time("ttft_user"), of=("processor", "h2d", "ttft_model"), seconds=_ttft_user),
    Rule(metric=_time("tpot"), of=("e2e", "ttft_model"), seconds=_tpot),
    Rule(metric=_rate("prefill_rate", Unit.TOKEN_PER_SECOND), of=("ttft_model",), seconds=_prefill),
    Rule(metric=_rate("decode_rate", Unit.TOKEN_PER_SECOND), of=("e2e", "ttft_model"), seconds=_decode),
    Rule(metric=_rate("e2e_rate", Unit.TOKEN_PER_SECOND), of=("e2e",), seconds=_end_to_end),
    Rule(metric=_rate("sample_rate", Unit.PER_SECOND), of=("forward",), seconds=_sample),
    Rule(metric=_rate("train.sample_rate", Unit.PER_SECOND), of=("train.step",), seconds=_trained),
    Rule(metric=_rate("image_rate", Unit.PER_SECOND), of=("forward",), seconds=_image),
    Rule(metric=_rate("load.megabyte_rate", Unit.PER_SECOND), of=("load.file_bytes", *_BROUGHT_IN), seconds=_reading(*_BROUGHT_IN)),
    Rule(
        metric=_rate("load.plain_megabyte_rate", Unit.PER_SECOND),
        of=("load.file_bytes", "load.plain_read"),
        seconds=_reading("load.plain_read"),
    ),
    _of_batch("request_rate", Unit.PER_SECOND, "requests.makespan", "requests_served"),
    _of_batch("output_rate", Unit.TOKEN_PER_SECOND, "requests.makespan", "requests_new_tokens"),
    Rule(metric=_time("compile.time"), of=("first_call", "e2e"), seconds=_compiling("e2e")),
    Rule(metric=_time("compile.time"), of=("first_call", "forward"), seconds=_compiling("forward")),
    Rule(
        metric=Metric(name="data.wait_share", unit=Unit.ONE, better=Better.LOWER, definition="data.wait_share.v1"),
        of=("data.wait", "data.step"),
        seconds=_wait_share,
    ),
    Rule(metric=_rate("data.item_rate", Unit.PER_SECOND), of=("data.step",), seconds=_fed("data.step")),
    Rule(metric=_rate("data.item_rate_in_hand", Unit.PER_SECOND), of=("data.in_hand",), seconds=_fed("data.in_hand")),
    _of_batch("pair_rate", Unit.PER_SECOND, "retrieval.matrix", "retrieval_pairs"),
    _of_batch("frame_rate", Unit.PER_SECOND, "forward", "batch_frames"),
    _of_batch("rtfx", Unit.ONE, "forward", "batch_audio_seconds"),
    _of_batch("processor.image_rate", Unit.PER_SECOND, "processor", "batch_images"),
    _of_batch("processor.frame_rate", Unit.PER_SECOND, "processor", "batch_frames"),
    _of_batch("processor.megapixel_rate", Unit.PER_SECOND, "processor", "batch_pixels", _MEGA),
    _of_batch("processor.audio_rate", Unit.ONE, "processor", "batch_audio_seconds"),
    _of_batch("processor.token_rate", Unit.TOKEN_PER_SECOND, "processor", "batch_text_tokens"),
)
