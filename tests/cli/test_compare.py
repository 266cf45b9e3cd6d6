"""`bench compare`, `baseline`, `history` and `import` on records that no clock made."""

import datetime as dt
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.domain.gating import Gating, Tolerance
from bench.domain.record import Record, SuiteOrigin
from bench.report.formats import pytest_benchmark
from bench.store import jsonl
from tests.support.builders import ENVIRONMENT, SLOWER, a_case, generation
from tests.support.commands import Answer, Bench

START = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


def records(slower: float = 1.0, name: str = "base", **changes: Any) -> list[Record]:
    return [generation(a_case(batch_size=2), trial, slower * each, run=name, **changes) for trial, each in enumerate(SLOWER)]


def a_run(folder: Path, slower: float = 1.0, name: str = "base", **changes: Any) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    with jsonl.Journal(path) as journal:
        for record in records(slower, name, **changes):
            journal.append(record)
    return path


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return a_run(tmp_path / "runs"), a_run(tmp_path / "runs", 3.0, "head")


def test_a_regression_fails_the_gate_and_says_what(two: tuple[Path, Path], bench: Bench) -> None:
    answer = bench("compare", *two, "--gate", "--json")
    body = json.loads(answer.out)
    assert answer.code == 1
    assert {row["metric"]: row["verdict"] for row in body["rows"]}["forward"] == "slower"
    assert body["gate"]["failures"]
    assert answer.err.startswith("gate failed: 5 objections\n  tiny-gpt2 batch_size=2, load.total") is False
    assert "tiny-gpt2 batch_size=2, forward: slower, ratio 3" in answer.err


def test_the_other_way_round_and_without_the_gate_it_passes(two: tuple[Path, Path], bench: Bench) -> None:
    base, head = two
    assert bench("compare", head, base, "--gate").code == 0
    assert bench("compare", base, head).code == 0
    assert bench("compare", base, base, "--gate").code == 0


def test_one_objection_is_one(two: tuple[Path, Path], bench: Bench, tmp_path: Path) -> None:
    base, _ = two
    path = a_run(tmp_path / "other", name="alone")
    (path / jsonl.FILE).write_text("".join(f"{line}\n" for line in _renamed(path)))
    answer = bench("compare", base, path, "--gate")
    assert answer.code == 1
    assert answer.err == "gate failed: 1 objection\n  tiny-gpt2 batch_size=2: finished in base, is not in head\n"


def _renamed(path: Path) -> list[str]:
    return (path / jsonl.FILE).read_text().replace(a_case(batch_size=2).id, "0" * 12).splitlines()


def test_a_margin_beyond_the_change_lets_it_pass(two: tuple[Path, Path], bench: Bench) -> None:
    assert bench("compare", *two, "--gate", "--margin", "0.9").code == 1
    base, head = two
    assert bench("compare", base, head, "--gate", "--strict", "--margin", "0.9").code == 1


def test_a_strict_gate_fails_on_what_it_cannot_tell(two: tuple[Path, Path], bench: Bench) -> None:
    base, _ = two
    assert bench("compare", base, base, "--gate", "--strict").code == 1


def test_an_accepted_change_passes_with_a_note(two: tuple[Path, Path], bench: Bench, tmp_path: Path, monkeypatch: Any) -> None:
    entries = [
        f"- {{case: tiny-gpt2 batch_size=2, metric: {metric}, up_to: 3.5, reason: known, date: 2026-11-25}}\n"
        for metric in ("forward", "e2e", "ttft_model", "tpot")
    ]
    file = tmp_path / "known.yaml"
    file.write_text("".join(entries))
    answer = bench("compare", *two, "--gate", "--accepted", file)
    assert answer.code == 0
    assert "accepted on 2026-11-25 up to 3.5: known" in " ".join(answer.out.split())
    file.write_text("- nothing\n")
    assert bench("compare", *two, "--gate", "--accepted", file).code == 2
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "accepted.yaml").write_text("".join(entries))
    assert bench("compare", *two, "--gate").code == 0


