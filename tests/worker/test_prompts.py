"""What stands around a text beside media, with processors that are only played here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from bench.domain.task import Trait
from bench.worker.loads.loading import Loaded
from bench.worker.material import parts, prompts
from bench.worker.material.prompts import PLAIN

IMAGE = {Trait.IMAGE: 1}
MEDIA = {"images": [["a", "b"]]}
SPECIAL = {"<image>": 7, "<start>": 8, "<end>": 9}


class FakeTokenizer:
    """One id a word and special token, and one before them."""

    def __init__(self, **tokens: str) -> None:
        for name, token in tokens.items():
            setattr(self, name, token)

    def convert_tokens_to_ids(self, token: str) -> int:
        return SPECIAL[token]

    def __call__(self, text: str, *, verbose: bool = True) -> dict[str, list[int]]:
        del verbose
        for token in SPECIAL:
            text = text.replace(token, f" {token} ")
        return {"input_ids": [1, *(SPECIAL.get(word, 50) for word in text.split())]}


def wants_it_written(text: str) -> list[int]:
    if "<image>" not in text:
        message = "the number of placeholders and images differs"
        raise ValueError(message)
    return [1, 7, 50]


@dataclass
class FakeProcessor:
    tokenizer: FakeTokenizer
    answer: Callable[[str], list[int]] = wants_it_written
    chat_template: str | None = None
    seen: list[Any] = field(default_factory=list)

    def __call__(self, text: list[str], images: Any) -> dict[str, list[list[int]]]:
        self.seen.append(images)
        return {"input_ids": [self.answer(text[0])]}

    def apply_chat_template(self, messages: list[dict[str, Any]], *, tokenize: bool, add_generation_prompt: bool) -> str:
        assert (tokenize, add_generation_prompt) == (False, True)
        content = messages[0]["content"]
        return "user " + "".join("<image>" if one["type"] == "image" else str(one.get("text")) for one in content) + " answer"


@dataclass
class FakeModel:
    config: Any = None


def loaded(processor: Any, **config: Any) -> Loaded:
    held = type("Config", (), config)
    return Loaded(model=FakeModel(held), processor=processor, device="cpu", stage_s={}, total_s=0.0)


def a_processor(**changes: Any) -> FakeProcessor:
    return FakeProcessor(tokenizer=FakeTokenizer(image_token="<image>"), **changes)  # noqa: S106


def test_a_placeholder_is_written_where_the_processor_wants_it() -> None:
    frame = prompts.choose(loaded(a_processor()), {Trait.IMAGE: 3}, MEDIA, 20)
    assert (frame.kind, frame.around("words")) == ("placeholders", "<image><image><image>words")


def test_marks_stand_around_a_placeholder_where_the_tokenizer_has_them() -> None:
    processor = FakeProcessor(
        tokenizer=FakeTokenizer(image_token="<image>", vision_bos_token="<start>", vision_eos_token="<end>")  # noqa: S106
    )
    assert prompts.choose(loaded(processor), IMAGE, MEDIA, 20).before == "<start><image><end>"


def test_nothing_is_written_where_the_processor_adds_its_own() -> None:
    processor = a_processor(answer=lambda _text: [1, 7, 7, 50])
    assert prompts.choose(loaded(processor), IMAGE, MEDIA, 20) is PLAIN
    assert processor.seen == [[["a"]]], "asked with one image, so that it could be told"


def test_the_chat_template_is_taken_where_it_leaves_room() -> None:
    processor = a_processor(chat_template="there is one")
    frame = prompts.choose(loaded(processor), IMAGE, MEDIA, 20)
    assert (frame.kind, frame.around("what is it?")) == ("chat", "user <image>what is it? answer")
    assert prompts.count(loaded(processor), frame.around("")) == 3, "the special token, user and answer"
    assert prompts.choose(loaded(processor), IMAGE, MEDIA, 3).kind == "placeholders"


def test_text_alone_and_processors_without_placeholders_stay_plain() -> None:
    without = FakeProcessor(tokenizer=FakeTokenizer())
    assert prompts.choose(loaded(without), IMAGE, MEDIA, 20) is PLAIN
    assert not prompts.is_joined(loaded(without), IMAGE)
    assert prompts.choose(loaded(a_processor()), {}, {}, 20) is PLAIN


@pytest.mark.parametrize(
    ("config", "expected"),
    [({}, {7: Trait.IMAGE}), ({"image_token_id": 5}, {5: Trait.IMAGE}), ({"image_token_index": 4}, {4: Trait.IMAGE})],
)
def test_the_config_says_which_id_stands_for_a_piece_of_an_image(config: Mapping[str, int], expected: Mapping[int, Trait]) -> None:
    assert parts.standing_numbers(loaded(a_processor(), **config)) == expected


def test_what_stands_for_media_is_no_text() -> None:
    assert prompts.text_tokens(loaded(a_processor()), [1, 7, 7, 7, 50, 51]) == 3
