"""Tokenizers and image processors, complete and without a network."""

import json
from collections.abc import Mapping
from pathlib import Path

from bench.domain.values import Json
from bench.models.preset import Preset, TokenizerRecipe, Vocabulary
from bench.worker.building import vocabularies


def write(preset: Preset, folder: Path) -> None:
    """Write PRESET's tokenizer and image processor, as far as it has them, into FOLDER."""
    if preset.tokenizer is not None:
        _write_tokenizer(preset.tokenizer, folder)
    if preset.image_processor is not None:
        _write_image_processor(preset, folder)


def _write_tokenizer(recipe: TokenizerRecipe, folder: Path) -> None:
    import transformers

    tokenizer_class = getattr(transformers, recipe.tokenizer_class)
    options = {**recipe.roles, "model_max_length": recipe.model_max_length, "padding_side": recipe.padding_side}
    if recipe.kind is Vocabulary.WORDPIECE:
        tokenizer = tokenizer_class(vocab=vocabularies.wordpieces(recipe), **options)
    else:
        build = vocabularies.byte_pairs if recipe.kind is Vocabulary.BYTE_BPE else vocabularies.clip_pairs
        vocabulary, merges = build(recipe)
        tokenizer = tokenizer_class(vocab=vocabulary, merges=merges, **options)
    tokenizer.save_pretrained(folder)


def _write_image_processor(preset: Preset, folder: Path) -> None:
    """Write the file itself: the class that would write it depends on whether torchvision is here, and the bytes must not."""
    recipe = preset.image_processor
    if recipe is None:
        return
    body: dict[str, Json] = {**recipe.settings, "image_processor_type": recipe.processor_class}
    if preset.processor_class is not None:
        body["processor_class"] = preset.processor_class
    _dump(body, folder / "preprocessor_config.json")


def _dump(body: Mapping[str, Json], path: Path) -> None:
    path.write_text(json.dumps(body, indent=2, sort_keys=True) + "\n", encoding="utf-8")
