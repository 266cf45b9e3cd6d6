"""Which processors belong to which families, so that one of another folder is noticed.

Only what is known to contradict is listed: many families share tokenizers and image processors, and a class that is not here
stands beside any model.
"""

from collections.abc import Mapping

_CLIP = frozenset({
    "altclip", "chinese_clip", "clip", "clip_text_model", "clip_vision_model", "clipseg", "groupvit", "metaclip_2", "owlv2",
    "owlvit", "vision-text-dual-encoder", "xclip",
})  # fmt: skip
_QWEN_VL = frozenset({"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen2_5_omni", "qwen3_omni_moe", "colqwen2"})
_WHISPER = frozenset({"whisper"})

PROCESSORS: Mapping[str, frozenset[str]] = {
    "BlipProcessor": frozenset({"blip", "blip-2"}),
    "BridgeTowerProcessor": frozenset({"bridgetower"}),
    "CLIPProcessor": _CLIP,
    "Florence2Processor": frozenset({"florence2"}),
    "LlavaProcessor": frozenset({"llava", "llava_next", "vipllava"}),
    "Qwen2VLProcessor": _QWEN_VL,
    "SiglipProcessor": frozenset({"siglip", "siglip2", "siglip_vision_model", "siglip_text_model"}),
    "ViltProcessor": frozenset({"vilt"}),
    "Wav2Vec2Processor": frozenset(
        {"data2vec-audio", "hubert", "sew", "sew-d", "unispeech", "wav2vec2", "wav2vec2-conformer", "wavlm"}
    ),
    "WhisperProcessor": _WHISPER,
}
"""Whole processors by class, with the families that they are made for."""

_PLAIN_TEXT = frozenset({"bart", "bert", "distilbert", "gpt2", "llama", "roberta", "t5"})
_PLAIN_VISION = frozenset({"clip", "clip_vision_model", "deit", "resnet", "siglip", "siglip_vision_model", "swin", "vit"})
_KNOWN = frozenset().union(*PROCESSORS.values()) | _PLAIN_TEXT | _PLAIN_VISION | {"videomae"}

_PIXEL_LAYOUTS = ("Fuyu", "Idefics", "LlavaNext", "LlavaOnevision", "Mllama", "Phi4Multimodal", "Pix2Struct", "Qwen2VL", "VideoMAE")
"""Beginnings of image processors that give something else than one picture of height and width an image."""

_TOKENIZERS: Mapping[str, frozenset[str]] = {"CLIPTokenizer": _PLAIN_TEXT, "WhisperTokenizer": _PLAIN_TEXT | _CLIP}
"""Tokenizers by class, with the families that they are never made for; all others are shared far and wide."""


def contradicts(key: str, named: str, model_type: str) -> bool:
    """Tell whether the class NAMED under KEY of a processor's or tokenizer's file cannot stand beside a model of MODEL_TYPE."""
    if key == "processor_class":
        own = PROCESSORS.get(named)
        return own is not None and model_type in _KNOWN and model_type not in own
    if key == "image_processor_type":
        return model_type in _PLAIN_VISION and named.startswith(_PIXEL_LAYOUTS)
    return model_type in _TOKENIZERS.get(named.removesuffix("Fast"), frozenset())
