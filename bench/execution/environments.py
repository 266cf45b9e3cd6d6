"""Python environments as an axis: the interpreter that a case's worker runs in, found by its path or built from requirements.

A list of requirements is built once, by venv and pip, into the user's cache, under a hash of the list and of the running Python's
version; a mark is written last, so that a build that was cut off is begun anew. Only the worker runs there: it needs torch,
transformers and the standard library.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.plan import PlannedCase
from bench.models.digests import cache_folder

THIS = "this"
_NEEDED = ("torch", "transformers")
_FOLDED = 16
_LONGEST = 400

Tell = Callable[[str], None]


def interpreter_of(planned: PlannedCase, tell: Tell) -> str | Refusal:
    """Give the interpreter that PLANNED asks for, built where it is a list; or say why there is none. Links are not resolved."""
    name = str(planned.case.requested.get("environment", THIS))
    if name == THIS:
        return sys.executable
    folder = Path(planned.suite.file).absolute().parent
    if name in planned.suite.environments:
        return build(name, planned.suite.environments[name], folder, tell)
    path = folder / Path(name).expanduser()
    if path.is_dir():
        return _refusal(name, f"{path} is a folder: name the interpreter in it, such as {Path(name) / 'bin' / 'python'}")
    if not (path.is_file() and os.access(path, os.X_OK)):
        return _refusal(name, f"there is no interpreter at {path}")
    return str(path)


def lacking(name: str, libraries: Sequence[str]) -> Refusal | None:
    """Say which library that a worker needs is not among LIBRARIES, those installed in environment NAME."""
    missing = [library for library in _NEEDED if library not in libraries]
    if not missing:
        return None
    return _refusal(name, f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed there")


def build(name: str, requirements: Sequence[str], folder: Path, tell: Tell) -> str | Refusal:
    """Give the interpreter of an environment that holds REQUIREMENTS, building it where it is not there yet.

    Paths among them are relative to FOLDER, the suite's. Says why where venv or pip cannot build it.
    """
    spelled = "\n".join((sys.version, *requirements))
    home = cache_folder().expanduser() / "environments" / hashlib.sha256(spelled.encode()).hexdigest()[:_FOLDED]
    python, mark = home / "bin" / "python", home / "complete"
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with home.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of two runs at once one builds, the other waits
            if not mark.exists():
                tell(f"building environment {name} (once, into {home}): {', '.join(requirements)}")
                shutil.rmtree(home, ignore_errors=True)
                _run([sys.executable, "-m", "venv", str(home)], folder)
                (home / "requirements.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
                _run([str(python), "-m", "pip", "install", "--no-input", "-r", str(home / "requirements.txt")], folder)
                mark.touch()
    except subprocess.CalledProcessError as error:
        return _refusal(name, f"it could not be built: {_last_words(error)}")
    except OSError as error:
        return _refusal(name, f"it could not be built: {error}")
    return str(python)


def _run(command: Sequence[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)


def _last_words(error: subprocess.CalledProcessError) -> str:
    """Give the line in which a failed command says why: pip's last one that begins with ERROR, else the last."""
    lines = [line.strip() for line in f"{error.stdout}\n{error.stderr}".splitlines() if line.strip()]
    said = [line for line in lines if line.startswith("ERROR")]
    return (said or lines or [f"exit code {error.returncode}"])[-1][:_LONGEST]


def _refusal(name: str, why: str) -> Refusal:
    return Refusal(reason=f"environment {name}: {why}", reason_code=ReasonCode.NO_ENVIRONMENT)
