"""Walks over a real, small git repository; what measures the commits is a function of the test."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.domain.errors import UsageError
from bench.execution import commits


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=someone", "-c", "user.email=someone@example.org")
    return subprocess.run(["git", "-C", str(folder), *who, *words], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven commits, tagged c0 to c6; `value` holds the number, and a program that is their Python."""
    folder = tmp_path_factory.mktemp("repo")
    git(folder, "init", "-q", "-b", "main")
    (folder / "python").write_text("#!/bin/sh\n", encoding="utf-8")
    (folder / "python").chmod(0o755)
    for number in range(7):
        (folder / "value").write_text(str(number), encoding="utf-8")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", f"change {number}")
        git(folder, "tag", f"c{number}")
    return folder


@dataclass
class Walk:
    """Walks with the answers of `judge`, and notes which commits were asked for."""

    repo: Path
    judge: Callable[[int], str]
    asked: list[int] = field(default_factory=list)

    def __call__(self, good: str = "c0", bad: str = "c6") -> commits.Place:
        with commits.checked_out(self.repo, commits.commit_of(self.repo, good)) as first:
            place = commits.start(first, commits.commit_of(self.repo, good), commits.commit_of(self.repo, bad))
            while place.next is not None:
                with commits.checked_out(self.repo, place.next) as folder:
                    self.asked.append(int((folder / "value").read_text(encoding="utf-8")))
                place = commits.told(first, self.judge(self.asked[-1]))
        return place


@pytest.fixture(autouse=True)
def _nothing_is_left(repo: Path) -> Iterator[None]:
    yield
    assert git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1
    assert git(repo, "for-each-ref", "refs/bisect") == ""
    assert (git(repo, "branch", "--show-current"), git(repo, "status", "--porcelain")) == ("main", "")


@pytest.mark.parametrize("first", range(1, 7))
def test_the_first_bad_commit_is_found_wherever_it_is(repo: Path, first: int) -> None:
    walk = Walk(repo, lambda number: "bad" if number >= first else "good")
    place = walk()
    assert place.found == commits.commit_of(repo, f"c{first}")
    assert len(walk.asked) <= 3


def test_a_commit_that_is_skipped_is_stepped_around(repo: Path) -> None:
    walk = Walk(repo, lambda number: "skip" if number == 3 else "bad" if number >= 5 else "good")
    assert walk().found == commits.commit_of(repo, "c5")


def test_where_only_skipped_ones_are_left_all_that_it_may_be_are_named(repo: Path) -> None:
    place = Walk(repo, lambda number: "skip" if number in {3, 4} else "bad" if number >= 4 else "good")()
    assert place.found is None
    assert set(place.left) == {commits.commit_of(repo, f"c{number}") for number in (3, 4, 5)}


def test_ends_the_wrong_way_round_are_said_to_be(repo: Path) -> None:
    with pytest.raises(UsageError, match="git bisect cannot go on"):
        Walk(repo, lambda _: "bad")("c6", "c0")


@pytest.mark.parametrize("revision", ["nonsense", "", "--help"])
def test_a_revision_that_there_is_not_is_told(repo: Path, revision: str) -> None:
    with pytest.raises(UsageError, match="revision"):
        commits.commit_of(repo, revision)


def test_a_folder_without_a_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"not a git repository|names no commit"):
        commits.commit_of(tmp_path, "HEAD")


def test_a_build_names_the_commits_python_on_its_last_line(repo: Path) -> None:
    found = commits.build(repo, 'echo building "$BENCH_COMMIT"; echo python', {"BENCH_COMMIT": "abc"})
    assert found == str(repo / "python")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo it broke >&2; exit 3", "exit code 3: it broke"),
        ("true", "it printed nothing"),
        ("echo value", "its last line is 'value'"),
        ("echo nowhere", "its last line is 'nowhere'"),
    ],
)
def test_a_build_that_fails_or_names_no_program_is_told(repo: Path, command: str, said: str) -> None:
    with pytest.raises(commits.NotBuiltError, match=said):
        commits.build(repo, command, {})
