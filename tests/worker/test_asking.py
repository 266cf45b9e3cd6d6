"""A model of the Hub out of the cache alone, and with the Hub asked: what was asked for is what happened, or it is refused."""

from typing import Any

import pytest

from bench.worker.failures import Refused
from bench.worker.loads import asking
from tests.support import hub_worker


def test_a_load_that_nobody_answered_is_none_that_was_checked() -> None:
    with pytest.raises(Refused, match="local_files_only false: no answer came from the Hub"):
        asking.refuse_unasked({"local_files_only": False}, {"local_files_only": True, "hub_answers": 0})
    asking.refuse_unasked({"local_files_only": False}, {"local_files_only": False, "hub_answers": 3})
    asking.refuse_unasked({"local_files_only": True}, {"local_files_only": True})
    asking.refuse_unasked({}, {})


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return hub_worker.run(tmp_path_factory.mktemp("hub"))


@pytest.mark.torch
def test_the_cache_alone_asks_nobody(told: dict[str, Any]) -> None:
    observed = told["cache"]["observed"]
    assert (told["cache"]["outcome"], told["cache"]["asked"]) == ("finished", [])
    assert (observed["local_files_only"], observed["hub_answers"]) == (True, 0)


@pytest.mark.torch
def test_a_cache_that_is_checked_asks_in_every_load(told: dict[str, Any]) -> None:
    observed, samples = told["asked"]["observed"], told["asked"]["samples"]
    assert told["asked"]["outcome"] == "finished"
    assert observed["local_files_only"] is False
    assert 0 < observed["hub_answers"] < len(told["asked"]["asked"])
    assert len(samples["load.total"]) > 1


@pytest.mark.torch
def test_less_is_asked_of_a_commit_than_of_a_branch(told: dict[str, Any]) -> None:
    assert told["fixed"]["observed"]["hub_answers"] < told["asked"]["observed"]["hub_answers"]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("case", "said"), [("preset", "tiny-bert is no model of the Hub"), ("format", "was written anew in another format")]
)
def test_what_lies_in_no_cache_of_the_hub_is_not_looked_up_there(told: dict[str, Any], case: str, said: str) -> None:
    assert told[case]["code"] == "input_mismatch"
    assert said in told[case]["reason"]
