from pathlib import Path

import pytest

from bench.domain.errors import UsageError
from bench.domain.procedure import StartMethod
from bench.execution import executors
from bench.protocol.messages import Environment, Exited, Finished, Noted, encode
from tests.support.cases import a_request


def canned(folder: Path, *events: Noted | Finished | Exited) -> str:
    path = folder / "events.jsonl"
    path.write_text("".join(encode(event) + "\n\n" for event in events))
    return str(path)


def test_canned_answers_are_given_in_turn_and_then_again(tmp_path: Path) -> None:
    path = canned(tmp_path, Noted(text="one"), Exited(status=0), Noted(text="two"), Exited(status=1))
    executor = executors.find(f"replay:{path}")
    ready = executor.open(3, StartMethod.SPAWN)
    assert [one.start_method for one in ready] == [StartMethod.SPAWN] * 3
    heard = [list(executor.ask(a_request(), 0, None, None)) for _ in range(3)]
    assert heard[0] == [Environment(facts={"replayed": True}), Noted(text="one"), Exited(status=0)]
    assert heard[1][1] == Noted(text="two")
    assert heard[2] == heard[0]
    assert executor.stderr_tail() == ""
    executor.close()


def test_a_replay_without_a_file_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--executor replay:FILE"):
        executors.find("replay")


def test_events_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("{}")
    for name in ("bad", "not-there"):
        with pytest.raises(UsageError, match="events cannot be read"):
            executors.find(f"replay:{tmp_path / name}")


@pytest.mark.parametrize("events", [(), (Exited(status=0), Noted(text="and then"))])
def test_a_file_that_ends_within_an_answer_is_refused(tmp_path: Path, events: tuple[Noted | Exited, ...]) -> None:
    with pytest.raises(UsageError, match="must be `exited`"):
        executors.find(f"replay:{canned(tmp_path, *events)}")


def test_an_unknown_executor_is_refused() -> None:
    with pytest.raises(UsageError, match=r"executor .?slurm.? is not known \(knows: local"):
        executors.find("slurm:here")
