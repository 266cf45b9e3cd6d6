"""The hash that stands for a checkpoint in a case's id: of what would be loaded, and of nothing else.

README, git's own files, times and the path do not matter; config, weights and everything that the tokenizer, the processor and
generation are made from do.
"""

import hashlib
from fnmatch import fnmatchcase

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json, canonical
from bench.models.checkpoint import Checkpoint
from bench.models.digests import Digests
from bench.models.refused import RefusedError

VERSION = 1
"""Raised when the same folder would get another hash."""

READ = (
    "config.json", "generation_config.json", "*processor_config.json", "tokenizer*", "special_tokens_map.json",
    "added_tokens.json", "vocab*", "merges.txt", "*.model", "*.spm", "*.tiktoken", "tekken.json", "bpe.codes", "normalizer.json",
    "chat_template.*",
)  # fmt: skip
"""Names of what is read beside weights."""


def content(checkpoint: Checkpoint, weights: tuple[str, ...], digests: Digests, *, with_code: bool) -> str:
    """Hash the files of CHECKPOINT that loading it reads: WEIGHTS among them, and its own code where that is run, WITH_CODE.

    Raises RefusedError where one cannot be read, a broken link among them.
    """
    patterns = (*READ, "*.py") if with_code else READ
    names = {name for name in checkpoint.files if any(fnmatchcase(name, pattern) for pattern in patterns)}
    files: dict[str, Json] = {}
    for name in sorted(names | set(weights)):
        try:
            files[name] = digests.of(checkpoint.folder / name)
        except OSError as error:
            broken = (checkpoint.folder / name).is_symlink() and not (checkpoint.folder / name).exists()
            why = "it is a link to what does not exist" if broken else error.strerror or type(error).__name__
            raise RefusedError(f"{name} of the checkpoint cannot be read: {why}", ReasonCode.MODEL_NOT_FOUND) from error
    return named({"files": files})


def named(what: dict[str, Json]) -> str:
    """Hash a description of WHAT there is."""
    return hashlib.sha256(canonical({"version": VERSION, **what}).encode()).hexdigest()
