"""Commits of a git repository: each is checked out in a folder of its own, built there, and `git bisect` says which comes next.

The user's own checkout is never touched: the state of the walk belongs to a worktree that goes with it.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.domain.errors import UsageError

_FOUND = re.compile(r"^([0-9a-f]{40,64}) is the first .* commit$", re.MULTILINE)
_ONE = re.compile(r"^([0-9a-f]{40,64})$", re.MULTILINE)
_LAST_LINES = 3


class NotBuiltError(Exception):
    """A commit could not be built; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a walk stands: `next` is the commit to try, `found` the first bad one, `left` are those that cannot be told apart."""

    next: str | None = None
    found: str | None = None
    left: tuple[str, ...] = ()


def commit_of(repo: Path, revision: str) -> str:
    """Give the commit that REVISION names in REPO. Raises UsageError where it names none."""
    done = _git(repo, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", check=False)
    if done.returncode:
        why = done.stderr.strip() or "it names no commit"
        raise UsageError(f"{repo}: revision {revision!r}: {why}")
    return done.stdout.strip()


def subject(repo: Path, commit: str) -> str:
    """Give abbreviated hash, date, author and subject of COMMIT."""
    return _git(repo, "show", "--no-patch", "--format=%h %as %an: %s", commit).stdout.strip()


@contextmanager
def checked_out(repo: Path, commit: str) -> Iterator[Path]:
    """Check COMMIT of REPO out in a folder of its own, which goes when the block ends. Raises UsageError where git refuses."""
    folder = Path(tempfile.mkdtemp(prefix=f"bench-{commit[:10]}-"))
    try:
        _git(repo, "worktree", "add", "--detach", "--force", str(folder), commit)
        yield folder
    finally:
        _git(repo, "worktree", "remove", "--force", str(folder), check=False)
        shutil.rmtree(folder, ignore_errors=True)
        _git(repo, "worktree", "prune", check=False)


def build(folder: Path, command: str, variables: Mapping[str, str]) -> str:
    """Run COMMAND by the shell in FOLDER, with VARIABLES, and give the interpreter that its last line names.

    Raises NotBuiltError where it fails or names no program.
    """
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = " / ".join((done.stderr or done.stdout).strip().splitlines()[-_LAST_LINES:]) or "it said nothing"
        raise NotBuiltError(f"the build ended with exit code {done.returncode}: {said}")
    lines = done.stdout.strip().splitlines()
    python = folder / Path(lines[-1].strip()).expanduser() if lines else folder
    if not (python.is_file() and os.access(python, os.X_OK)):
        last = f"its last line is {lines[-1]!r}" if lines else "it printed nothing"
        raise NotBuiltError(f"the build has to print the path of the commit's Python as its last line, and {last}")
    return str(python)


def start(folder: Path, good: str, bad: str) -> Place:
    """Begin a walk from GOOD to BAD, kept by the worktree at FOLDER. Raises UsageError where there is no way."""
    return _stands(folder, _git(folder, "bisect", "start", "--no-checkout", bad, good, check=False))


def told(folder: Path, answer: str) -> Place:
    """Answer for the commit that the walk of FOLDER stands at: good, bad or skip. Raises UsageError where git cannot go on."""
    return _stands(folder, _git(folder, "bisect", answer, check=False))


def _stands(folder: Path, done: "subprocess.CompletedProcess[str]") -> Place:
    found = _FOUND.search(done.stdout)
    if found is not None:
        return Place(found=found[1])
    if "'skip'ped commits left" in done.stdout + done.stderr:
        return Place(left=tuple(_ONE.findall(done.stdout)))
    if done.returncode:
        raise UsageError(f"git bisect cannot go on: {' '.join((done.stderr or done.stdout).split())}")
    return Place(next=_git(folder, "rev-parse", "BISECT_HEAD").stdout.strip())


def _git(folder: Path, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    """Call git in FOLDER, in English. Raises UsageError where it fails and CHECK is set, or where there is no git."""
    command = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False)
    except OSError as error:
        raise UsageError(f"git cannot be called: {error.strerror}") from error
    if check and done.returncode:
        raise UsageError(f"git {' '.join(words[:2])} in {folder}: {' '.join(done.stderr.split())}")
    return done
