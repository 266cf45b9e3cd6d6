"""How many parameters the models of the presets are published to have, and where.

A safetensors file's metadata is what the model's page on the Hub shows. A number that was recalled, and not found in a copy of its
source while there was no network, ends with an asterisk.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Published(NamedTuple):
    """The parameters of a task's class, and where the number stands; nothing stands anywhere where `where` is empty."""

    parameters: int
    where: str


_FILE = "safetensors metadata"
PUBLISHED: Mapping[tuple[str, str], Published] = {
    ("gpt2", "text-generation"): Published(124_439_808, f"{_FILE}: 137,022,720 with 12 masks of 1024 x 1024; 124 M in the card"),
    ("llama-3.2-1b", "text-generation"): Published(1_235_814_400, f"{_FILE}; 1.23 B in the card"),
    ("qwen3-0.6b", "text-generation"): Published(596_049_920, f"{_FILE}: 751,632,384 with the tied head twice; 0.6 B in the card"),
    ("bert-base", "fill-mask"): Published(
        109_514_298, f"{_FILE}: 110,106,428 with pooler and next-sentence head *; 110 M in the card"
    ),
    ("t5-small", "text2text-generation"): Published(60_506_624, f"{_FILE}; 60 M in the card"),
    ("bart-base", "text2text-generation"): Published(139_420_416, "140 M in the README of fairseq's BART *"),
    ("vit-base", "image-classification"): Published(
        86_567_656, "torchvision's page of vit_b_16, the same network; 86 M in the paper"
    ),
    ("clip-vit-base-patch32", "zero-shot-image-classification"): Published(151_277_313, f"{_FILE}, less 127 position numbers *"),
    ("blip-vqa-base", "visual-question-answering"): Published(361_230_140, f"{_FILE}: 384,672,572 with the tied head twice *"),
    ("blip-vqa-base", "image-to-text"): Published(223_971_644, f"{_FILE}: 247,414,076 with the tied head twice *"),
    ("blip-vqa-base", "image-text-retrieval"): Published(223_744_258, ""),
    ("llava-1.5-7b", "image-text-to-text"): Published(7_063_427_072, _FILE),
    ("qwen2-vl-2b", "image-text-to-text"): Published(2_208_985_600, _FILE),
    ("florence-2-base", "image-text-to-text"): Published(231_443_968, "0.23 B in the card"),
    ("phi-4-multimodal", "image-text-to-text"): Published(
        4_744_004_032, "5,574,460,384 with both adapters (830,472,192), which the class of transformers has not"
    ),
    ("qwen3-omni", "image-text-to-text"): Published(31_719_205_488, f"{_FILE} of the Thinking checkpoint, which is the thinker"),
    ("bridgetower-base", "image-text-retrieval"): Published(326_350_082, ""),
    ("bridgetower-base", "feature-extraction"): Published(327_921_409, ""),
    ("bridgetower-base", "fill-mask"): Published(365_592_921, ""),
    ("lxmert-base", "question-answering"): Published(223_722_524, ""),
    ("whisper-tiny", "automatic-speech-recognition"): Published(37_760_640, f"{_FILE}; 39 M in the card"),
    ("whisper-base", "automatic-speech-recognition"): Published(72_593_920, f"{_FILE}; 74 M in the card"),
    ("videomae-base", "video-classification"): Published(86_534_800, f"{_FILE} *; 87 M in the paper"),
}
