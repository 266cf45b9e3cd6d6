"""Items of a data set in the place of synthetic input: read again, cut into batches, and turned into raw input.

Media stay as the bytes of their files, so that decoding them is a stage of its own, as it is for those who have files.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.domain.data import Data, FedStep
from bench.domain.outcome import ReasonCode
from bench.domain.task import Trait
from bench.domain.values import Json
from bench.models import items
from bench.models.digests import Digests
from bench.models.items import Item
from bench.protocol.messages import Measure
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.material import media, parts, preparing, prompts, resampling
from bench.worker.material.making import Raw, whole
from bench.worker.steps import Step, Values

MASKED = "fill-mask"


def read(data: Data) -> tuple[Item, ...]:
    """Read the items of DATA again. Raises Refused where they are no longer what the plan was drawn up for."""
    told: list[str] = []
    try:
        found = items.read(
            Path(data.where),
            lambda line, what: told.append(f"{data.name}:{line}: {what}"),
            most=data.items,
            absolute=data.absolute_paths,
        )
        same = not told and items.digest(found, Digests()) == data.digest
    except (OSError, ValueError) as error:
        raise Refused(f"data file {data.name} cannot be read: {error}", ReasonCode.INPUT_MISMATCH) from error
    if told:
        raise Refused(told[0], ReasonCode.INPUT_MISMATCH)
    if not same:
        msg = f"data file {data.name}, or what it names, has changed since the plan was drawn up: run it again"
        raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)
    return found


def batches(found: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Cut the items FOUND into batches of SIZE, in their order; those that are left over make none."""
    return [found[start : start + size] for start in range(0, len(found) - size + 1, size)]


def raws(request: Measure, loaded: Loaded) -> tuple[Raw, ...]:
    """Give the raw input of every batch of REQUEST's data set. Raises Refused where there is none, or the model cannot take one."""
    if request.data is None:
        return ()
    each = batches(read(request.data), whole(request.case.requested["batch_size"]))
    if not each:
        msg = (
            f"batch_size {request.case.requested['batch_size']} is more than the {request.data.items} items of {request.data.name}"
        )
        raise Refused(msg, ReasonCode.INPUT_MISMATCH)
    return tuple(raw(loaded, request, some) for some in each)


def raw(loaded: Loaded, request: Measure, some: Sequence[Item]) -> Raw:
    """Give SOME items as the raw input of one batch: media encoded, texts with what stands around them beside media.

    Raises Refused, with the item's line, where the model cannot take one.
    """
    traits, name = request.model.traits, "" if request.data is None else request.data.name
    made: dict[str, Any] = {}
    with _telling(name, some):
        if Trait.IMAGE in traits:
            made["images"] = [_images(loaded, item) for item in some]
        if Trait.VIDEO in traits:
            made["videos"] = [_frames(loaded, item) for item in some]
        if Trait.AUDIO in traits:
            made["audio"] = [item.audio.read_bytes() for item in some if item.audio is not None]
        decoded = (media.decoder(made, parts.own_rate(loaded)) or (lambda: made))()
    if Trait.TEXT not in traits:
        return made
    written = [_text(loaded, request, item) for item in some]
    reads_pairs = not made and Trait.GENERATES not in traits  # one that writes goes on from one text, or translates one
    if reads_pairs and all(item.context is not None for item in some):
        return {"text": written, "text_pair": [item.context for item in some]}
    return {**made, "text": preparing.beside(loaded, written, decoded)["text"] if made else written}


@contextmanager
def _telling(name: str, some: Sequence[Item]) -> Iterator[None]:
    """Turn what goes wrong with the media of SOME items of the file NAME into a Refused with their lines."""
    try:
        yield
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        lines = f"{some[0].line}-{some[-1].line}" if len(some) > 1 else str(some[0].line)
        said = " ".join(str(error).split())
        raise Refused(f"{name}:{lines}: media of these items cannot be decoded: {said}", ReasonCode.INPUT_MISMATCH) from error


