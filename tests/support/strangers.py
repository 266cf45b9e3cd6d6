"""Small checkpoints of families that have no preset, made by their own classes: what a user may bring in a folder.

Run as `python -m tests.support.strangers FOLDER [NAME…]`, it writes each into a folder of its name.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_SHAPE = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
_IDS = {"pad_token_id": 3, "bos_token_id": 1, "eos_token_id": 2}
_SIDE = {"height": 32, "width": 32}
_EDGE = {"shortest_edge": 64, "longest_edge": 96}
_WAVE = {**_SHAPE, "vocab_size": 32, "conv_dim": (32,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}
_VISION = {**_SHAPE, "image_size": 32, "patch_size": 8}
_SPEECH = {"vocab_size": 400, "hidden_size": 64, "intermediate_size": 128, "max_position_embeddings": 128, **_IDS}
_HALVES = {f"{half}_{what}": 2 for half in ("encoder", "decoder") for what in ("num_hidden_layers", "num_attention_heads")}


def write(folder: Path, *names: str) -> None:
    """Write the strangers called NAMES into FOLDER, in a process that is not the test's."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.strangers", str(folder), *names]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def words(*extra: str, **roles: str) -> Any:
    """Train a byte-level tokenizer with <unk>, <s>, </s> and <pad> in front; EXTRA tokens and ROLES come after them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        show_progress=False,
        special_tokens=[*special.values(), *roles.values(), *extra],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    backend.train_from_iterator(["a quiet machine gives the numbers that one may use"] * 50, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, extra_special_tokens=roles, padding_side="left", model_max_length=64, **special
    )


def _plain(model: str, config: str, *processors: Any, **settings: Any) -> Callable[[Any], tuple[Any, tuple[Any, ...]]]:
    """Put off making MODEL with its CONFIG and PROCESSORS until the library is there."""

    def make(library: Any) -> tuple[Any, tuple[Any, ...]]:
        made = getattr(library, model)(getattr(library, config)(**settings))
        return made, tuple(processor(library) if callable(processor) else processor for processor in processors)

    return make


def _part(name: str, **settings: Any) -> Callable[[Any], Any]:
    return lambda library: getattr(library, name)(**settings)


def _joined(name: str, image: Callable[[Any], Any], tokenizer: Callable[[], Any], **settings: Any) -> Callable[[Any], Any]:
    return lambda library: getattr(library, name)(image(library), tokenizer(), **settings)


def _text(_library: Any) -> Any:
    return words()


def _spelling(library: Any) -> Any:
    """Make a processor of sound whose tokenizer joins letters, as those of CTC heads."""
    letters = ["<pad>", "<s>", "</s>", "<unk>", "|", *"'ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({letter: number for number, letter in enumerate(letters)}, file)
        file.flush()
        tokenizer = library.Wav2Vec2CTCTokenizer(file.name)
    return library.Wav2Vec2Processor(library.Wav2Vec2FeatureExtractor(), tokenizer)


def _encoder_decoder(library: Any) -> tuple[Any, tuple[Any, ...]]:
    """Make a tower of images and a decoder that looks at it, its processor in two parts, as ViT-GPT2 has it."""
    sees, writes = library.ViTConfig(**_VISION), library.GPT2Config(vocab_size=400, n_embd=64, n_layer=2, n_head=2, n_positions=64)
    config = library.VisionEncoderDecoderConfig.from_encoder_decoder_configs(sees, writes)
    config.decoder_start_token_id, config.pad_token_id, config.eos_token_id = 1, 3, 2
    return library.VisionEncoderDecoderModel(config), (library.ViTImageProcessor(size=_SIDE), words())


STRANGERS: Mapping[str, Callable[[Any], tuple[Any, tuple[Any, ...]]]] = {
    "distilbert": _plain(
        "DistilBertForSequenceClassification", "DistilBertConfig", _text,
        vocab_size=400, dim=64, hidden_dim=128, n_layers=2, n_heads=2, num_labels=3,
    ),
    "roberta": _plain("RobertaForMaskedLM", "RobertaConfig", _text, vocab_size=400, max_position_embeddings=132, **_SHAPE, **_IDS),
    "bert-next-sentence": _plain(
        "BertForNextSentencePrediction", "BertConfig", _text, vocab_size=400, max_position_embeddings=64, **_SHAPE, **_IDS
    ),
    "mistral": _plain(
        "MistralForCausalLM", "MistralConfig", _text, vocab_size=400, num_key_value_heads=1, sliding_window=16, **_SHAPE, **_IDS
    ),
    "marian": _plain(
        "MarianMTModel", "MarianConfig", _text,
        vocab_size=400, d_model=64, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=128, decoder_start_token_id=3, forced_eos_token_id=2,
        pad_token_id=3, eos_token_id=2,
    ),
    "siglip": _plain("SiglipVisionModel", "SiglipVisionConfig", _part("SiglipImageProcessor", size=_SIDE), **_VISION),
    "swin": _plain(
        "SwinForImageClassification", "SwinConfig", _part("ViTImageProcessor", size=_SIDE),
        image_size=32, patch_size=2, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4, num_labels=5,
    ),
    "dinov2": _plain(
        "Dinov2ForImageClassification", "Dinov2Config",
        _part("BitImageProcessor", size={"shortest_edge": 32}, crop_size=_SIDE), num_labels=4, **_VISION,
    ),
    "yolos": _plain(
        "YolosForObjectDetection", "YolosConfig", _part("YolosImageProcessor", size=_EDGE),
        image_size=[64, 64], patch_size=16, num_detection_tokens=5, num_labels=3, **_SHAPE,
    ),
    "segformer": _plain(
        "SegformerForSemanticSegmentation", "SegformerConfig", _part("SegformerImageProcessor", size={"height": 64, "width": 64}),
        num_encoder_blocks=2, depths=[1, 1], sr_ratios=[2, 1], hidden_sizes=[16, 32], patch_sizes=[7, 3], strides=[4, 2],
        num_attention_heads=[1, 2], mlp_ratios=[2, 2], decoder_hidden_size=32, num_labels=4,
    ),
    "vivit": _plain(
        "VivitForVideoClassification", "VivitConfig", _part("VivitImageProcessor", size={"shortest_edge": 32}, crop_size=_SIDE),
        image_size=32, num_frames=4, tubelet_size=[2, 8, 8], num_labels=3, **_SHAPE,
    ),
    "wav2vec2": _plain(
        "Wav2Vec2ForSequenceClassification", "Wav2Vec2Config", _part("Wav2Vec2FeatureExtractor"), num_labels=4, **_WAVE
    ),
    "wav2vec2-ctc": _plain("Wav2Vec2ForCTC", "Wav2Vec2Config", _part("Wav2Vec2FeatureExtractor"), **_WAVE),
    "wav2vec2-letters": _plain("Wav2Vec2ForCTC", "Wav2Vec2Config", _spelling, **_WAVE),
    "moonshine": _plain(
        "MoonshineForConditionalGeneration", "MoonshineConfig",
        _part("Wav2Vec2FeatureExtractor", return_attention_mask=True), _text, decoder_start_token_id=1, **_SPEECH, **_HALVES,
    ),
    "vilt": _plain(
        "ViltForQuestionAnswering", "ViltConfig",
        _joined("ViltProcessor", _part("ViltImageProcessor", size={"shortest_edge": 64}, size_divisor=16), words),
        vocab_size=400, max_position_embeddings=64, image_size=64, patch_size=16, num_labels=5, **_SHAPE,
    ),
    "blip2": _plain(
        "Blip2ForConditionalGeneration", "Blip2Config",
        _joined("Blip2Processor", _part("BlipImageProcessor", size=_SIDE), partial(words, "<image>"), num_query_tokens=4),
        vision_config=_VISION,
        qformer_config={**_SHAPE, "vocab_size": 400, "encoder_hidden_size": 64, "cross_attention_frequency": 1},
        text_config={
            "model_type": "opt", "vocab_size": 400, "hidden_size": 64, "ffn_dim": 128, "num_hidden_layers": 2,
            "num_attention_heads": 2, "word_embed_proj_dim": 64, "max_position_embeddings": 128, **_IDS,
        },
        num_query_tokens=4, image_token_index=4,
    ),
    "vit-gpt2": _encoder_decoder,
    "gemma3": _plain(
        "Gemma3ForConditionalGeneration", "Gemma3Config",
        _joined(
            "Gemma3Processor", _part("Gemma3ImageProcessor", size=_SIDE),
            partial(words, boi_token="<boi>", eoi_token="<eoi>", image_token="<img>"), image_seq_length=4,  # noqa: S106
        ),
        vision_config={**_VISION, "model_type": "siglip_vision_model"},
        text_config={**_SHAPE, "vocab_size": 400, "num_key_value_heads": 1, "head_dim": 32, **_IDS},
        mm_tokens_per_image=4, image_token_index=6, boi_token_index=4, eoi_token_index=5,
    ),
}  # fmt: skip
"""How each is made: its model and the parts of its processor."""


def main() -> None:
    import torch

    from bench.worker.host import libraries

    libraries.stand_in_for_torchvision_operators()
    import transformers

    folder = Path(sys.argv[1])
    for name in sys.argv[2:]:
        torch.manual_seed(0)
        model, processors = STRANGERS[name](transformers)
        for part in (model, *processors):
            part.save_pretrained(folder / name)


if __name__ == "__main__":
    main()
