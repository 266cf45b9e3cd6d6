"""A case's raw input: text and media in hand, as users have them before the model's own Processor gets them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from bench.domain import lengths
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.material import audio, beside, frames, images, media, parts, prompts, resampling, text
from bench.worker.material.prompts import Frame

Raw = Mapping[str, Any]
"""What the processor is called with, beside the options that are the same for every task."""

FRAMES = 8
"""Frames of a clip for a model that takes any number."""

_SALTS = {"images": 7, "video_frames": 8, "audio_seconds": 9, "audio_rate": 10}


@dataclass(slots=True, kw_only=True)
class Maker:
    """Makes raw inputs as a case asks for them. Equal seeds give equal inputs.

    `facts` tells of choices made on the way: `prompt_form`, what stands around a text beside media (plain, placeholders, chat).
    `hole` is a token that every text holds once in its middle, for tasks that fill it.
    """

    loaded: Loaded
    traits: frozenset[Trait]
    requested: Mapping[str, Json]
    seed: int
    hole: str = ""
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
        return [text.write(tokenizer, length, self._seed(item, salt), self.hole) for item in range(self.batch_size)]

    def images(self) -> list[Any]:
        """Draw the images of every item: one an item, or where media stand in the text a list an item.

        Raises Refused where several images an item are asked of a model that takes one.
        """
        joined = prompts.is_joined(self.loaded, {Trait.IMAGE: 1})
        counts = [self.count_of(Trait.IMAGE, item) for item in range(self.batch_size)]
        if max(counts) > 1 and not joined:
            raise Refused(f"images {max(counts)}: {self._whose} takes one image an item", ReasonCode.INPUT_MISMATCH)
        own = parts.image_processor(self.loaded)
        drawn = [
            [self._image(self._size(own, item, number), item, number) for number in range(counts[item])] for item in self._items
        ]
        return drawn if joined else [item[0] for item in drawn]

    def clips(self) -> list[Any]:
        """Draw one clip an item. Raises Refused where the model's positions are for another number of frames."""
        config, asked = self.loaded.model.config, self.requested.get("video_frames", "auto")
        fixed = _own(config, "num_frames")
        if fixed and getattr(config, "tubelet_size", None) is not None and asked not in ("auto", fixed):
            msg = f"video_frames {asked}: the positions of {type(self.loaded.model).__name__} are for {fixed} frames"
            raise Refused(msg, ReasonCode.INPUT_MISMATCH)
        form = frames.form_of(self.loaded, self.requested)
        own = parts.video_processor(self.loaded)
        numbers = [self._amount("video_frames", item, fixed or FRAMES) for item in self._items]
        return [
            media.clip(images.draw_clip(numbers[item], self._size(own, item), self._seed(item, 3)), form) for item in self._items
        ]

    def sounds(self) -> list[Any]:
        """Draw one clip of sound an item, at the rate asked for. Raises Refused where the extractor would cut it."""
        extractor = parts.feature_extractor(self.loaded)
        alone = Trait.TEXT not in self.traits
        own = audio.own_seconds(extractor, alone=alone)
        seconds = [self._amount("audio_seconds", item, own) for item in self._items]
        if alone and hasattr(extractor, "n_samples") and max(seconds) > (window := int(extractor.chunk_length)):
            msg = f"audio_seconds {max(seconds)}: {type(extractor).__name__} cuts a clip after {window} seconds"
            raise Refused(msg, ReasonCode.INPUT_MISMATCH)
        rate = self._rate()
        return [media.sound(audio.draw(seconds[item], rate, self._seed(item, 4)), rate, self._form) for item in self._items]

    def media(self) -> Raw:
        """Make the media that the model takes, whatever they are."""
        makers = {Trait.IMAGE: self.images, Trait.VIDEO: self.clips, Trait.AUDIO: self.sounds}
        made = {parts.ARGUMENTS[trait]: make() for trait, make in makers.items() if trait in self.traits}
        return {**made, **frames.beside(made, self.requested), **self._beside_sound(made)}

    def everything(self) -> Raw:
        """Make what the model takes, whatever that is; text with placeholders or in the chat template where media stand in it."""
        made = self.media()
        if Trait.TEXT not in self.traits:
            return made
        return {**made, "text": self._beside(made) if self._is_joined else self.texts()}

    def wordless(self) -> Raw:
        """Make the media alone for a model that begins a text by itself. Raises Refused where it cannot without one."""
        model, config = self.loaded.model, self.loaded.model.config
        if "qformer_input_ids" in beside.taken(model):
            raise Refused(f"prompt_tokens 0: the Q-Former of {type(model).__name__} reads a text", ReasonCode.INPUT_MISMATCH)
        if self._is_joined and not getattr(config, "num_query_tokens", None):  # those write their own placeholders
            msg = f"prompt_tokens 0: {self._whose} puts media into the text, and there is none"
            raise Refused(msg, ReasonCode.INPUT_MISMATCH)
        return self.media()

    def count_of(self, trait: Trait, item: int = 0) -> int:
        """Give the number of media of TRAIT that ITEM has."""
        own = trait is Trait.IMAGE and Trait.MATCHES not in self.traits
        return self._amount("images", item, 1) if own else 1

    def _beside(self, made: Raw) -> list[str]:
        """Write texts that have the asked number of text tokens together with what stands around them and what is added."""
        asked = [self._length(item) for item in self._items]
        decoded = (media.decoder(made, self._own_rate) or partial(dict, made))()
        around: dict[tuple[int, ...], tuple[Frame, int]] = {}
        written = []
        for item, length in enumerate(asked):
            counts = self._counts(item)
            if (kind := tuple(counts.values())) not in around:
                around[kind] = self._frame(counts, {name: value[item : item + 1] for name, value in decoded.items()}, min(asked))
            frame, added = around[kind]
            written.append(frame.around(self._filled(frame, added, length, item)))
        return written

    def _frame(self, counts: Mapping[Trait, int], own: Raw, tokens: int) -> tuple[Frame, int]:
        """Choose what stands around a text beside its OWN media, COUNTS of each; with the text tokens that the processor adds."""
        one = {**own, **parts.options(self.loaded, own)}
        frame = prompts.choose(self.loaded, counts, one, tokens)
        self.facts["prompt_form"] = frame.kind
        trial = frame.around("a")
        with parts.refusing(self.loaded):
            ids = self.loaded.processor(text=[trial], **one)["input_ids"][0]
        return frame, prompts.text_tokens(self.loaded, ids) - prompts.count(self.loaded, trial)

    def _filled(self, frame: Frame, added: int, length: int, item: int) -> str:
        def count(words: str) -> int:
            return prompts.count(self.loaded, frame.around(words)) + added

        return text.fill(count, length, self._seed(item, 0), self.hole)

    def _exact(self, item: int, salt: int, before: Sequence[str]) -> str:
        """Write ITEM's text so that it has the item's own length, together with what comes BEFORE it."""
        tokenizer = parts.tokenizer(self.loaded)
        seed = self._seed(item, salt)
        return text.fill(lambda words: len(text.ids(tokenizer, *before, words)), self._length(item), seed, self.hole)

    def _length(self, item: int) -> int:
        """Give the tokens of ITEM's sequence."""
        asked = self.requested["prompt_tokens"]
        return lengths.draw(asked, self._seed(item, 5)) if lengths.is_mixed(asked) else whole(asked)

    def _amount(self, axis: str, item: int, own: int) -> int:
        """Give ITEM's whole number of AXIS: that asked for, one drawn for it, or the model's OWN."""
        asked = self.requested.get(axis, "auto")
        if asked == "auto":
            return own
        return lengths.draw(asked, self._seed(item, _SALTS[axis])) if lengths.is_mixed(asked) else whole(asked)

    def _rate(self) -> int:
        """Give the rate of sound in hand."""
        return self._amount("audio_rate", 0, self._own_rate or 0)

    def _beside_sound(self, made: Raw) -> dict[str, Any]:
        """Say the rate of sound that is in hand at another one than the extractor's, and note what the extractor does with it."""
        if parts.ARGUMENTS[Trait.AUDIO] not in made or self._rate() == self._own_rate:
            return {}
        self.facts["audio_resampling"] = resampling.before(self.loaded, self._rate())
        return {media.RATE: self._rate()}

    @property
    def _own_rate(self) -> int | None:
        return parts.own_rate(self.loaded) if Trait.AUDIO in self.traits else None

    @property
    def _items(self) -> range:
        return range(self.batch_size)

    def _counts(self, item: int = 0) -> dict[Trait, int]:
        return {trait: self.count_of(trait, item) for trait in parts.ARGUMENTS if trait in self.traits}

    @property
    def _is_joined(self) -> bool:
        return prompts.is_joined(self.loaded, self._counts())

    @property
    def _form(self) -> str:
        return str(self.requested.get("media", "auto"))

    @property
    def _whose(self) -> str:
        return type(self.loaded.processor).__name__

    def _image(self, size: tuple[int, int], item: int, number: int) -> Any:
        return media.image(images.draw(*size, self._seed(item, 1) + number * 7_919), self._form)

    def _size(self, processor: Any, item: int, number: int = 0) -> tuple[int, int]:
        asked = self.requested.get("image_size", "auto")
        if asked == "auto":
            return images.own_size(processor)
        spelled = lengths.draw_size(asked, self._seed(item, 6) + number * 7_919) if lengths.is_mixed(asked) else str(asked)
        width, _, height = spelled.partition("x")
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