def _images(loaded: Loaded, item: Item) -> Any:
    held = [path.read_bytes() for path in item.images]
    if prompts.is_joined(loaded, {Trait.IMAGE: 1}):
        return held
    if len(held) > 1:
        whose = type(loaded.processor).__name__
        raise Refused(f"the item on line {item.line} has {len(held)} images: {whose} takes one", ReasonCode.INPUT_MISMATCH)
    return held[0]


def _frames(loaded: Loaded, item: Item) -> list[bytes]:
    config = loaded.model.config
    fixed = getattr(config, "num_frames", None) if getattr(config, "tubelet_size", None) is not None else None
    if fixed is not None and len(item.video) != fixed:
        held = f"the item on line {item.line} has {len(item.video)} frames"
        whose = type(loaded.model).__name__
        raise Refused(f"{held}: the positions of {whose} are for {fixed}", ReasonCode.INPUT_MISMATCH)
    return [path.read_bytes() for path in item.video]


def _text(loaded: Loaded, request: Measure, item: Item) -> str:
    """Give ITEM's text; where a token is to be found and none is masked, its middle word is. Training masks tokens by itself."""
    text = item.text or ""
    trains = request.case.requested.get("step") == FedStep.TRAIN
    if trains or request.model.task != MASKED or (mask := parts.mask_token(loaded)) in text:
        return text
    words = text.split()
    words[len(words) // 2] = mask
    return " ".join(words)


def longest(request: Measure) -> int | None:
    """Give the tokens that a text may have beside those that are generated after it; None where the model has no limit."""
    requested = request.case.requested
    new = sum(value for name in ("new_tokens", "depth") if isinstance(value := requested.get(name), int))
    most = [limit.tokens - (new if limit.counts_new else 0) for limit in request.model.limits if limit.counts_prompt]
    return max(min(most), 1) if most else None


def facts(request: Measure, loaded: Loaded, each: Sequence[Raw]) -> dict[str, Json]:
    """Tell what the data set is, and how EACH of its batches was made of it."""
    data = request.data
    if data is None or data.items is None:
        return {}
    used = len(each) * whole(request.case.requested["batch_size"])
    found: dict[str, Json] = {
        "data": data.name,
        "data_digest": data.digest,
        "data_items": data.items,
        "data_batches": len(each),
        "data_items_left_over": data.items - used,
    }
    own = parts.own_rate(loaded)
    rates = {media.rate_of(clip, own or 0) for raw in each for clip in raw.get("audio", ())} - {own}
    return {**found, "audio_resampling": resampling.before(loaded, min(rates))} if rates else found


@dataclass(slots=True)
class _Rotation:
    """One step of each batch, of which the next comes with every call."""

    each: Sequence[Step]
    at: int = -1
    now: Step = field(init=False)

    def prepare(self) -> None:
        self.at = (self.at + 1) % len(self.each)
        self.now = self.each[self.at]
        self.now.prepare()

    def run(self) -> object:
        return self.now.run()

    def read(self) -> Values:
        return self.now.read()


def in_turn(of_batches: Sequence[Sequence[Step]]) -> tuple[Step, ...]:
    """Give the steps that go through the batches in turn; OF_BATCHES has those of each."""
    if len(of_batches) == 1:
        return tuple(of_batches[0])
    return tuple(_rotating(each) for each in zip(*of_batches, strict=True))


def _rotating(each: Sequence[Step]) -> Step:
    turn, first = _Rotation(each), each[0]
    return Step(name=first.name, metric=first.metric, run=turn.run, prepare=turn.prepare, read=turn.read, round=len(each))


def whole_rounds(step: Step, over: Callable[[Sequence[float]], str | None]) -> Callable[[Sequence[float]], str | None]:
    """Let the rule OVER end STEP for its count only where every batch was called as often as the others."""

    def rule(times: Sequence[float]) -> str | None:
        reason = over(times)
        return None if reason == "count" and len(times) % step.round else reason

    return rule
