"""Outputs of a reference case in a file: what it chose, what it gave, and a mark of the inputs that it was given.

A file has at most `MOST` bytes of scores, of each kind of values, and of a generation's steps: of longer ones it keeps rows spread
evenly over all of them, and every case is compared at these.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.worker.likeness.outputs import MASKS, Outputs

MOST = 64 << 20
_VALUES = "values."


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a reference left: its OUTPUTS, of which rows out of how many, which positions are unpadded, and the tokens it chose.

    `rows`, `kept` and `tokens` are None where all rows are there, nothing is padding, and nothing was chosen. `steps` are the
    scores of the steps in which it generates these tokens, None where it gives none. `mark` is that of the inputs; `about` says
    what of the reference sets the tolerance.
    """

    outputs: Outputs
    count: int
    mark: str
    about: Mapping[str, str]
    rows: Any = None
    kept: Any = None
    tokens: Any = None
    steps: Any = None

    def fit(self, outputs: Outputs) -> Outputs:
        """Take of a case's OUTPUTS the rows that are kept here."""
        fitted = replace(outputs, values={name: thinned(one) for name, one in outputs.values.items()})
        if self.rows is None or outputs.scores is None:
            return fitted
        return replace(fitted, scores=outputs.scores[self.rows.to(outputs.scores.device)])

    def beside(self, outputs: Outputs) -> Outputs:
        """Give what OUTPUTS are compared with: means of hidden states where they are that, and the reference's were pooled."""
        means = self.outputs.means
        if means is None or outputs.pooled or outputs.embeddings is None:
            return self.outputs
        return replace(self.outputs, embeddings=means)


def few(scores: Any) -> Any:
    """Give which rows of SCORES are kept: spread evenly over all of them; None where they are few enough."""
    import torch

    count, most = int(scores.shape[0]), max(1, MOST // (4 * int(scores.shape[-1])))
    return torch.linspace(0, count - 1, most).long() if count > most else None


def thinned(scores: Any) -> Any:
    """Give the rows of SCORES that are kept."""
    rows = few(scores)
    return scores if rows is None else scores[rows.to(scores.device)]


def keep(outputs: Outputs, mark: str, about: Mapping[str, str], kept: Any, tokens: Any) -> Kept:
    """Keep OUTPUTS, those of all rows where they are few enough."""
    count = 0 if outputs.scores is None else int(outputs.scores.shape[0])
    rows = None if outputs.scores is None else few(outputs.scores)
    whole = Kept(outputs=outputs, count=count, mark=mark, about=about, rows=rows, kept=kept, tokens=tokens)
    return replace(whole, outputs=whole.fit(outputs))


def mark_of(inputs: Mapping[str, Any]) -> str:
    """Mark INPUTS: equal for equal tokens and shapes, whatever the dtype and the mask's form."""
    hashed = hashlib.sha256()
    for name in sorted(inputs.keys() - set(MASKS)):
        tensor = inputs[name]
        if hasattr(tensor, "shape"):
            hashed.update(f"{name}{tuple(tensor.shape)}".encode())
            if not tensor.is_floating_point():
                hashed.update(tensor.detach().cpu().long().contiguous().numpy().tobytes())
    return hashed.hexdigest()


def write(path: Path, kept: Kept) -> None:
    """Have KEPT at PATH, whole or not at all."""
    from safetensors.torch import save_file

    named = {
        "scores": kept.outputs.scores, "embeddings": kept.outputs.embeddings, "means": kept.outputs.means,
        "rows": kept.rows, "kept": kept.kept, "tokens": kept.tokens, "steps": kept.steps,
        **{f"{_VALUES}{name}": one for name, one in kept.outputs.values.items()},
    }  # fmt: skip
    tensors = {name: _plain(tensor) for name, tensor in named.items() if tensor is not None}
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        save_file(tensors, beside, {"mark": kept.mark, "count": str(kept.count), "about": json.dumps(dict(kept.about))})
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path) -> Kept:
    """Read what is kept at PATH. Raises what safetensors raises where it is no such file."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- it is no mapping
        about = file.metadata()
    values = {name.removeprefix(_VALUES): one for name, one in tensors.items() if name.startswith(_VALUES)}
    return Kept(
        outputs=Outputs(
            scores=tensors.get("scores"), embeddings=tensors.get("embeddings"), means=tensors.get("means"), values=values
        ),
        count=int(about["count"]),
        mark=about["mark"],
        about=json.loads(about["about"]),
        rows=tensors.get("rows"),
        kept=tensors.get("kept"),
        tokens=tensors.get("tokens"),
        steps=tensors.get("steps"),
    )


def _plain(tensor: Any) -> Any:
    """Give TENSOR as it is stored: on the host, and no narrower than float32, which holds it exactly."""
    import torch

    wide = tensor.detach().cpu()
    return (wide.to(torch.promote_types(wide.dtype, torch.float32)) if wide.is_floating_point() else wide).contiguous()
