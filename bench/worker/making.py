"""A case's raw input: text and media in hand, as users have them before the model's own Processor gets them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bench.domain import lengths
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker import audio, images, media, parts, prompts, text
from bench.worker.failures import Refused
from bench.worker.loading import Loaded

Raw = Mapping[str, Any]
"""What the processor is called with, beside the options that are the same for every task."""

FRAMES = 8
"""Frames of a clip for a model that takes any number."""


@dataclass(slots=True, kw_only=True)
class Maker:
    """Makes raw inputs as a case asks for them. Equal seeds give equal inputs.

    `facts` tells of choices made on the way: `prompt_form`, what stands around a text beside media (plain, placeholders, chat).
    """

    loaded: Loaded
    traits: frozenset[Trait]
    requested: Mapping[str, Json]
    seed: int
    facts: dict[str, Json] = field(default_factory=dict)

    @property
    def batch_size(self) -> int:
        """Items in the batch."""
        return whole(self.requested["batch_size"])

    def texts(self, *, tokens: int | None = None, salt: int = 0, after: Sequence[str] = ()) -> list[str]:
        """Write one text an item, of TOKENS tokens or the case's own number, for a tokenizer that cuts it to the length.

        Where the case's lengths differ each text has exactly its own, together with the one of AFTER that it goes on from: there is
        no length that all could be cut to. Raises Refused where a length leaves no room for text.
        """
        asked, tokenizer = self.requested["prompt_tokens"], parts.tokenizer(self.loaded)
        if tokens is None and lengths.is_mixed(asked):
            return [self._exact(item, salt, after[item : item + 1]) for item in range(self.batch_size)]
        length = whole(asked) if tokens is None else tokens
        return [text.write(tokenizer, length, self._seed(item, salt)) for item in range(self.batch_size)]

    def images(self) -> list[Any]:
        """Draw the images of every item: one an item, or where media stand in the text a list an item.

        Raises Refused where several images an item are asked of a model that takes one.
        """
        count, joined = self.count_of(Trait.IMAGE), prompts.is_joined(self.loaded, {Trait.IMAGE: 1})
        if count > 1 and not joined:
            raise Refused(f"images {count}: {self._whose} takes one image an item", ReasonCode.INPUT_MISMATCH)
        size = self._size(parts.image_processor(self.loaded))
        drawn = [[self._image(size, item, number) for number in range(count)] for item in range(self.batch_size)]
        return drawn if joined else [item[0] for item in drawn]

    def clips(self) -> list[Any]:
        """Draw one clip an item. Raises Refused where the model's positions are for another number of frames."""
        config, asked = self.loaded.model.config, self.requested.get("video_frames", "auto")
        fixed = _own(config, "num_frames")
        if fixed and getattr(config, "tubelet_size", None) is not None and asked not in {"auto", fixed}:
            msg = f"video_frames {asked}: the positions of {type(self.loaded.model).__name__} are for {fixed} frames"
            raise Refused(msg, ReasonCode.INPUT_MISMATCH)
        frames = (fixed or FRAMES) if asked == "auto" else whole(asked)
        size = self._size(parts.video_processor(self.loaded))
        return [media.clip(images.draw_clip(frames, size, self._seed(item, 3)), self._form) for item in range(self.batch_size)]

    def sounds(self) -> list[Any]:
        """Draw one clip of sound an item, at the extractor's own rate. Raises Refused where the extractor would cut it."""
        extractor, asked = parts.feature_extractor(self.loaded), self.requested.get("audio_seconds", "auto")
        alone = Trait.TEXT not in self.traits
        seconds = audio.own_seconds(extractor, alone=alone) if asked == "auto" else whole(asked)
        if alone and hasattr(extractor, "n_samples") and seconds > (window := int(extractor.chunk_length)):
            msg = f"audio_seconds {seconds}: {type(extractor).__name__} cuts a clip after {window} seconds"
            raise Refused(msg, ReasonCode.INPUT_MISMATCH)
        rate = int(extractor.sampling_rate)
        return [media.sound(audio.draw(seconds, rate, self._seed(item, 4)), rate, self._form) for item in range(self.batch_size)]

    def media(self) -> Raw:
        """Make the media that the model takes, whatever they are."""
        makers = {Trait.IMAGE: self.images, Trait.VIDEO: self.clips, Trait.AUDIO: self.sounds}
        return {parts.ARGUMENTS[trait]: make() for trait, make in makers.items() if trait in self.traits}

    def everything(self) -> Raw:
        """Make what the model takes, whatever that is; text with placeholders or in the chat template where media stand in it."""
        made = self.media()
        if Trait.TEXT not in self.traits:
            return made
        return {**made, "text": self._beside(made) if self._is_joined else self.texts()}

    def count_of(self, trait: Trait) -> int:
        """Give the number of media of TRAIT an item."""
        own = trait is Trait.IMAGE and Trait.MATCHES not in self.traits
        asked = self.requested.get("images", "auto") if own else 1
        return 1 if asked == "auto" else whole(asked)

    def _beside(self, made: Raw) -> list[str]:
        """Write texts that have the asked number of text tokens together with what stands around them and what is added."""
        asked = [self._length(item) for item in range(self.batch_size)]
        decoded = (media.decoder(made) or partial(dict, made))()
        one = {**{name: value[:1] for name, value in decoded.items()}, **parts.options(self.loaded, made)}
        frame = prompts.choose(self.loaded, self._counts, one, min(asked))
        self.facts["prompt_form"] = frame.kind
        trial = frame.around("a")
        with parts.refusing(self.loaded):
            ids = self.loaded.processor(text=[trial], **one)["input_ids"][0]
        added = prompts.text_tokens(self.loaded, ids) - prompts.count(self.loaded, trial)
        written = (
            text.fill(lambda words: prompts.count(self.loaded, frame.around(words)) + added, length, self._seed(item, 0))
            for item, length in enumerate(asked)
        )
        return [frame.around(words) for words in written]

    def _exact(self, item: int, salt: int, before: Sequence[str]) -> str:
        """Write ITEM's text so that it has the item's own length, together with what comes BEFORE it."""
        tokenizer = parts.tokenizer(self.loaded)
        return text.fill(lambda words: len(text.ids(tokenizer, *before, words)), self._length(item), self._seed(item, salt))

    def _length(self, item: int) -> int:
        """Give the tokens of ITEM's sequence."""
        asked = self.requested["prompt_tokens"]
        return lengths.draw(asked, self._seed(item, 5)) if lengths.is_mixed(asked) else whole(asked)

    @property
    def _counts(self) -> dict[Trait, int]:
        return {trait: self.count_of(trait) for trait in parts.ARGUMENTS if trait in self.traits}

    @property
    def _is_joined(self) -> bool:
        return prompts.is_joined(self.loaded, self._counts)

    @property
    def _form(self) -> str:
        return str(self.requested.get("media", "auto"))

    @property
    def _whose(self) -> str:
        return type(self.loaded.processor).__name__

    def _image(self, size: tuple[int, int], item: int, number: int) -> Any:
        return media.image(images.draw(*size, self._seed(item, 1) + number * 7_919), self._form)

    def _size(self, processor: Any) -> tuple[int, int]:
        asked = self.requested.get("image_size", "auto")
        if asked == "auto":
            return images.own_size(processor)
        width, _, height = str(asked).partition("x")
        return int(width), int(height)

    def _seed(self, item: int, salt: int) -> int:
        return (self.seed * 1_000_003 + salt) * 1_000_003 + item


def whole(value: Json) -> int:
    """Read a whole number. Raises TypeError where VALUE is none: the suite's check lets no other through."""
    if not isinstance(value, int):
        msg = f"{value!r} is not a number"
        raise TypeError(msg)
    return value


def _own(config: Any, key: str) -> int | None:
    """Read a number of the model's config or of the section of the part that sees."""
    found = getattr(config, key, None) or getattr(getattr(config, "vision_config", None), key, None)
    return found if isinstance(found, int) else None
