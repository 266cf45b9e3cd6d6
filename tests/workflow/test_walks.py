"""`bench bisect` over a real repository, built for real; only the A/B runs are a function of the test."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import workflow
from bench.analysis.pinpoint import Effect
from bench.cli.bisect import answer
from bench.domain.comparison import Comparison, Contrast, Verdict
from bench.execution.commits import NotBuiltError
from bench.workflow.walks import Against
from tests.support.builders import a_case, a_metric

BUILD = "test ! -e broken && chmod +x took && echo took"
"""The stand-in for a commit's Python is a file that holds how long its step takes."""
TOOK = ("1.0", "1.0", "1.0", "1.4", "1.4", "1.4")


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=someone", "-c", "user.email=someone@example.org")
    return subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True).stdout.strip()


def a_repo(folder: Path, took: Sequence[str] = TOOK, broken: Sequence[int] = ()) -> Path:
    git(folder, "init", "-q", "-b", "main")
    for number, value in enumerate(took):
        (folder / "took").write_text(f"{value}\n", encoding="utf-8")
        (folder / "number").write_text(str(number), encoding="utf-8")
        (folder / "broken").unlink(missing_ok=True)
        if number in broken:
            (folder / "broken").touch()
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"change {number}")
    return folder


def of_good(good: str) -> Against:
    """Measure exactly, to ±5 %."""
    base = float(Path(good).read_text(encoding="utf-8"))

    def against(python: str, effect: Effect | None) -> Comparison:
        head = float(Path(python).read_text(encoding="utf-8"))
        ratio = head / base
        verdict = Verdict.SLOWER if ratio > 1.1 else Verdict.INCONCLUSIVE
        row = Contrast(
            case=a_case() if effect is None else effect.row.case,
            metric=a_metric(), base=base, head=head, ratio=ratio, low=ratio * 0.95, high=ratio * 1.05, verdict=verdict,
        )  # fmt: skip
        return Comparison(base=("a",), head=("b",), rows=(row,))

    return against


def walked(repo: Path, metrics: Sequence[str] = (), build: str = BUILD) -> tuple[workflow.Walked, list[str]]:
    heard: list[str] = []
    over = workflow.Range(repo=repo, good=git(repo, "rev-list", "--max-parents=0", "HEAD"), bad="main", build=build)
    return workflow.walk(over, metrics, of_good, heard.append), heard


def as_read(found: workflow.Walked) -> Any:
    return json.loads(json.dumps(answer(found), allow_nan=False))


def test_the_commit_that_made_it_slower_is_found_and_every_answer_is_told(tmp_path: Path) -> None:
    found, texts = walked(a_repo(tmp_path))
    assert found.found is not None
    assert found.found.line.endswith("someone: change 3")
    assert found.found.id == git(tmp_path, "rev-parse", "main~2")
    assert "looking for: forward of tiny-gpt2, slower, ratio 1.4" in texts
    assert {text.split()[0] for text in texts[3:]} == {"bad:", "good:"}


def test_a_commit_that_does_not_build_is_skipped_and_not_guessed(tmp_path: Path) -> None:
    found, texts = walked(a_repo(tmp_path, broken=(2, 3)))
    assert found.found is None
    left = sorted(one.line.split(": ")[1] for one in found.left)
    assert left == ["change 2", "change 3", "change 4"]
    assert any("skip: " in text and "the build ended with exit code 1" in text for text in texts)
    skipped = [one for one in as_read(found)["tried"] if one["answer"] == "skip"]
    assert skipped
    assert all(one["row"] is None and "exit code 1" in one["why"] for one in skipped)


def test_programs_read_what_was_found_and_what_was_said_of_each_commit(tmp_path: Path) -> None:
    found = as_read(walked(a_repo(tmp_path))[0])
    assert found["found"] == {"id": git(tmp_path, "rev-parse", "main~2"), "line": found["found"]["line"]}
    assert (found["good"]["line"][-8:], found["bad"]["line"][-8:], found["left"]) == ("change 0", "change 5", [])
    assert (found["effect"]["metric"], found["effect"]["verdict"]) == ("forward", "slower")
    said = {one["commit"]["line"][-8:]: (one["answer"], one["row"]["ratio"], one["why"]) for one in found["tried"]}
    assert said
    for name, told in said.items():
        assert told == (("bad", pytest.approx(1.4), None) if name >= "change 3" else ("good", pytest.approx(1.0), None))


def test_a_change_that_is_not_told_is_skipped(tmp_path: Path) -> None:
    found, texts = walked(a_repo(tmp_path, ("1.0", "1.0", "1.18", "1.4")))
    assert found.found is None
    assert any(text.startswith("skip: ") for text in texts)


@pytest.mark.parametrize("metrics", [(), ("e2e",)])
def test_where_nothing_is_worse_there_is_no_commit_to_find(tmp_path: Path, metrics: tuple[str, ...]) -> None:
    took = TOOK if metrics else ("1.0", "1.01", "1.0")
    found = walked(a_repo(tmp_path, took), metrics)[0]
    assert (found.effect, found.found, found.left, found.tried) == (None, None, (), ())
    assert as_read(found)["effect"] is None


def test_ends_that_do_not_build_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotBuiltError, match="exit code 7"):
        walked(a_repo(tmp_path), build="exit 7")