def test_every_form_goes_to_a_file_or_the_screen(two: tuple[Path, Path], bench: Bench, tmp_path: Path) -> None:
    for form, begins in (
        ("terminal", "Comparison of"),
        ("markdown", "# Comparison of"),
        ("csv", "case,label,metric"),
        ("json", "{"),
    ):
        out = tmp_path / form
        assert bench("compare", *two, "--format", form, "--out", out).out == ""
        assert out.read_text().startswith(begins)
        assert bench("compare", *two, "--format", form).out == out.read_text()
    assert bench("compare", *two, "--format", "html").code == 2


def test_without_base_the_baseline_of_the_machine_is_taken(two: tuple[Path, Path], bench: Bench, tmp_path: Path) -> None:
    base, head = two
    kept = ("--baselines", tmp_path / "baselines")
    missing = bench("compare", head, *kept)
    assert missing.code == 2
    assert "there is no baseline of this machine" in missing.err
    assert bench("baseline", "set", base, *kept).out == f"{tmp_path / 'baselines' / 'f00d' / 'two-models'}\n"
    answer = json.loads(bench("compare", head, "--json", *kept).out)
    assert answer["base"] == ["base"]


def test_more_than_two_paths_are_one_glob_too_many(two: tuple[Path, Path], bench: Bench) -> None:
    answer = bench("compare", *two, two[0])
    assert answer.code == 2
    assert "these are 3 paths" in answer.err


def test_baselines_are_listed_and_shown(two: tuple[Path, Path], bench: Bench, tmp_path: Path) -> None:
    kept = ("--baselines", tmp_path / "baselines")
    assert "holds no baseline" in bench("baseline", "list", *kept).out
    bench("baseline", "set", two[0], *kept)
    assert "f00d  two-models  1 cases" in bench("baseline", "list", *kept).out
    [one] = json.loads(bench("baseline", "list", "--json", *kept).out)
    assert (one["fingerprint"], one["suites"], one["run"]) == ("f00d", ["two-models"], "base")
    assert "Benchmark of two-models" in bench("baseline", "show", *kept).out
    assert "# Benchmark of two-models" in bench("baseline", "show", "f00d", "--format", "markdown", *kept).out
    none = bench("baseline", "show", "beef", *kept)
    assert none.code == 2
    assert "holds no baseline of a machine beef (there are of: f00d)" in none.err


def many(folder: Path, count: int = 9, minutes: int = 15) -> Path:
    chance = random.Random(1)  # noqa: S311 -- seeded, so that a test is the same every time
    for number in range(count):
        began = (START + dt.timedelta(minutes=minutes * number)).isoformat()
        a_run(folder, chance.lognormvariate(0, 0.002), f"run-{number}", started_at=began)
    return folder


def test_the_spread_between_runs_is_kept_and_used(two: tuple[Path, Path], bench: Bench, tmp_path: Path) -> None:
    kept = ("--baselines", tmp_path / "baselines")
    answer = bench("baseline", "noise", many(tmp_path / "many"), *kept)
    assert answer.code == 0
    assert "9 runs between 2026-11-25T12:00:00+00:00" in answer.out
    assert "forward" in answer.out
    assert json.loads(bench("baseline", "noise", tmp_path / "many", "--json", *kept).out)["fingerprint"] == "f00d"
    text = bench("compare", *two, *kept).out
    assert "spread between runs of unchanged code: from 9 runs on this machine" in text


def test_runs_too_close_or_too_few_give_no_spread(bench: Bench, tmp_path: Path) -> None:
    kept = ("--baselines", tmp_path / "baselines")
    answer = bench("baseline", "noise", many(tmp_path / "few", count=3), *kept)
    assert answer.code == 2
    assert "3 runs at least 10 minutes apart: the spread between runs needs 8" in answer.err
    crowded = many(tmp_path / "crowd")
    a_run(crowded, name="close", started_at=(START + dt.timedelta(minutes=1)).isoformat())
    assert "close is left out: it began 60 s after run-0." in bench("baseline", "noise", crowded, *kept).err


