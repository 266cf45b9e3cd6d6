from dataclasses import replace
from pathlib import Path

import pytest

from bench.domain.comparison import RunNoise, Spread
from bench.domain.errors import RecordsError, UsageError
from bench.domain.record import Paired, Record, Side
from bench.store import baselines, select
from tests.support.builders import ENVIRONMENT, RUN, SUITE, a_case, a_record

NOISE = RunNoise(fingerprint="f00d", runs=("a",), first_at="1", last_at="2", spreads={"forward": Spread(sigma=0.02, degrees=7)})


def test_a_baseline_is_kept_by_machine_and_suite_and_replaced(tmp_path: Path) -> None:
    first, second = (a_record(),), (a_record(run="second"), a_record(trial=1, run="second"))
    path = baselines.keep(tmp_path, first)
    assert path == tmp_path / "f00d" / "two-models"
    assert select.read([path])[0] == first
    assert baselines.keep(tmp_path, second) == path
    assert select.read([path])[0] == second


def test_the_baselines_of_a_machine_are_found_and_listed(tmp_path: Path) -> None:
    records = (a_record(suite=replace(SUITE, name="a/b c")), a_record(a_case(batch_size=2), suite=replace(SUITE, name="!")))
    baselines.keep(tmp_path, records)
    assert baselines.find(tmp_path, records) == (tmp_path / "f00d" / "a-b-c+suite",)
    [one] = baselines.listed(tmp_path)
    assert (one.path.name, one.fingerprint, one.suites, one.run, one.cases) == ("a-b-c+suite", "f00d", ("a/b c", "!"), RUN, 2)


def test_without_a_baseline_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no baseline of this machine\. Name BASE, or keep a run with: bench baseline set RUN"):
        baselines.find(tmp_path / "none", (a_record(),))
    baselines.keep(tmp_path, (a_record(),))
    with pytest.raises(UsageError, match=r"\(there are of: f00d\)"):
        baselines.find(tmp_path, (a_record(environment={"fingerprint": "beef"}),))


def test_a_baseline_is_one_run_of_one_machine(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"or the shards of one, and .* is in .* and other: name one of them"):
        baselines.keep(tmp_path, (a_record(), a_record(run="other")))
    with pytest.raises(UsageError, match=r"are of 2 machines \(f00d, beef\)"):
        baselines.keep(tmp_path, (a_record(), a_record(trial=1, environment={**ENVIRONMENT, "fingerprint": "beef"})))
    with pytest.raises(UsageError, match="name no machine"):
        baselines.keep(tmp_path, (a_record(environment={}),))


def test_shards_of_a_run_are_one_baseline(tmp_path: Path) -> None:
    shards = (a_record(case=a_case(batch_size=2)), a_record(case=a_case(batch_size=4), run="other"))
    path = baselines.keep(tmp_path, shards)
    assert baselines.listed(tmp_path)[0].cases == 2
    assert baselines.find(tmp_path, shards) == (path,)


def test_what_the_disk_refuses_is_told(tmp_path: Path) -> None:
    (tmp_path / "f00d").write_text("in the way")
    with pytest.raises(UsageError, match="cannot be written"):
        baselines.keep(tmp_path, (a_record(),))


def test_a_baseline_without_records_is_told(tmp_path: Path) -> None:
    path = baselines.keep(tmp_path, (a_record(),))
    (path / "records.jsonl").write_text("torn")
    with pytest.raises(RecordsError, match="holds no records"):
        baselines.listed(tmp_path)


def test_the_spread_between_runs_is_kept_by_machine(tmp_path: Path) -> None:
    assert baselines.noise_of(tmp_path, (a_record(),)) is None
    assert baselines.keep_noise(tmp_path, NOISE) == tmp_path / "f00d" / "noise.json"
    assert baselines.noise_of(tmp_path, (a_record(),)) == NOISE
    assert baselines.noise_of(tmp_path, (a_record(), a_record(environment={}))) == NOISE
    assert baselines.noise_of(tmp_path, (a_record(), a_record(environment={"fingerprint": "beef"}))) is None
    assert baselines.noise_of(tmp_path, ()) is None


def test_a_spread_that_cannot_be_understood_is_told(tmp_path: Path) -> None:
    baselines.keep_noise(tmp_path, NOISE).write_text("{}")
    with pytest.raises(RecordsError, match="is no spread between runs"):
        baselines.noise_of(tmp_path, (a_record(),))


def of_suite(name: str) -> tuple[Record, ...]:
    return (a_record(suite=replace(SUITE, name=name)),)


def test_a_machine_with_baselines_of_several_suites_gives_those_of_the_suites_at_hand(tmp_path: Path) -> None:
    for name in ("one", "two"):
        baselines.keep(tmp_path, of_suite(name))
    assert baselines.find(tmp_path, of_suite("two")) == (tmp_path / "f00d" / "two",)
    assert [path.name for path in baselines.find(tmp_path, (*of_suite("one"), *of_suite("two")))] == ["one", "two"]
    with pytest.raises(UsageError, match=r"no baseline of suite three \(there are of: one, two\)"):
        baselines.find(tmp_path, of_suite("three"))


def test_a_side_of_an_ab_run_is_no_baseline(tmp_path: Path) -> None:
    paired = Paired(ab="ab", side=Side.HEAD, number=0, base_case="c")
    with pytest.raises(UsageError, match="is no baseline, since its calls took turns"):
        baselines.keep(tmp_path, (a_record(paired=paired),))
