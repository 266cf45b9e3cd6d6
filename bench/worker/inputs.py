"""A case's inputs: raw text and images in hand, and the way through the model's own Processor to tensors on the device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker import images, text
from bench.worker.failures import Refused
from bench.worker.loading import Loaded

Raw = Mapping[str, Any]
"""What the processor is called with, beside the options that are the same for every task."""


@dataclass(slots=True, kw_only=True)
class Maker:
    """Makes raw inputs as a case asks for them. Equal seeds give equal inputs."""

    loaded: Loaded
    traits: frozenset[Trait]
    requested: Mapping[str, Json]
    seed: int

    @property
    def batch_size(self) -> int:
        """Items in the batch."""
        return _integer(self.requested["batch_size"])

    def texts(self, *, tokens: int | None = None, salt: int = 0) -> list[str]:
        """Write one text an item, of TOKENS tokens or the case's own number."""
        length = _integer(self.requested["prompt_tokens"]) if tokens is None else tokens
        return [text.write(tokenizer(self.loaded), length, self._seed(item, salt)) for item in range(self.batch_size)]

    def images(self) -> list[Any]:
        """Draw the images of every item: one PIL image an item, or a list of several."""
        count = self.requested["images"]
        if count not in {"auto", 1}:
            msg = f"images {count}: this model takes one image an item"
            raise Refused(msg, ReasonCode.INPUT_MISMATCH)
        width, height = self._image_size()
        return [images.draw(width, height, self._seed(item, 1)) for item in range(self.batch_size)]

    def everything(self) -> Raw:
        """Make what the model takes, whatever that is."""
        raw: dict[str, Any] = {}
        if Trait.IMAGE in self.traits:
            raw["images"] = self.images()
        if Trait.TEXT in self.traits:
            raw["text"] = self.texts()
        return raw

    def _image_size(self) -> tuple[int, int]:
        asked = self.requested["image_size"]
        if asked == "auto":
            return images.own_size(image_processor(self.loaded))
        width, _, height = str(asked).partition("x")
        return int(width), int(height)

    def _seed(self, item: int, salt: int) -> int:
        return (self.seed * 1_000_003 + salt) * 1_000_003 + item


def _integer(value: Json) -> int:
    if not isinstance(value, int):
        msg = f"{value!r} is not a number"
        raise TypeError(msg)
    return value


def tokenizer(loaded: Loaded) -> Any:
    """Give the tokenizer, or the tokenizer part of the processor."""
    return getattr(loaded.processor, "tokenizer", loaded.processor)


def image_processor(loaded: Loaded) -> Any:
    """Give the image processor, or the image part of the processor."""
    return getattr(loaded.processor, "image_processor", loaded.processor)


def process(loaded: Loaded, raw: Raw, requested: Mapping[str, Json]) -> Callable[[], Any]:
    """Give the step from RAW input in hand to tensors on the host."""
    options: dict[str, Any] = {"return_tensors": "pt"}
    if "prompt_tokens" in requested:
        options |= {"truncation": True, "max_length": requested["prompt_tokens"], "padding": True}
    return lambda: loaded.processor(**raw, **options)


def to_device(loaded: Loaded, host: Any) -> Callable[[], dict[str, Any]]:
    """Give the step from tensors on the HOST to the device, floating ones in the model's dtype."""
    dtype = loaded.model.dtype

    def move() -> dict[str, Any]:
        return {
            name: tensor.to(loaded.device, dtype) if tensor.is_floating_point() else tensor.to(loaded.device)
            for name, tensor in host.items()
        }

    return move


def describe(tensors: Mapping[str, Any]) -> list[Json]:
    """Give name, shape, dtype and bytes of every tensor."""
    return [
        {
            "name": name,
            "shape": list(tensor.shape),
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "bytes": tensor.numel() * tensor.element_size(),
        }
        for name, tensor in tensors.items()
    ]
