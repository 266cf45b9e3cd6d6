"""How much goes through each stage of the ledger in one request: what a rate of a stage divides by its time.

An amount is given only where it is known to be what the stage worked on. What the tokenizer read and gave is counted in its own
calls, since a Processor may write more into a text than was in hand (a placeholder for every patch of an image); the pixels of a
tower are those that the Processor hands it, not those of the images in hand.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any

from bench.domain.values import Json
from bench.worker.loads.loading import Loaded
from bench.worker.material import batch, frames, masks, parts
from bench.worker.network.ledger import Way

Amounts = dict[str, float]

_IN_HAND = {
    "batch_images": "images",
    "batch_frames": "frames",
    "batch_pixels": "pixels",
    "batch_audio_seconds": "audio_seconds",
}
_MEDIA = frozenset({"images", "frames", "audio_seconds"})
_SEEN = frozenset({"images", "frames", "pixels"})
_CHANNELS = ("num_channels", "in_channels", "in_chans")
_READS, _PREFILLS = "encode.text", "prefill.language"


def of_request(way: Way, stages: Iterable[str]) -> dict[str, Json]:
    """Count what goes through STAGES, and through the parts of the processor, in one request by WAY.

    Gives for each stage, and each part as `processor/PART`, how much of which: images, frames, pixels, audio_seconds, tokens,
    text_bytes. Nothing for a sub-model by itself, which has no way from raw input.
    """
    if way.part is not None:
        return {}
    text: Amounts = {}
    with _reading(way.loaded.processor, text):
        host = way.process()
    in_hand = {_IN_HAND[name]: _number(value) for name, value in batch.of_raw(way.loaded, way.raw).items() if name in _IN_HAND}
    there = {*stages}
    of_stages = {
        "media_decode": _one_kind(in_hand),
        "encode.vision": _one_kind(_looked_at(way, host, in_hand)),
        "encode.audio": _only(in_hand, {"audio_seconds"}),
        _READS if _READS in there else _PREFILLS: _of_sequences(host),
    }
    found = {stage: amounts for stage, amounts in of_stages.items() if stage in there} | _of_parts(way.loaded, in_hand, text)
    return {stage: dict(amounts) for stage, amounts in found.items() if amounts}


def items(raw: Mapping[str, Any]) -> int | None:
    """Count the items that RAW input is of; None where its lists differ, as those of a matrix of images and texts do."""
    lengths = {len(value) for value in raw.values() if isinstance(value, list | tuple)}
    return lengths.pop() if len(lengths) == 1 else None


def _number(value: Json) -> float:
    return value if isinstance(value, int | float) else 0


def _only(amounts: Amounts, units: Iterable[str]) -> Amounts:
    return {unit: amount for unit, amount in amounts.items() if unit in units}


def _one_kind(amounts: Amounts) -> Amounts:
    """Leave out of AMOUNTS what shares its time with media of another kind: of images beside clips the pixels are both's."""
    kinds = _MEDIA & amounts.keys()
    if len(kinds) <= 1:
        return amounts
    return {} if "audio_seconds" in kinds else _only(amounts, {"pixels"})


def _looked_at(way: Way, host: Mapping[str, Any], in_hand: Amounts) -> Amounts:
    """Give what the vision tower sees: of clips the frames that the processor took, and the pixels that HOST holds, padding too."""
    seen = _only(in_hand, {"images", "frames"})
    taken = frames.facts(way.loaded, host, way.raw).get("sampled_frames")
    if isinstance(taken, list):
        seen["frames"] = sum(_number(one) for one in taken)
    channels = _channels(way.loaded.model.config)
    values = sum(tensor.numel() for name, tensor in host.items() if "pixel_values" in name and tensor.is_floating_point())
    return {**seen, "pixels": values / channels} if seen and values and channels else seen


def _channels(config: Any) -> int | None:
    """Give the channels of an image by CONFIG or the part of it that is of images; None where neither says."""
    sections = (getattr(config, "vision_config", None), config)
    found = (getattr(section, name, None) for section in sections for name in _CHANNELS)
    return next((one for one in found if isinstance(one, int)), None)


def _of_sequences(host: Mapping[str, Any]) -> Amounts:
    """Give the tokens of the sequences in HOST, those that stand for media among them, padding apart."""
    if "input_ids" not in host:
        return {}
    mask = masks.flat(host.get(masks.MASK))
    return {"tokens": int(host["input_ids"].numel() if mask is None else mask.sum())}


def _of_parts(loaded: Loaded, in_hand: Amounts, text: Amounts) -> dict[str, Amounts]:
    """Give what each part of the processor worked on; an image processor has the clips too where there is no part for them."""
    kinds = {*parts.classes(loaded.processor).values()}
    images, clips = _only(in_hand, {"images"}), _only(in_hand, {"frames"})
    pixels = {} if images and clips else _only(in_hand, {"pixels"})
    found = {
        "tokenizer": text,
        "image": _one_kind(_only(in_hand, _SEEN)) if "video" not in kinds else images | pixels if images else {},
        "video": clips | pixels if clips else {},
        "audio": _only(in_hand, {"audio_seconds"}),
    }
    return {f"processor/{kind}": amounts for kind, amounts in found.items() if kind in kinds}


@contextmanager
def _reading(processor: Any, text: Amounts) -> Iterator[None]:
    """Count into TEXT what the tokenizers of PROCESSOR are given, in bytes of UTF-8, and the tokens they give, padding apart."""
    from unittest.mock import patch

    with ExitStack() as undo:
        inside: list[object] = []
        for called, kind in parts.classes(processor).items():
            if kind == "tokenizer":
                undo.enter_context(patch.object(called, "__call__", _counting(called.__call__, inside, text)))
        yield


def _counting(called: Any, inside: list[object], text: Amounts) -> Any:
    """Wrap the call of a tokenizer so that it counts into TEXT, once where one class's call goes INSIDE another's."""

    @wraps(called)
    def call(*arguments: Any, **options: Any) -> Any:
        inside.append(called)
        try:
            answer = called(*arguments, **options)
        finally:
            inside.pop()
        if not inside:
            given = [*arguments[1:3], *(options.get(name) for name in batch.TEXTS)]
            text["tokens"] = text.get("tokens", 0) + _tokens(answer)
            text["text_bytes"] = text.get("text_bytes", 0) + sum(len(one.encode()) for one in batch.texts(given))
        return answer

    return call


def _tokens(answer: Mapping[str, Any]) -> int:
    """Count the tokens in a tokenizer's ANSWER: those that its mask shows, all where it has none."""
    if masks.MASK in answer:
        return sum(_numbers(answer[masks.MASK]))
    return sum(1 for _ in _numbers(answer["input_ids"]))


def _numbers(held: Any) -> Iterator[int]:
    """Give the numbers in HELD: a tensor, or lists of them."""
    for one in held.tolist() if hasattr(held, "tolist") else held:
        if isinstance(one, list | tuple):
            yield from _numbers(one)
        else:
            yield int(one)
