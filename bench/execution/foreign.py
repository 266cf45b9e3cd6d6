"""Another interpreter finds this package: through a folder that holds a link to it and nothing else.

The package's own folder may be a site-packages, whose torch and transformers would then be found first and measured in place of
the other interpreter's. The link shows it the worker alone.
"""

import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

_kept: list[TemporaryDirectory[str]] = []


def search_path(python: str, env: Mapping[str, str]) -> dict[str, str]:
    """Give ENV with the variables that PYTHON needs to find the worker: for the running interpreter none."""
    if python == sys.executable:
        return dict(env)
    before = env.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    return {**env, "PYTHONPATH": os.pathsep.join(part for part in (_shelf(), before) if part)}


@cache
def _shelf() -> str:
    """Make the folder with the link, once a process; it goes when the process ends."""
    folder = TemporaryDirectory(prefix="bench-package-")
    _kept.append(folder)
    Path(folder.name, "bench").symlink_to(Path(__file__).parents[1], target_is_directory=True)
    return folder.name
