"""Tokenizers, media processors and what joins them, complete and without a network.

Files of media processors are written as they are and not by their classes: which class would write one depends on whether
torchvision is here, and the bytes must not.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.domain.values import Json
from bench.models.preset import MediaRecipe, Preset, TokenizerRecipe
from bench.worker.building import vocabularies


def write(preset: Preset, folder: Path) -> None:
    """Write PRESET's tokenizer, media processors and processor, as far as it has them, into FOLDER."""
    if preset.tokenizer is not None:
        _tokenizer(preset.tokenizer, preset.processor_class).save_pretrained(folder)
    _write_parts(preset, folder)
    if preset.chat_template is not None:
        (folder / "chat_template.jinja").write_text(preset.chat_template, encoding="utf-8")


def _write_parts(preset: Preset, folder: Path) -> None:
    """Write the media parts: inside the processor's own file where there is one, else as the one file of the one part."""
    parts: dict[str, Json] = {
        kind: {**recipe.settings, f"{kind}_type": recipe.processor_class}
        for kind, recipe in _media(preset).items()
        if recipe is not None
    }
    if preset.processor_class is not None:
        joined = {**preset.processor_options, **parts, "processor_class": preset.processor_class}
        _dump(joined, folder / "processor_config.json")
    else:
        for part in parts.values():
            _dump(part, folder / "preprocessor_config.json")


def _media(preset: Preset) -> Mapping[str, MediaRecipe | None]:
    return {
        "image_processor": preset.image_processor,
        "video_processor": preset.video_processor,
        "feature_extractor": preset.feature_extractor,
    }


def _tokenizer(recipe: TokenizerRecipe, processor_class: str | None) -> Any:
    """Make the tokenizer: its class with a vocabulary, roles and options; then the numbered tokens that it must not split."""
    import transformers
    from tokenizers import AddedToken

    extra = [token for token in recipe.special if token not in set(recipe.roles.values())]
    options: dict[str, Any] = {
        **recipe.roles,
        "model_max_length": recipe.model_max_length,
        "padding_side": recipe.padding_side,
        **({"extra_special_tokens": extra} if extra else {}),
        **({} if processor_class is None else {"processor_class": processor_class}),
        **recipe.options,
    }
    tokenizer = getattr(transformers, recipe.tokenizer_class)(**vocabularies.arguments(recipe), **options)
    for series in recipe.series:
        tokenizer.add_tokens([AddedToken(token, normalized=False, special=series.special) for token in series.tokens()])
    return tokenizer


def _dump(body: Json, path: Path) -> None:
    path.write_text(json.dumps(body, indent=2, sort_keys=True) + "\n", encoding="utf-8")
