"""Retrieval as its users do it: N images against M texts, and one of either against stored embeddings of the other.

A dual encoder runs each of its towers once over everything and multiplies: N + M items, N·M products. A cross encoder has no
embedding of either side alone and reads every pair: N·M passes. What goes through the model in one call is `batch_size` items, or
pairs. BridgeTower's contrastive class embeds both sides apart but takes them only together: its forward passes are of pairs, as
many as the longer side has items, and the shorter side is repeated.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bench.domain import lengths
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.material import inputs, media, prompts
from bench.worker.material.making import Maker, whole

DUAL, PAIRED, CROSS = "dual encoder", "dual encoder in pairs", "cross encoder"
_PAIRED_CLASS = re.compile(r"ForContrastiveLearning$")
_MATCH = 1  # of two classes, no match and match: BLIP's and BridgeTower's heads alike
_OF_IMAGES = "pixel"

Tensors = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Retrieval:
    """N images and M texts on the device, and the model that tells how well each belongs to each."""

    loaded: Loaded
    images: Tensors
    texts: Tensors
    batch_size: int
    stored: dict[str, Any] = field(default_factory=dict)

    @property
    def way(self) -> str:
        """How this model does it."""
        model = self.loaded.model
        if hasattr(model, "get_image_features") and hasattr(model, "get_text_features"):
            return DUAL
        return PAIRED if _PAIRED_CLASS.search(type(model).__name__) else CROSS

    def matrix(self) -> Any:
        """Give the N x M scores: of an image and a text higher where they belong together."""
        if self.way == CROSS:
            return self._pairs()
        return self._scores(*self.embed())

    def embed(self) -> tuple[Any, Any]:
        """Embed every image and every text, each once: N x d and M x d, of length 1."""
        if self.way == PAIRED:
            return self._embed_pairs(self.images, self.texts)
        return self._embed_images(self.images), self._embed_texts(self.texts)

    def store(self) -> None:
        """Embed everything once, for queries to be compared with."""
        if not self.stored:
            self.stored["image"], self.stored["text"] = self.embed()

    def stored_bytes(self) -> int:
        """Give the bytes of the stored embeddings of both sides. `store` comes before."""
        return sum(held.numel() * held.element_size() for held in self.stored.values())

    def query_text(self) -> Any:
        """Compare one text with the stored images: a row of N scores. `store` comes before."""
        one = first(self.texts)
        found = self._embed_texts(one) if self.way == DUAL else self._embed_pairs(first(self.images), one)[1]
        return self._scores(self.stored["image"], found)

    def query_image(self) -> Any:
        """Compare one image with the stored texts: a row of M scores. `store` comes before."""
        one = first(self.images)
        found = self._embed_images(one) if self.way == DUAL else self._embed_pairs(one, first(self.texts))[0]
        return self._scores(found, self.stored["text"])

    def _embed_images(self, images: Tensors) -> Any:
        return self._tower(self.loaded.model.get_image_features, images)

    def _embed_texts(self, texts: Tensors) -> Any:
        return self._tower(self.loaded.model.get_text_features, texts)

    def _tower(self, call: Callable[..., Any], tensors: Tensors) -> Any:
        import torch

        with self.loaded.calling():
            found = [call(**some) for some in chunks(tensors, self.batch_size)]
        return _normal(torch.cat([getattr(one, "pooler_output", one) for one in found]))

    def _embed_pairs(self, images: Tensors, texts: Tensors) -> tuple[Any, Any]:
        """Embed both sides by passes of pairs, the shorter side repeated."""
        import torch

        shape = count(images), count(texts)
        rows = torch.arange(max(shape), device=self.loaded.device)
        pairs = {**taken(images, rows % shape[0]), **taken(texts, rows % shape[1])}
        with self.loaded.calling():
            outputs = [self.loaded.model(**some) for some in chunks(pairs, self.batch_size)]
        image = torch.cat([one.image_embeds for one in outputs])[: shape[0]]
        return image, torch.cat([one.text_embeds for one in outputs])[: shape[1]]

    def _pairs(self) -> Any:
        """Run N·M passes, an image's with all texts after each other."""
        import torch

        shape = count(self.images), count(self.texts)
        scores = []
        for rows in torch.arange(shape[0] * shape[1], device=self.loaded.device).split(self.batch_size):
            some = {**taken(self.images, rows // shape[1]), **taken(self.texts, rows % shape[1])}
            with self.loaded.calling():
                outputs = self.loaded.model(**some)
            found = outputs.logits if getattr(outputs, "itm_score", None) is None else outputs.itm_score
            scores.append(found[:, _MATCH])
        return torch.cat(scores).reshape(shape)

    def _scores(self, images: Any, texts: Any) -> Any:
        """Multiply embeddings, and scale the products as the model does: CLIP's logit scale, SigLIP's bias, ALIGN's temperature."""
        model = self.loaded.model
        products = images @ texts.T
        if hasattr(model, "logit_scale"):
            products = products * model.logit_scale.exp()
        elif hasattr(model, "temperature"):
            products = products / model.temperature
        return products + model.logit_bias if hasattr(model, "logit_bias") else products


def prepared(make: Maker, move: Callable[[Any], Tensors]) -> Retrieval | None:
    """Make the N images and M texts that the case asks for, through the model's own Processor, with MOVE to the device.

    None where it asks for none.
    Raises Refused where images and texts share a sequence, so that there is no matrix of them.
    """
    shape = shape_of(make.traits, make.requested)
    if shape is None:
        return None
    if prompts.is_joined(make.loaded, {Trait.IMAGE: 1}):
        msg = f"{type(make.loaded.processor).__name__} puts images into the text: there is no matrix of images and texts"
        raise Refused(msg, ReasonCode.NOT_IN_CLASS)
    images, texts = (replace(make, requested={**make.requested, "batch_size": number}) for number in shape)
    raw = {"images": images.images(), "text": texts.texts()}
    decoded = (media.decoder(raw) or partial(dict, raw))()
    host = inputs.first(inputs.process(make.loaded, decoded, make.requested), make.loaded)
    moved = move(host)
    sides = [{name: one for name, one in moved.items() if name.startswith(_OF_IMAGES) is of_images} for of_images in (True, False)]
    return Retrieval(loaded=make.loaded, images=sides[0], texts=sides[1], batch_size=whole(make.requested["batch_size"]))


def facts(matrix: Retrieval | None) -> dict[str, Json]:
    """Tell N, M and the pairs, counted in the tensors, and how the model compares them. Nothing where there is no MATRIX."""
    if matrix is None:
        return {}
    images, texts = count(matrix.images), count(matrix.texts)
    return {"images": images, "texts": texts, "retrieval_pairs": images * texts, "retrieval_way": matrix.way}


def shape_of(traits: frozenset[Trait], requested: Mapping[str, Json]) -> tuple[int, int] | None:
    """Give N and M of the matrix that is REQUESTED; None where the task compares nothing, or neither number was asked for."""
    images, texts = requested.get("images", "auto"), requested.get("texts", "auto")
    if Trait.MATCHES not in traits or images == texts == "auto":
        return None
    if lengths.is_mixed(images):
        raise Refused("images of a matrix are one number: each is matched with every text", ReasonCode.INPUT_MISMATCH)
    rows = whole(requested["batch_size"]) if images == "auto" else whole(images)
    return rows, rows if texts == "auto" else whole(texts)


def count(tensors: Tensors) -> int:
    """Give the number of items in TENSORS."""
    return int(next(iter(tensors.values())).shape[0])


def first(tensors: Tensors) -> Tensors:
    """Give the first item of TENSORS alone."""
    return {name: tensor[:1] for name, tensor in tensors.items()}


def taken(tensors: Tensors, rows: Any) -> Tensors:
    """Give ROWS of TENSORS."""
    return {name: tensor[rows] for name, tensor in tensors.items()}


def chunks(tensors: Tensors, size: int) -> Iterator[Tensors]:
    """Give TENSORS in pieces of SIZE items, the last with what is left."""
    for start in range(0, count(tensors), size):
        yield {name: tensor[start : start + size] for name, tensor in tensors.items()}


def _normal(embeddings: Any) -> Any:
    return embeddings / embeddings.norm(p=2, dim=-1, keepdim=True)
