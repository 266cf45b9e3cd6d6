"""What stands around a text where a Processor puts media and text into one sequence: placeholders, or the chat template.

Whether and how is asked of the Processor itself: some add the placeholder, most want it written, those that talk have a template.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.domain.task import Trait
from bench.worker.loads.loading import Loaded
from bench.worker.material import parts, text
from bench.worker.material.parts import Placeholder

_MARK = "mark-of-the-text"
_KINDS = {Trait.IMAGE: "image", Trait.VIDEO: "video", Trait.AUDIO: "audio"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands before and after a text. `kind` is plain, placeholders or chat."""

    kind: str
    before: str = ""
    after: str = ""

    def around(self, words: str) -> str:
        """Put WORDS into the frame."""
        return f"{self.before}{words}{self.after}"


PLAIN = Frame(kind="plain")


def is_joined(loaded: Loaded, counts: Mapping[Trait, int]) -> bool:
    """Tell whether media, COUNTS of each an item, stand in the same sequence as the text."""
    return any(parts.placeholder(loaded, trait) is not None for trait in counts)


def choose(loaded: Loaded, counts: Mapping[Trait, int], one: Mapping[str, Any], tokens: int) -> Frame:
    """Choose what stands around texts with COUNTS media each; ONE is the media of one item, TOKENS the length of a prompt.

    The chat template is taken where it leaves room for text, else placeholders alone; neither where the Processor adds its own.
    """
    held = {trait: found for trait in counts if (found := parts.placeholder(loaded, trait)) is not None}
    if not held or _adds_its_own(loaded, held, one):
        return PLAIN
    chat = _chat(loaded, counts)
    if chat is not None and count(loaded, chat.around("")) < tokens:
        return chat
    return Frame(kind="placeholders", before="".join(str(found) * counts[trait] for trait, found in held.items()))


def count(loaded: Loaded, prompt: str) -> int:
    """Count the text tokens of PROMPT, specials included, placeholders not."""
    held = {found.number for trait in parts.ARGUMENTS if (found := parts.placeholder(loaded, trait)) is not None}
    return sum(number not in held for number in text.ids(parts.tokenizer(loaded), prompt))


def text_tokens(loaded: Loaded, ids: Iterable[int]) -> int:
    """Count those of IDS, as the processor gave them, that stand for no piece of a medium."""
    numbers = parts.standing_numbers(loaded)
    return sum(int(number) not in numbers for number in ids)


def _adds_its_own(loaded: Loaded, held: Mapping[Trait, Placeholder], one: Mapping[str, Any]) -> bool:
    """Hand over a text without placeholders: a Processor that wants them written says so or leaves the media out.

    It gets one image, whatever an item has: else a Processor that adds one placeholder would look like one that adds none.
    """
    single = {name: [value[0][:1]] if name == "images" and isinstance(value[0], list) else value for name, value in one.items()}
    try:
        ids = loaded.processor(text=["a"], **single)["input_ids"][0]
    except (ValueError, IndexError, StopIteration):
        return False
    return any(found.number in list(ids) for found in held.values())


def _chat(loaded: Loaded, counts: Mapping[Trait, int]) -> Frame | None:
    """Let the chat template write what stands around a user's text; None where there is no template."""
    if getattr(loaded.processor, "chat_template", None) is None:
        return None
    media = [{"type": _KINDS[trait]} for trait, number in counts.items() for _ in range(number)]
    message = {"role": "user", "content": [*media, {"type": "text", "text": _MARK}]}
    written = loaded.processor.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
    before, found, after = str(written).partition(_MARK)
    holders = {trait: parts.placeholder(loaded, trait) for trait in counts}
    complete = all(one is None or (before + after).count(one.token) == counts[trait] for trait, one in holders.items())
    return Frame(kind="chat", before=before, after=after) if found and complete else None
