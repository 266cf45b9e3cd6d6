"""Builders of checkpoints' folders: small, with files that a test overrides where it means something."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.domain.model import Kind, ModelFacts, ModelRef
from bench.models import find
from bench.models.digests import Digests
from bench.models.hub import Hub
from bench.worker import tasks

BERT: Mapping[str, Any] = {
    "architectures": ["BertForMaskedLM"],
    "model_type": "bert",
    "vocab_size": 10,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
    "pad_token_id": 0,
}
GPT2: Mapping[str, Any] = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "vocab_size": 10,
    "n_embd": 8,
    "n_head": 2,
    "n_positions": 32,
}
VIT: Mapping[str, Any] = {
    "architectures": ["ViTForImageClassification"],
    "model_type": "vit",
    "image_size": 32,
    "patch_size": 8,
    "num_channels": 3,
    "hidden_size": 8,
    "num_attention_heads": 2,
}
CLIP: Mapping[str, Any] = {
    "architectures": ["CLIPModel"],
    "model_type": "clip",
    "text_config": {"model_type": "clip_text_model", "vocab_size": 10, "max_position_embeddings": 7, "pad_token_id": 1},
    "vision_config": {"model_type": "clip_vision_model", "image_size": 32, "patch_size": 8, "num_channels": 3},
}
VIT_IMAGES: Mapping[str, Any] = {
    "image_processor_type": "ViTImageProcessor",
    "size": {"height": 32, "width": 32},
    "image_mean": [0.5, 0.5, 0.5],
}
CLIP_IMAGES: Mapping[str, Any] = {
    "image_processor_type": "CLIPImageProcessor",
    "processor_class": "CLIPProcessor",
    "size": {"shortest_edge": 32},
    "do_center_crop": True,
    "crop_size": {"height": 32, "width": 32},
}


def a_safetensors(tensors: Mapping[str, tuple[str, list[int]]], fill: int = 0) -> bytes:
    """Give a safetensors file with TENSORS, dtype and shape by name, all of whose bytes are FILL."""
    sizes = {"F32": 4, "BF16": 2, "I64": 8, "I32": 4, "U8": 1}
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        count = 1
        for side in shape:
            count *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + count * sizes[dtype]]}
        end += count * sizes[dtype]
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes([fill]) * end


def a_tokenizer(size: int = 10, **added: int) -> Mapping[str, Any]:
    """Give a tokenizer.json of SIZE tokens, and those of ADDED by their names."""
    return {
        "model": {"type": "WordLevel", "vocab": {f"w{number}": number for number in range(size)}},
        "added_tokens": [{"content": name, "id": number} for name, number in added.items()],
    }


def a_checkpoint(folder: Path, config: Any, **files: Any) -> Path:
    """Write a checkpoint with CONFIG and two tensors into FOLDER, and FILES: `tokenizer_json` becomes tokenizer.json.

    A mapping or list is written as JSON, bytes as they are; None removes a file.
    """
    every = {"config_json": config, "model_safetensors": a_safetensors({"a": ("F32", [2, 3]), "ids": ("I64", [4])}), **files}
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in every.items():
        stem, _, suffix = name.rpartition("_")
        if value is not None:
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            (folder / f"{stem}.{suffix}").write_bytes(data)
    return folder


def a_bert(folder: Path, **files: Any) -> Path:
    return a_checkpoint(folder, files.pop("config", BERT), **{"tokenizer_json": a_tokenizer(), **files})


def a_path(folder: Path, **options: Any) -> ModelRef:
    return ModelRef(kind=Kind.PATH, name=folder.name, where=str(folder), **options)


def facts_of(folder: Path, hub: Hub | None = None, **options: Any) -> ModelFacts:
    """Find the facts of FOLDER, with no digest remembered."""
    return find(a_path(folder, **options), tasks.declared(), hub=hub, digests=Digests(folder=folder.parent / "digests"))


def reasons(facts: ModelFacts) -> list[str]:
    return [refusal.reason for refusal in facts.refusals]
