"""The parts of a processor, and the tokens that stand for media in a text.

A Processor joins parts; a tokenizer, an image processor, a video processor or a feature extractor may also stand alone. Both
are asked in the same way here, so that nothing else has to know which it is.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded

ARGUMENTS: Mapping[Trait, str] = {Trait.IMAGE: "images", Trait.VIDEO: "videos", Trait.AUDIO: "audio"}
"""What a Processor calls the media of each trait."""

METADATA = "video_metadata"
"""The key of raw input with what is known of its clips, their frames a second among it."""

_AROUND: Mapping[Trait, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Trait.IMAGE: (("vision_bos_token", "vision_start_token"), ("vision_eos_token", "vision_end_token")),
    Trait.VIDEO: (("vision_bos_token", "vision_start_token"), ("vision_eos_token", "vision_end_token")),
    Trait.AUDIO: (("audio_bos_token",), ("audio_eos_token",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """The token that stands for one medium in a text, and what belongs before and after it."""

    token: str
    number: int
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        """Spell one medium as it stands in a text."""
        return f"{self.before}{self.token}{self.after}"


def tokenizer(loaded: Loaded) -> Any:
    """Give the tokenizer, or the tokenizer part of the processor."""
    return getattr(loaded.processor, "tokenizer", loaded.processor)


def image_processor(loaded: Loaded) -> Any:
    """Give the image processor, or the image part of the processor."""
    return getattr(loaded.processor, "image_processor", loaded.processor)


def video_processor(loaded: Loaded) -> Any:
    """Give what takes clips: a video processor, or an image processor that takes lists of frames."""
    return getattr(loaded.processor, "video_processor", image_processor(loaded))


def feature_extractor(loaded: Loaded) -> Any:
    """Give what turns sound into features: the processor's part, whatever it is called, or the extractor alone."""
    processor = loaded.processor
    return getattr(processor, "feature_extractor", getattr(processor, "audio_processor", processor))


def mask_token(loaded: Loaded) -> str:
    """Give the token that a text has in the place of the one to be found, empty where the tokenizer has none."""
    return str(getattr(tokenizer(loaded), "mask_token", None) or "")


def own_rate(loaded: Loaded) -> int | None:
    """Give the samples a second that the extractor takes; None where nothing of the processor takes sound."""
    rate = getattr(feature_extractor(loaded), "sampling_rate", None)
    return None if rate is None else int(rate)


def joins(processor: Any) -> bool:
    """Tell whether PROCESSOR joins parts, and takes media and text by name; a part alone takes the one thing it takes."""
    from transformers import ProcessorMixin

    return isinstance(processor, ProcessorMixin)


def classes(processor: Any) -> dict[type[Any], str]:
    """Give the classes of the parts that PROCESSOR joins, each with its kind: tokenizer, image, video or audio.

    A Processor has parts by names of its family's (`audio_processor`, `qformer_tokenizer`); a part alone is its own. A class that
    several parts are of stands once. That of a derived one comes first, so that what both call is not taken down twice.
    """
    if not joins(processor):
        kind = _kind_alone(processor)
        return {type(processor): kind} if kind else {}
    named = {name: getattr(processor, name, None) for name in type(processor).get_attributes()}
    found = {type(part): _kind(name) for name, part in named.items() if part is not None}
    return {one: found[one] for one in sorted(found, key=lambda one: -len(one.__mro__)) if found[one]}


def _kind_alone(part: Any) -> str:
    """Give the kind of a PART that stands alone, by what such have, empty where it is none of those known."""
    signs = (
        ("convert_tokens_to_ids", "tokenizer"), ("sampling_rate", "audio"), ("do_sample_frames", "video"), ("image_mean", "image"),
    )  # fmt: skip
    return next((kind for sign, kind in signs if hasattr(part, sign)), "")


def _kind(name: str) -> str:
    """Give the kind of the part called NAME, empty where it is none of those known."""
    signs = (("tokenizer", "tokenizer"), ("video", "video"), ("image", "image"), ("audio", "audio"), ("feature_extractor", "audio"))
    return next((kind for sign, kind in signs if sign in name), "")


def options(loaded: Loaded, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Give the options that the media in RAW need: sound is at the extractor's rate by now.

    Of clips that come with their metadata the processor takes its own frames; others are of frames already chosen. Sounds of
    several lengths are padded by an extractor that would otherwise leave them so, and make no tensor of them.
    """
    chosen: dict[str, Any] = {"return_tensors": "pt"}
    if ARGUMENTS[Trait.VIDEO] in raw and hasattr(video_processor(loaded), "do_sample_frames"):
        chosen["do_sample_frames"] = METADATA in raw
    if ARGUMENTS[Trait.AUDIO] in raw:
        extractor = feature_extractor(loaded)
        chosen["sampling_rate"] = extractor.sampling_rate
        unlike = len({len(clip) for clip in raw[ARGUMENTS[Trait.AUDIO]]}) > 1
        if unlike and "text" not in raw and _leaves_lengths(extractor):
            chosen["padding"] = True
    return chosen


def _leaves_lengths(extractor: Any) -> bool:
    """Tell whether EXTRACTOR pads only where it is asked to, as Wav2Vec2's and Speech2Text's do; Whisper's fills its window."""
    padding = signature(type(extractor).__call__).parameters.get("padding")
    return padding is not None and padding.default is False


@contextmanager
def refusing(loaded: Loaded) -> Iterator[None]:
    """Turn what the processor says of input that it cannot take into a Refused."""
    try:
        yield
    except ValueError as error:
        raise Refused(f"{type(loaded.processor).__name__} cannot take this input: {error}", ReasonCode.INPUT_MISMATCH) from error


def placeholder(loaded: Loaded, trait: Trait) -> Placeholder | None:
    """Give the token that stands for media of TRAIT in the texts of this processor; None where text and media go apart."""
    name = f"{trait.value}_token"
    if trait not in ARGUMENTS or not hasattr(loaded.processor, "tokenizer"):
        return None
    token = _token(loaded, (name,))
    if not token:
        return None
    opening, closing = _AROUND[trait]
    number = tokenizer(loaded).convert_tokens_to_ids(token)
    return Placeholder(token=token, number=number, before=_token(loaded, opening), after=_token(loaded, closing))


def standing_numbers(loaded: Loaded) -> Mapping[int, Trait]:
    """Give the ids that stand for a piece of a medium in the model's input, each with its trait.

    The model's config names them; they are those of the placeholders unless the processor puts something else in their place.
    """
    found = {}
    for trait in ARGUMENTS:
        written = placeholder(loaded, trait)
        if written is not None:
            found[_number_in(loaded.model.config, trait) or written.number] = trait
    return found


def _number_in(config: Any, trait: Trait) -> int | None:
    sections = (config, *(getattr(config, name, None) for name in ("vision_config", "audio_config")))
    names = (f"{trait.value}_token_id", f"{trait.value}_token_index")
    found = (getattr(section, name, None) for section in sections for name in names)
    return next((number for number in found if isinstance(number, int)), None)


def _token(loaded: Loaded, names: tuple[str, ...]) -> str:
    """Give the first token that processor or tokenizer hold under one of NAMES, empty where there is none."""
    holders = (loaded.processor, tokenizer(loaded))
    found = (getattr(holder, name, None) for name in names for holder in holders)
    return str(next((token for token in found if token), ""))
