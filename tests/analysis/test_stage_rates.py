import pytest

from bench.analysis.ledgers import ledger
from bench.analysis.stage_rates import rates
from bench.domain.metric import Better, Unit
from bench.domain.values import Json
from tests.support.builders import a_record
from tests.support.builders import ledger as a_ledger


def found(amounts: Json, **seconds: float) -> dict[str, tuple[float, Unit]]:
    given = {name.replace("__", "/").replace("_dot_", "."): value for name, value in seconds.items()}
    each = rates({"ledger_amounts": amounts}, given)
    return {rate.metric.name: (rate.value, rate.metric.unit) for some in each.values() for rate in some}


def test_a_rate_is_what_went_through_a_stage_over_its_seconds() -> None:
    assert found({"encode.vision": {"images": 3, "pixels": 6_000_000}}, encode_dot_vision=0.5) == {
        "encode.vision.image_rate": (6.0, Unit.PER_SECOND),
        "encode.vision.megapixel_rate": (12.0, Unit.PER_SECOND),
    }
    assert found({"encode.audio": {"audio_seconds": 7.5}}, encode_dot_audio=0.25) == {"encode.audio.audio_rate": (30.0, Unit.ONE)}
    assert found({"processor/video": {"frames": 8}}, processor=9.0, processor__video=0.5) == {
        "processor.video.frame_rate": (16.0, Unit.PER_SECOND)
    }
    assert found({"processor/tokenizer": {"tokens": 40, "text_bytes": 200}}, processor__tokenizer=0.5) == {
        "processor.tokenizer.token_rate": (80.0, Unit.TOKEN_PER_SECOND),
        "processor.tokenizer.byte_rate": (400.0, Unit.PER_SECOND),
    }


def test_every_rate_says_that_more_is_better_and_what_it_means() -> None:
    (rate,) = rates({"ledger_amounts": {"prefill.language": {"tokens": 10}}}, {"prefill.language": 2.0})["prefill.language"]
    assert (rate.metric.better, rate.metric.definition, rate.value) == (Better.HIGHER, "prefill.language.token_rate.v1", 5.0)


@pytest.mark.parametrize(
    "amounts", [None, [], {"decode": {"tokens": 3}}, {"encode.vision": None}, {"encode.vision": {"images": 0}}]
)
def test_a_stage_whose_amount_is_not_known_has_no_rate(amounts: Json) -> None:
    assert found(amounts, encode_dot_vision=0.5, decode=0.5) == {}


def test_a_stage_that_took_no_time_or_that_is_not_in_the_pass_has_no_rate() -> None:
    assert found({"encode.vision": {"images": 3}, "encode.audio": {"audio_seconds": 1}}, encode_dot_vision=0.0) == {}


def test_rates_are_of_the_pass_that_the_ledger_shows_and_stand_with_the_stage_of_their_part() -> None:
    amounts: Json = {"processor/tokenizer": {"tokens": 66}, "prefill.language": {"tokens": 66}}
    one = ledger([a_record(samples=a_ledger(), observed={"ledger_amounts": amounts, "ledger_items": 2})])
    assert one is not None
    assert one.items == 2
    said = {stage.name: {rate.metric.name: rate.value for rate in stage.rates} for stage in one.stages}
    assert said["processor"] == pytest.approx({"processor.tokenizer.token_rate": 66 / one.stages[0].parts["tokenizer"]})
    assert said["prefill.language"] == pytest.approx({"prefill.language.token_rate": 66 / one.stages[1].seconds})
    assert said["decode"] == {}


def test_records_from_before_amounts_were_counted_have_a_ledger_without_rates() -> None:
    one = ledger([a_record(samples=a_ledger())])
    assert one is not None
    assert one.items is None
    assert not any(stage.rates for stage in one.stages)
