"""Holds the scores of matrices against those of the models' own forward, in a process of its own, and prints what differs.

Run as `python -m tests.support.retrieval_worker FOLDER`; the answer is one JSON object, for the tests to judge.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.domain.task import Trait
from bench.domain.values import Json
from bench.models import presets
from bench.worker import retrieval
from bench.worker.loads.loading import Loaded
from bench.worker.material.making import Maker
from bench.worker.retrieval import Retrieval

AXES: Mapping[str, Json] = {"batch_size": 2, "prompt_tokens": 12, "image_size": "64x64", "images": 3, "texts": 5}
MODELS = {
    "tiny-clip": "image-text-retrieval",
    "tiny-blip": "image-text-retrieval",
    "tiny-bridgetower": "feature-extraction",
    "itm": "image-text-retrieval",
}


def main() -> None:
    import torch

    with torch.inference_mode():
        found = {name: compare(matrix_of(name, task, Path(sys.argv[1]))) for name, task in MODELS.items()}
    sys.stdout.write(json.dumps(found) + "\n")


def matrix_of(name: str, task: str, folder: Path) -> Retrieval:
    import transformers

    from bench.worker import building
    from bench.worker.material import inputs

    preset = presets.find("tiny-bridgetower" if name == "itm" else name)
    building.write(preset, task, folder / name)
    model = getattr(transformers, preset.tasks[task].model_class).from_pretrained(folder / name).eval()
    processor = transformers.AutoProcessor.from_pretrained(folder / name)
    loaded = Loaded(model=model, processor=processor, device="cpu", stage_s={}, total_s=0.0)
    make = Maker(loaded=loaded, traits=frozenset({Trait.TEXT, Trait.IMAGE, Trait.MATCHES}), requested=AXES, seed=0)
    found = retrieval.prepared(make, lambda host: inputs.to_device(loaded, host)())
    assert found is not None
    return found


def compare(matrix: Retrieval) -> dict[str, Any]:
    """Tell the shape, the largest difference from scores pair by pair, and those of a query's row from the matrix's."""
    scores = matrix.matrix()
    answer: dict[str, Any] = {"way": matrix.way, "shape": list(scores.shape), "spread": float(scores.std())}
    pairs = [[own(matrix, image, text) for text in range(5)] for image in range(3)]
    answer["from_own"] = max(abs(float(scores[i, j]) - pairs[i][j]) for i in range(3) for j in range(5))
    if matrix.way != retrieval.CROSS:
        matrix.store()
        answer["from_text"] = float((matrix.query_text()[:, 0] - scores[:, 0]).abs().max())
        answer["from_image"] = float((matrix.query_image()[0] - scores[0]).abs().max())
        answer["bytes"] = [matrix.stored_bytes(), 4 * sum(held.shape[1] for held in matrix.stored.values()) // 2]
    return answer


def own(matrix: Retrieval, image: int, text: int) -> float:
    """Give the score of one pair by the model's own forward."""
    sides = ((matrix.images, image), (matrix.texts, text))
    outputs = matrix.loaded.model(**{name: one[row : row + 1] for side, row in sides for name, one in side.items()})
    if getattr(outputs, "logits_per_image", None) is not None:
        return float(outputs.logits_per_image)
    if getattr(outputs, "text_embeds", None) is not None:
        return float((outputs.image_embeds * outputs.text_embeds).sum() * matrix.loaded.model.logit_scale.exp())
    scores = outputs.logits if getattr(outputs, "itm_score", None) is None else outputs.itm_score
    return float(scores[0, 1])


if __name__ == "__main__":
    main()
