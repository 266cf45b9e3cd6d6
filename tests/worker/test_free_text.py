"""Captions that begin with no text, and models that take none: what they are given, and what is said of them."""

from types import SimpleNamespace
from typing import Any

import pytest

from bench.domain.errors import UsageError
from bench.domain.model import Kind, ModelFacts, ModelRef
from bench.domain.task import Trait
from bench.models import check_limits
from bench.models.traits import infer_task
from bench.worker import tasks
from bench.worker.failures import Refused
from bench.worker.material import apart, inputs, parts
from bench.worker.material.making import Maker
from bench.worker.network import answers, observe

CAPTIONS = tasks.find("image-to-text")


def test_an_encoder_of_images_before_a_decoder_captions_and_takes_no_text() -> None:
    task = infer_task("VisionEncoderDecoderModel", tasks.declared())
    assert task.name == "image-to-text"
    assert task.traits_of("VisionEncoderDecoderModel") == {Trait.IMAGE, Trait.GENERATES}
    assert Trait.TEXT in task.traits_of("BlipForConditionalGeneration")


@pytest.mark.parametrize(("tokens", "made"), [(0, {"images": [1]}), (8, {"images": [1], "text": ["a"]})])
def test_a_caption_of_no_tokens_has_no_text(tokens: int, made: dict[str, Any]) -> None:
    make: Any = SimpleNamespace(
        requested={"prompt_tokens": tokens}, wordless=lambda: {"images": [1]}, everything=lambda: {"images": [1], "text": ["a"]}
    )
    assert CAPTIONS.raw(make) == made


def test_a_model_that_cannot_begin_by_itself_is_refused_and_says_why() -> None:
    class Queries:
        config = SimpleNamespace()

        def forward(self, qformer_input_ids: Any) -> None: ...

    class Talks:
        config = SimpleNamespace(image_token_id=1)

        def forward(self, input_ids: Any) -> None: ...

    words = SimpleNamespace(convert_tokens_to_ids=lambda _token: 1)
    for model, said in ((Queries(), "the Q-Former of Queries reads a text"), (Talks(), "SimpleNamespace puts media into the text")):
        loaded: Any = SimpleNamespace(model=model, processor=SimpleNamespace(tokenizer=words, image_token="<image>"))  # noqa: S106
        maker = Maker(loaded=loaded, traits=frozenset({Trait.IMAGE, Trait.TEXT}), requested={}, seed=0)
        with pytest.raises(Refused, match=f"prompt_tokens 0: {said}"):
            maker.wordless()


def facts(task: str, *traits: Trait) -> ModelFacts:
    return ModelFacts(ref=ModelRef(kind=Kind.PRESET, name="x", where="x"), task=task, content="", traits=frozenset(traits))


def test_no_text_at_all_is_refused_where_a_task_needs_one() -> None:
    refusal = check_limits(facts("text-generation", Trait.TEXT), {"prompt_tokens": 0})
    assert refusal is not None
    assert refusal.reason == "prompt_tokens 0: text-generation needs a text (image-to-text goes without one)"
    captions = facts("image-to-text", *CAPTIONS.TASK.traits)
    assert check_limits(captions, {"prompt_tokens": 0, "scenario": "inference"}) is None
    learning = check_limits(captions, {"prompt_tokens": 0, "scenario": "train-step"})
    assert learning is not None
    assert learning.reason == "prompt_tokens 0: scenario train-step learns from a text"


def test_without_a_text_there_is_no_mask_that_could_differ() -> None:
    observe.refuse_differences({"prompt_tokens": 0, "mask": "padding"}, {"prompt_tokens": 0})


def test_only_a_tokenizer_alone_is_joined_with_an_image_processor_and_only_where_no_text_is_taken() -> None:
    whole, tokenizer = SimpleNamespace(image_processor=1), SimpleNamespace(convert_tokens_to_ids=1)
    sees = frozenset({Trait.IMAGE, Trait.GENERATES})
    assert apart.joined(whole, sees, None, {}) is whole  # type: ignore[arg-type]  # it looks at no folder
    assert apart.joined(tokenizer, sees | {Trait.TEXT}, None, {}) is tokenizer  # type: ignore[arg-type]


def test_a_class_that_has_no_place_for_a_text_is_told_by_what_it_takes() -> None:
    class Sees:
        main_input_name = "pixel_values"

        def forward(self, pixel_values: Any, decoder_input_ids: Any) -> None: ...

    class Both(Sees):
        def forward(self, pixel_values: Any, input_ids: Any) -> None: ...

    assert (apart.sees_only(Sees), apart.sees_only(Both)) == (True, False)


def test_tokens_without_a_tokenizer_are_not_turned_into_texts_and_that_is_said() -> None:
    loaded: Any = SimpleNamespace(processor=SimpleNamespace(sampling_rate=16_000), model=object())
    assert not answers.can_write(loaded)
    with pytest.raises(UsageError, match="object was loaded without a tokenizer: its tokens cannot be turned into texts"):
        answers.detokenize(loaded, [[1]])


def test_texts_beside_sound_are_cut_by_options_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "placeholder", lambda *_: None)
    loaded: Any = SimpleNamespace(processor=SimpleNamespace(tokenizer=SimpleNamespace(pad_token="-")))  # noqa: S106
    cut = inputs._lengths(loaded, {"text": ["a"], "audio": [[0.0]]}, {"prompt_tokens": 8}, None)
    assert cut == {"text_kwargs": {"truncation": True, "max_length": 8}, "padding": True}
    assert inputs._lengths(loaded, {"text": ["a"], "images": [1]}, {"prompt_tokens": 8}, None) == {
        "truncation": True, "max_length": 8, "padding": True,
    }  # fmt: skip


def test_parts_of_a_processor_are_told_by_their_kind_and_stand_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Words: ...

    class QueryWords(Words): ...

    class Sound: ...

    class Joined:
        tokenizer, qformer_tokenizer, other_tokenizer, audio_processor = Words(), QueryWords(), Words(), Sound()

        @classmethod
        def get_attributes(cls) -> list[str]:
            return ["tokenizer", "qformer_tokenizer", "other_tokenizer", "audio_processor", "image_processor"]

    monkeypatch.setattr(parts, "joins", lambda processor: isinstance(processor, Joined))
    assert next(iter(parts.classes(Joined()).items())) == (QueryWords, "tokenizer")
    assert parts.classes(Joined()) == {QueryWords: "tokenizer", Words: "tokenizer", Sound: "audio"}
    assert parts.classes(Words()) == {}


@pytest.mark.parametrize(
    ("sign", "kind"),
    [("convert_tokens_to_ids", "tokenizer"), ("image_mean", "image"), ("do_sample_frames", "video"), ("sampling_rate", "audio")],
)
def test_a_part_that_stands_alone_is_told_by_what_such_have(monkeypatch: pytest.MonkeyPatch, sign: str, kind: str) -> None:
    monkeypatch.setattr(parts, "joins", lambda _processor: False)
    alone = type("Alone", (), {sign: True})()
    assert parts.classes(alone) == {type(alone): kind}
