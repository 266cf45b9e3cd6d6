"""The files that a processor is read from: those that its parts' classes name, and those that transformers names for every part."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PARTS = ("tokenizer", "image_processor", "video_processor", "feature_extractor", "audio_processor")
_TEMPLATES = ("chat_template.jinja", "chat_template.json")
_OF_TOKENIZERS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", *_TEMPLATES)
_OF_OTHERS = ("preprocessor_config.json", "processor_config.json", *_TEMPLATES)
_OF_CLIPS = "video_preprocessor_config.json"


def found(processor: Any, folder: Path) -> tuple[Path, ...]:
    """List the files in FOLDER that PROCESSOR, joined or a part alone, is read from."""
    parts = [processor, *(getattr(processor, name) for name in _PARTS if getattr(processor, name, None) is not None)]
    names = {name for part in parts for name in _names(part)}
    return tuple(sorted(folder / name for name in names if (folder / name).is_file()))


def size(processor: Any, folder: Path) -> int:
    """Sum the bytes of these files on disk."""
    return sum(path.stat().st_size for path in found(processor, folder))


def _names(part: Any) -> Iterator[str]:
    vocabularies = getattr(part, "vocab_files_names", None)
    if vocabularies is not None:
        yield from _OF_TOKENIZERS
        yield from vocabularies.values()
        return
    yield from _OF_OTHERS
    if hasattr(part, "do_sample_frames") or hasattr(part, "video_processor"):
        yield _OF_CLIPS
