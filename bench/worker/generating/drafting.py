"""The draft model of an assisted generation: the language model that proposes tokens, loaded beside the one that is measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.models import cache, presets
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded

TASK = "text-generation"


def folder_of(draft: str, seed: int) -> Path:
    """Give the folder of DRAFT: a preset's checkpoint of SEED, or a folder as it is written."""
    return cache.folder_of(presets.find(draft), TASK, seed) if draft in presets.names() else Path(draft)


def load(loaded: Loaded, requested: Mapping[str, Json], seed: int) -> dict[str, Json]:
    """Load the draft that is REQUESTED beside LOADED, in its dtype and on its device; give what it is. Nothing without one.

    Raises Refused where it is not there, or speaks another vocabulary.
    """
    asked = requested.get("draft", "none")
    if asked == "none":
        return {}
    from transformers import AutoModelForCausalLM

    folder = folder_of(str(asked), seed)
    if not folder.is_dir():
        raise Refused(f"draft {asked}: {folder} is no folder of a checkpoint", ReasonCode.MODEL_NOT_FOUND)
    model = loaded.model
    draft = AutoModelForCausalLM.from_pretrained(folder, dtype=model.dtype, local_files_only=True, use_safetensors=True)
    draft = draft.to(loaded.device).eval()  # type: ignore[arg-type]  # transformers wraps `to` such that types lose its self
    sizes = [_vocabulary(one) for one in (model, draft)]
    if sizes[0] != sizes[1]:
        msg = f"draft {asked} has {sizes[1]} tokens and the model {sizes[0]}: they have no vocabulary in common"
        raise Refused(msg, ReasonCode.INPUT_MISMATCH)
    loaded.draft = draft
    return {"draft_class": type(draft).__name__, "draft_parameters": sum(one.numel() for one in draft.parameters())}


def _vocabulary(model: Any) -> int:
    return int(model.config.get_text_config(decoder=True).vocab_size)
