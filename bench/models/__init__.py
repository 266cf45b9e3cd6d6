"""What is known of models without torch: presets, checkpoints in folders and on the Hub, and what does not fit in them."""

from bench.models.facts import find
from bench.models.limits import check_limits
from bench.models.refused import NoFolderError, UnknownTaskError

__all__ = ["NoFolderError", "UnknownTaskError", "check_limits", "find"]