def test_a_history_shows_courses_and_changes(bench: Bench, tmp_path: Path) -> None:
    folder = many(tmp_path / "many")
    newer = {**ENVIRONMENT, "libraries": {"torch": "2.14.0"}}
    for number in range(4):
        a_run(folder, 1.3 + number / 1e4, f"slow-{number}", started_at=f"2026-11-26T0{number}:00:00+00:00", environment=newer)
    text = " ".join(bench("history", folder, "--metric", "forward").out.split())
    assert "13 runs, 1 cases, 1 machines, 1 series" in text
    assert "from run slow-0 on; not alike there: libraries.torch 2.13.0 → 2.14.0" in text
    answer = json.loads(bench("history", folder, "--json").out)
    assert [one["metric"] for one in answer["series"]] == ["forward", "e2e", "ttft_model", "tpot", "load.total", "params.bytes"]
    assert answer["series"][0]["changes"][0]["at"] == 9
    assert bench("history", folder, "--format", "markdown").out.startswith("# History")
    unknown = bench("history", folder, "--metric", "forwards")
    assert (unknown.code, "no run has a metric called forwards" in unknown.err) == (2, True)


def test_another_tool_s_results_become_a_run(bench: Bench, tmp_path: Path) -> None:
    from bench.analysis.summarize import summarize
    from bench.report.formats import Material

    found = records()
    file = tmp_path / "results.json"
    file.write_text(pytest_benchmark.render(Material(summary=summarize(found), records=found)))
    answer = bench("import", "pytest-benchmark", file, "--out", tmp_path / "imported")
    assert answer.code == 0
    assert answer.run.parent == tmp_path / "imported"
    assert len(answer.records) == 5
    assert "tiny-gpt2" in bench("report", answer.run).out
    assert json.loads(bench("compare", answer.run, answer.run, "--json").out)["rows"]


def test_what_cannot_be_imported_leaves_no_directory(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("{}")
    assert bench("import", "pytest-benchmark", file, "--out", tmp_path / "imported").code == 2
    assert bench("import", "asv", file, "--out", tmp_path / "imported").code == 2
    assert not (tmp_path / "imported").exists()


def test_a_run_that_was_replaced_by_resuming_counts_its_newest_records(bench: Bench, tmp_path: Path) -> None:
    path = a_run(tmp_path / "runs")
    with jsonl.Journal(path) as journal:
        for record in records(9.0):
            journal.append(replace(record, attempt=2))
    answer = json.loads(bench("compare", a_run(tmp_path / "more", name="once"), path, "--json").out)
    assert {row["metric"]: row["ratio"] for row in answer["rows"]}["forward"] == pytest.approx(9)


# ── the gate of a suite ──────────────────────────────────────────────────────────────────────────────────────────────────────────


GATED = SuiteOrigin(
    name="gated", file="gated.yaml", digest="d2", gate=Gating(metrics={name: Tolerance(gated=False) for name in ("forward", "e2e")})
)


def objected(answer: Answer) -> set[str]:
    return {one["metric"] for one in json.loads(answer.out)["gate"]["failures"]}


def test_saved_runs_are_judged_by_the_gate_of_heads_suite(two: tuple[Path, Path], bench: Bench, tmp_path: Path) -> None:
    base, head = two
    said = a_run(tmp_path / "said", 3.0, "head", suite=GATED)
    everywhere = objected(bench("compare", base, head, "--gate", "--json"))
    assert {"forward", "e2e", "ttft_model"} <= everywhere
    assert objected(bench("compare", base, said, "--gate", "--json")) == everywhere - {"forward", "e2e"}
    assert "By the suite's gate: forward not gated; e2e not gated" in bench("compare", base, said).out


def test_another_suite_may_say_what_is_gated(two: tuple[Path, Path], bench: Bench, tmp_path: Path) -> None:
    suite = tmp_path / "other.yaml"
    text = "version: 1\nname: other\nmodels: [tiny-gpt2]\ngate: {margin: 0.9, metrics: {ttft_model: {margin: 0.01}}}\n"
    suite.write_text(text, encoding="utf-8")
    found = objected(bench("compare", *two, "--suite", suite, "--gate", "--json"))
    assert "ttft_model" in found
    suite.write_text(text.replace("ttft_model", "ttft"), encoding="utf-8")
    answer = bench("compare", *two, "--suite", suite, "--gate")
    assert (answer.code, answer.err.startswith(f'{suite}:4: gate: metric "ttft" is not known')) == (2, True)
