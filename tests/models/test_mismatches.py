"""What does not fit in a checkpoint is told before a weight is read, with both sizes and where they stand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bench.domain.outcome import ReasonCode
from tests.support.checkpoints import (
    BERT,
    CLIP,
    CLIP_IMAGES,
    GPT2,
    VIT,
    VIT_IMAGES,
    a_bert,
    a_checkpoint,
    a_tokenizer,
    facts_of,
    reasons,
)

WHISPER: Mapping[str, Any] = {"model_type": "whisper", "architectures": ["WhisperModel"], "num_mel_bins": 80, "vocab_size": 10}
LLAVA: Mapping[str, Any] = {
    "model_type": "llava",
    "architectures": ["LlavaModel"],
    "image_token_index": 9,
    "text_config": {"model_type": "llama", "vocab_size": 10, "max_position_embeddings": 64},
    "vision_config": {"model_type": "clip_vision_model", "image_size": 32, "patch_size": 8},
}
EARS = {"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 80, "sampling_rate": 16000}

PLANTED: list[tuple[str, Mapping[str, Any], Mapping[str, Any], str]] = [
    (
        "a vocabulary longer than the embeddings",
        BERT,
        {"tokenizer_json": a_tokenizer(12)},
        "the tokenizer's highest id is 11 (in tokenizer.json), but vocab_size in config.json is 10",
    ),
    (
        "an added token beyond the embeddings",
        CLIP,
        {"tokenizer_json": a_tokenizer(10, extra=10), "preprocessor_config_json": CLIP_IMAGES},
        "the tokenizer's highest id is 10 (in tokenizer.json), but text_config.vocab_size in config.json is 10",
    ),
    (
        "a list of pieces longer than the embeddings",
        BERT,
        {"tokenizer_json": {"model": {"vocab": [["a", 0.0]] * 11}, "added_tokens": [{"content": "a"}]}},
        "the tokenizer's highest id is 10 (in tokenizer.json), but vocab_size in config.json is 10",
    ),
    (
        "a vocabulary of lines",
        BERT,
        {"tokenizer_json": None, "vocab_txt": b"a\nb\n" * 6},
        "the tokenizer's highest id is 11 (in vocab.txt), but vocab_size in config.json is 10",
    ),
    (
        "a vocabulary of pairs",
        BERT,
        {"tokenizer_json": None, "vocab_json": {"a": 3, "b": None}, "added_tokens_json": {"c": 10}},
        "the tokenizer's highest id is 10 (in vocab.json), but vocab_size in config.json is 10",
    ),
    (
        "a vocabulary declared in the tokenizer's config",
        BERT,
        {"tokenizer_json": None, "tokenizer_config_json": {"added_tokens_decoder": {"10": {"content": "a"}, "x": {}}}},
        "the tokenizer's highest id is 10 (in tokenizer_config.json), but vocab_size in config.json is 10",
    ),
    (
        "an image processor of another size",
        VIT,
        {"preprocessor_config_json": {**VIT_IMAGES, "size": {"height": 16, "width": 16}}},
        "images come out as 16x16 (size in preprocessor_config.json), but image_size in config.json is 32x32",
    ),
    (
        "an image processor of another size in one number",
        VIT,
        {"preprocessor_config_json": {**VIT_IMAGES, "size": 16}},
        "images come out as 16x16 (size in preprocessor_config.json), but image_size in config.json is 32x32",
    ),
    (
        "a crop of another size",
        CLIP,
        {
            "tokenizer_json": a_tokenizer(),
            "processor_config_json": {"image_processor": {**CLIP_IMAGES, "crop_size": 48}, "processor_class": "CLIPProcessor"},
        },
        (
            "images come out as 48x48 (image_processor.crop_size in processor_config.json), "
            "but vision_config.image_size in config.json is 32x32"
        ),
    ),
    (
        "an image that is no multiple of its patches",
        {**VIT, "patch_size": 12},
        {"preprocessor_config_json": VIT_IMAGES},
        "image_size in config.json is 32x32, which is no multiple of patch_size in config.json, 12x12",
    ),
    (
        "other channels",
        {**VIT, "num_channels": 1},
        {"preprocessor_config_json": VIT_IMAGES},
        "image_mean in preprocessor_config.json has 3 channels, but num_channels in config.json is 1",
    ),
    (
        "a patch of the processor that is not the model's",
        LLAVA,
        {
            "tokenizer_json": a_tokenizer(),
            "preprocessor_config_json": CLIP_IMAGES,
            "processor_config_json": {"patch_size": 14, "processor_class": "LlavaProcessor"},
        },
        "patch_size in processor_config.json is 14, but vision_config.patch_size in config.json is 8",
    ),
    (
        "a merge of the processor that is not the model's",
        {"model_type": "qwen2_vl", "architectures": ["Qwen2VLModel"], "vision_config": {"spatial_merge_size": 2}},
        {"preprocessor_config_json": {"image_processor_type": "Qwen2VLImageProcessor", "merge_size": 1}},
        "merge_size in preprocessor_config.json is 1, but vision_config.spatial_merge_size in config.json is 2",
    ),
    (
        "a placeholder with another id",
        LLAVA,
        {"tokenizer_json": a_tokenizer(9, image=8), "tokenizer_config_json": {"image_token": "image"}},
        'image_token_index in config.json is 9, but the tokenizer gives "image" (image_token in tokenizer_config.json) the id 8',
    ),
    (
        "a placeholder named as an extra token",
        {**LLAVA, "image_token_index": 9},
        {
            "tokenizer_json": a_tokenizer(9, image=8),
            "tokenizer_config_json": {"extra_special_tokens": {"image_token": {"content": "image"}}},
        },
        (
            'image_token_index in config.json is 9, but the tokenizer gives "image" '
            "(extra_special_tokens.image_token in tokenizer_config.json) the id 8"
        ),
    ),
    (
        "a padding id beyond the vocabulary",
        {**BERT, "pad_token_id": 10},
        {"tokenizer_json": a_tokenizer()},
        "pad_token_id in config.json is 10, but vocab_size in config.json is 10",
    ),
    (
        "an end of generation beyond the vocabulary",
        GPT2,
        {"tokenizer_json": a_tokenizer(), "generation_config_json": {"eos_token_id": [3, 50257]}},
        "eos_token_id in generation_config.json is 50257, but vocab_size in config.json is 10",
    ),
    (
        "heads that do not share the width",
        {**GPT2, "n_head": 3},
        {"tokenizer_json": a_tokenizer()},
        "n_embd in config.json is 8, which is no multiple of n_head in config.json, 3",
    ),
    (
        "key heads that do not share the query heads",
        {**GPT2, "num_attention_heads": 8, "num_key_value_heads": 3, "head_dim": 16},
        {"tokenizer_json": a_tokenizer()},
        "num_attention_heads in config.json is 8, which is no multiple of num_key_value_heads in config.json, 3",
    ),
    (
        "other mel bins",
        WHISPER,
        {"tokenizer_json": a_tokenizer(), "preprocessor_config_json": {**EARS, "feature_size": 128}},
        "feature_size in preprocessor_config.json is 128, but num_mel_bins in config.json is 80",
    ),
    (
        "no tokenizer for a text",
        BERT,
        {"tokenizer_json": None},
        "fill-mask takes text, but the folder holds no tokenizer (no tokenizer.json nor its like)",
    ),
    (
        "no image processor for an image",
        VIT,
        {},
        "image-classification takes image, but the folder holds no image processor (no preprocessor_config.json nor its like)",
    ),
    (
        "a whole processor of another family",
        VIT,
        {"preprocessor_config_json": {**VIT_IMAGES, "processor_class": "CLIPProcessor"}},
        "processor_class in preprocessor_config.json is CLIPProcessor, but model_type in config.json is vit",
    ),
    (
        "an image processor of another layout",
        VIT,
        {"preprocessor_config_json": {**VIT_IMAGES, "image_processor_type": "Qwen2VLImageProcessor"}},
        "image_processor_type in preprocessor_config.json is Qwen2VLImageProcessor, but model_type in config.json is vit",
    ),
    (
        "a tokenizer of another family",
        BERT,
        {"tokenizer_json": a_tokenizer(), "tokenizer_config_json": {"tokenizer_class": "WhisperTokenizerFast"}},
        "tokenizer_class in tokenizer_config.json is WhisperTokenizerFast, but model_type in config.json is bert",
    ),
]


@pytest.mark.parametrize(("config", "files", "sentence"), [row[1:] for row in PLANTED], ids=[row[0] for row in PLANTED])
def test_a_mismatch_is_refused_and_names_both_sizes(
    tmp_path: Path, config: Mapping[str, Any], files: Mapping[str, Any], sentence: str
) -> None:
    facts = facts_of(a_checkpoint(tmp_path / "m", config, **files))
    assert reasons(facts) == [sentence]
    assert facts.refusals[0].reason_code is ReasonCode.INPUT_MISMATCH


FITTING: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("a plain text model", BERT, {"tokenizer_json": a_tokenizer()}),
    ("a vocabulary shorter than the embeddings", BERT, {"tokenizer_json": a_tokenizer(4)}),
    ("a tokenizer that cannot be read without a library", BERT, {"tokenizer_model": b"\x00"}),
    ("a config that leaves the vocabulary to its class", {**BERT, "vocab_size": None}, {"tokenizer_json": a_tokenizer(99)}),
    ("embeddings with rows beyond the vocabulary", {**BERT, "model_type": "mllama"}, {"tokenizer_json": a_tokenizer(11)}),
    ("a plain image model", VIT, {"preprocessor_config_json": VIT_IMAGES}),
    ("images that are not resized", VIT, {"preprocessor_config_json": {**VIT_IMAGES, "size": 16, "do_resize": False}}),
    ("images cropped as the class does by default", VIT, {"preprocessor_config_json": {**VIT_IMAGES, "size": 16, "crop_size": 8}}),
    ("images resized by their shortest edge", VIT, {"preprocessor_config_json": {**VIT_IMAGES, "size": {"shortest_edge": 16}}}),
    (
        "a family that resizes by the shortest edge in one number",
        CLIP,
        {"tokenizer_json": a_tokenizer(), "preprocessor_config_json": {"size": 16, "do_resize": True}},
    ),
    ("a model for images of any size", {**VIT, "model_type": "swin"}, {"preprocessor_config_json": {**VIT_IMAGES, "size": 16}}),
    ("an image in two numbers", {**VIT, "image_size": [32, 32]}, {"preprocessor_config_json": VIT_IMAGES}),
    ("a published Siglip, which is not cut into whole patches", {**VIT, "model_type": "siglip", "patch_size": 14},
     {"preprocessor_config_json": VIT_IMAGES}),
    ("a patch of no size", {**VIT, "patch_size": 0}, {"preprocessor_config_json": VIT_IMAGES}),
    ("means that are not used", {**VIT, "num_channels": 1}, {"preprocessor_config_json": {**VIT_IMAGES, "do_normalize": False}}),
    ("CLIP", CLIP, {"tokenizer_json": a_tokenizer(), "preprocessor_config_json": CLIP_IMAGES}),
    (
        "LLaVA with CLIP's image processor",
        LLAVA,
        {
            "tokenizer_json": a_tokenizer(9, image=9),
            "tokenizer_config_json": {"image_token": "image", "tokenizer_class": "LlamaTokenizer"},
            "preprocessor_config_json": {**CLIP_IMAGES, "processor_class": "LlavaProcessor"},
            "processor_config_json": {"patch_size": 8, "processor_class": "LlavaProcessor"},
        },
    ),
    ("BERT with another family's tokenizer", BERT,
     {"tokenizer_json": a_tokenizer(), "tokenizer_config_json": {"tokenizer_class": "XLMRobertaTokenizer"}}),
    ("heads with a width of their own", {**GPT2, "n_head": 3, "head_dim": 4}, {"tokenizer_json": a_tokenizer()}),
    ("heads in parts", {**GPT2, "n_head": 3, "qk_rope_head_dim": 4}, {"tokenizer_json": a_tokenizer()}),
    ("heads of a family that rounds", {**GPT2, "model_type": "qwen2", "n_head": 3}, {"tokenizer_json": a_tokenizer()}),
    ("an end that the class writes of itself", {**GPT2, "eos_token_id": 50256}, {"tokenizer_json": a_tokenizer()}),
    ("a speaker whose vocabulary is of sounds", {**BERT, "model_type": "csm", "pad_token_id": 128002},
     {"tokenizer_json": a_tokenizer(99)}),
    ("a vocabulary of pairs with nothing added", BERT, {"vocab_json": {"a": 3}}),
    ("patches of a processor that means something else by them", VIT,
     {"preprocessor_config_json": {**VIT_IMAGES, "image_processor_type": "Step3VLImageProcessor", "patch_size": 504}}),
    ("no heads", {**GPT2, "n_head": 0}, {"tokenizer_json": a_tokenizer()}),
    ("an end of text that an encoder never writes", {**BERT, "eos_token_id": 49407}, {"tokenizer_json": a_tokenizer()}),
    ("Whisper", WHISPER, {"tokenizer_json": a_tokenizer(), "preprocessor_config_json": EARS}),
    (
        "SpeechT5, whose features are samples",
        {**WHISPER, "model_type": "speecht5"},
        {
            "tokenizer_json": a_tokenizer(),
            "preprocessor_config_json": {"feature_extractor_type": "SpeechT5FeatureExtractor", "feature_size": 1},
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("config", "files"), [row[1:] for row in FITTING], ids=[row[0] for row in FITTING])
def test_what_fits_is_not_refused(tmp_path: Path, config: Mapping[str, Any], files: Mapping[str, Any]) -> None:
    assert reasons(facts_of(a_checkpoint(tmp_path / "m", config, **files))) == []


def test_every_mismatch_of_a_folder_is_told_at_once(tmp_path: Path) -> None:
    facts = facts_of(a_bert(tmp_path / "m", config={**BERT, "num_attention_heads": 3, "pad_token_id": 10}))
    assert len(facts.refusals) == 2


def test_a_tokenizer_that_is_not_json_is_refused(tmp_path: Path) -> None:
    facts = facts_of(a_bert(tmp_path / "m", tokenizer_json=b"{"))
    assert [refusal.reason_code for refusal in facts.refusals] == [ReasonCode.MODEL_NOT_FOUND]
    assert reasons(facts)[0].startswith("tokenizer.json of the checkpoint cannot be read: it is not JSON")
