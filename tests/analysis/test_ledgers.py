import pytest

from bench.analysis.ledgers import ledger
from bench.analysis.summarize import summarize
from bench.domain.outcome import Outcome
from tests.support.builders import a_case, a_record, generation, samples
from tests.support.builders import ledger as a_ledger


def test_stages_and_residual_sum_to_the_whole_of_one_pass() -> None:
    found = ledger([a_record(samples=a_ledger())])
    assert found is not None
    assert found.end_to_end_s == pytest.approx(0.024 * 1.1)  # the second of three passes is the median one
    assert found.residual_s == pytest.approx(0.001 * 1.1)
    assert sum(stage.seconds for stage in found.stages) + found.residual_s == pytest.approx(found.end_to_end_s, rel=1e-12)


def test_stages_stand_in_the_order_of_the_data_with_their_parts() -> None:
    found = ledger([a_record(samples=(*a_ledger(), samples("ledger", [0.0] * 3, "probe.ledger", "new.stage")))])
    assert found is not None
    assert [stage.name for stage in found.stages] == ["processor", "prefill.language", "decode", "new.stage"]
    assert found.stages[0].parts == pytest.approx({"tokenizer": 0.00066})
    assert found.stages[1].parts == {}


def test_a_stage_whose_modules_were_not_called_is_not_observed_and_has_no_seconds() -> None:
    seen = {"ledger_not_observed": ["project", "encode.vision", "decode"]}  # `decode` was timed around the generation all the same
    found = ledger([a_record(samples=a_ledger(), observed=seen)])
    assert found is not None
    assert found.not_observed == ("encode.vision", "project")
    assert not {"encode.vision", "project"} & {stage.name for stage in found.stages}


def test_the_ledger_is_that_of_the_median_trial() -> None:
    found = ledger([a_record(trial=number, samples=a_ledger(slower)) for number, slower in enumerate((3.0, 1.0, 2.0, 9.0))])
    assert found is not None
    assert found.end_to_end_s == pytest.approx(2 * 0.024 * 1.1)  # of two in the middle the lower: one that occurred


@pytest.mark.parametrize("some", [(), (samples("ledger", 1.0, "probe.ledger"),)])
def test_without_stages_there_is_no_ledger(some: tuple[object, ...]) -> None:
    assert ledger([a_record(samples=some)]) is None


def test_a_row_has_the_ledger_of_its_finished_trials_and_no_metric_of_that_name() -> None:
    [row] = summarize([generation(a_case(), 0)]).rows
    assert row.ledger is not None
    assert not {"ledger", "ledger.plain"} & row.metrics.keys()
    [failed] = summarize([a_record(outcome=Outcome.KILLED, samples=a_ledger())]).rows
    assert failed.ledger is None
