"""A processor whose parts were saved apart: an image processor and a tokenizer, with nothing that says what joins them.

ViT-GPT2 is published so. A generator of this kind takes the image alone; the tokenizer reads what it wrote.
"""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.domain.task import Trait


def sees_only(kind: Any) -> bool:
    """Tell whether models of the class KIND take images and have no place for a text beside them."""
    return kind.main_input_name == "pixel_values" and "input_ids" not in inspect.signature(kind.forward).parameters


def joined(found: Any, traits: frozenset[Trait], folder: Path | str, options: Mapping[str, Any]) -> Any:
    """Give FOUND, or where it is a tokenizer alone and a model of TRAITS takes images and no text, both parts of FOLDER as one.

    OPTIONS are those that the library loads a processor with. The class is the one that its documentation joins such parts by.
    """
    sees_only = Trait.IMAGE in traits and Trait.TEXT not in traits
    if not sees_only or not hasattr(found, "convert_tokens_to_ids") or hasattr(found, "image_processor"):
        return found
    import transformers

    return transformers.TrOCRProcessor(transformers.AutoImageProcessor.from_pretrained(folder, **options), found)
