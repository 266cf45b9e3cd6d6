"""What is counted for the rates of the ledger's stages: only what a stage is known to have worked on."""

from types import SimpleNamespace
from typing import Any

import pytest

from bench.worker.material import parts
from bench.worker.network import amounts
from bench.worker.network.ledger import Way


class Pixels:
    """Pixels of a tower, as a tensor is asked for them."""

    def __init__(self, count: int) -> None:
        self.count = count

    def numel(self) -> int:
        return self.count

    def is_floating_point(self) -> bool:
        return True


class Ids(Pixels):
    """Tokens of a batch."""

    def is_floating_point(self) -> bool:
        return False


class Words:
    """A tokenizer that takes each word for a token and pads with nothing."""

    convert_tokens_to_ids = None

    def __call__(self, text: list[str], **_options: Any) -> dict[str, Any]:
        return {"input_ids": [one.split() for one in text], "attention_mask": [[1] * len(one.split()) for one in text]}


class Sees:
    image_mean = 0.5


class Looks:
    do_sample_frames = True


class Joined:
    """A processor of a tokenizer and what sees, that writes two words for an image into each text."""

    def __init__(self, **held: Any) -> None:
        self.tokenizer = Words()
        self.names = ["tokenizer", *held]
        vars(self).update(held)

    def __call__(self, text: list[str]) -> dict[str, Any]:
        self.tokenizer([f"<i> <i> {one}" for one in text])
        return {}


@pytest.fixture(autouse=True)
def without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "joins", lambda processor: isinstance(processor, Joined))
    monkeypatch.setattr(Joined, "get_attributes", classmethod(lambda _cls: ["tokenizer", "image", "video"]), raising=False)
    for name in ("image", "video"):
        monkeypatch.setattr(Joined, name, None, raising=False)


def a_way(processor: Any, raw: dict[str, Any], host: dict[str, Any] | None = None, **more: Any) -> Way:
    loaded: Any = SimpleNamespace(processor=processor, model=SimpleNamespace(config=SimpleNamespace(num_channels=3)))

    def process() -> dict[str, Any]:
        if "text" in raw and processor is not None:
            processor(raw["text"])
        return host or {}

    return Way(loaded=loaded, traits=frozenset(), requested={}, process=process, move=dict, raw=raw, **more)


def image(width: int = 10, height: int = 20) -> Any:
    return SimpleNamespace(shape=(height, width, 3))


def test_the_tokenizer_s_tokens_and_bytes_are_those_of_its_own_calls() -> None:
    found = amounts.of_request(a_way(Joined(), {"text": ["a b", "ä"]}), ())
    assert found == {"processor/tokenizer": {"tokens": 7, "text_bytes": 8 * 2 + 3 + 2}}
    assert "__call__" in vars(Words)


def test_a_tokenizer_alone_is_the_processor_s_one_part() -> None:
    assert amounts.of_request(a_way(Words(), {"text": ["a b c"]}), ()) == {"processor/tokenizer": {"tokens": 3, "text_bytes": 5}}


def test_images_beside_clips_share_the_tower_but_not_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.worker.material.frames.facts", lambda *_: {})
    both = {"images": [image()], "videos": [[image(), image()]]}
    found = amounts.of_request(a_way(Joined(image=Sees(), video=Looks()), both, {"pixel_values": Pixels(600)}), ("encode.vision",))
    assert found == {
        "encode.vision": {"pixels": 200},
        "processor/image": {"images": 1},
        "processor/video": {"frames": 2},
    }


def test_the_tower_has_the_pixels_that_it_is_handed_and_the_frames_that_were_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.worker.material.frames.facts", lambda *_: {"sampled_frames": [4, 4]})
    clips = {"videos": [[image()] * 16] * 2}
    found = amounts.of_request(a_way(Looks(), clips, {"pixel_values_videos": Pixels(4800)}), ("encode.vision",))
    assert found == {
        "encode.vision": {"frames": 8, "pixels": 1600},
        "processor/video": {"frames": 32, "pixels": 32 * 200},
    }


def test_a_stage_that_was_not_timed_has_no_amount() -> None:
    assert amounts.of_request(a_way(Sees(), {"images": [image()]}, {"pixel_values": Pixels(600)}), ("forward",)) == {
        "processor/image": {"images": 1, "pixels": 200}
    }


def test_a_sub_model_by_itself_has_no_way_to_count_on() -> None:
    assert amounts.of_request(a_way(None, {}, part=lambda: dict), ("encode.vision",)) == {}


def test_items_are_those_of_the_lists_where_they_agree() -> None:
    assert amounts.items({"text": ["a", "b"], "images": [[1, 2], [3]], "sampling_rate": 16_000}) == 2
    assert amounts.items({"text": ["a", "b", "c"], "images": [1, 2]}) is None
    assert amounts.items({}) is None


def test_prompts_go_through_an_encoder_of_text_where_there_is_one_else_through_the_prefill() -> None:
    mask = SimpleNamespace(dim=lambda: 2, sum=lambda: 8)
    way = a_way(None, {}, {"input_ids": Ids(10), "attention_mask": mask})
    assert amounts.of_request(way, ("encode.text", "prefill.language")) == {"encode.text": {"tokens": 8}}
    assert amounts.of_request(way, ("prefill.language",)) == {"prefill.language": {"tokens": 8}}
    unmasked = a_way(None, {}, {"input_ids": Ids(10)})
    assert amounts.of_request(unmasked, ("prefill.language",)) == {"prefill.language": {"tokens": 10}}
