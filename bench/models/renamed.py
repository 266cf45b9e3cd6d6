"""Names that other tools and earlier versions of transformers have for what has another name here, or none any more."""

import re
from collections.abc import Mapping

TASKS: Mapping[str, str] = {
    "vqa": "visual-question-answering",
    "conditional_generation": "text2text-generation (or image-text-to-text, image-to-text, automatic-speech-recognition)",
    "seq2seq": "text2text-generation",
    "summarization": "text2text-generation",
    "translation": "text2text-generation",
    "captioning": "image-to-text",
    "image-captioning": "image-to-text",
    "causal-lm": "text-generation",
    "causal_lm": "text-generation",
    "masked-lm": "fill-mask",
    "asr": "automatic-speech-recognition",
    "retrieval": "image-text-retrieval",
    "embedding": "feature-extraction",
}
"""Tasks by names that are not the Hub's."""

OPTIONS: Mapping[str, str] = {
    "torch_dtype": "`dtype` is its name now",
    "load_in_8bit": '`quantization="bnb-int8"` says it',
    "load_in_4bit": '`quantization="bnb-nf4"` (or bnb-fp4) says it',
    "quantization_config": "`quantization` takes the name of a method, such as bnb-int8",
    "attn_implementation": "`attention` is its name here",
    "use_flash_attention_2": '`attention="flash_attention_2"` says it',
    "low_cpu_mem_usage": "transformers 5 ignores it, since weights are never held twice: leave it out",
    "use_safetensors": "safetensors are always read, and pickled weights only with `allow_pickle=True`",
    "use_fast": "there is one kind of tokenizer now: leave it out (a suite's `processor_backend` chooses how images are prepared)",
    "use_auth_token": "log in with `hf auth login` or set HF_TOKEN: leave it out",
    "max_gpu_memory": '`device_map="auto"` with `max_memory={...}` says it',
}
"""Arguments of loaders, and what stands for them here."""

_CLASSES: Mapping[str, str] = {
    "AutoModelForVision2Seq": "AutoModelForImageTextToText",
    "AutoModelWithLMHead": "AutoModelForCausalLM, AutoModelForMaskedLM or AutoModelForSeq2SeqLM",
    "AutoFeatureExtractor": "AutoImageProcessor or AutoProcessor",
}


def renamed_class(name: str) -> str | None:
    """Say what stands now for the class NAME of earlier versions; None where it is not one of them."""
    if name in _CLASSES:
        return f"`{name}` is called {_CLASSES[name]} now"
    if re.fullmatch(r"\w+(FeatureExtractor|ImageProcessor|Processor|Tokenizer)(Fast)?", name) is None:
        return None
    older = "; those of images are called ...ImageProcessor now" if name.endswith("FeatureExtractor") else ""
    return f"`{name}` is no model: a processor is loaded with its model, by itself{older}"


def renamed_task(name: str) -> str | None:
    """Say what stands here for the task NAME of other tools; None where it is not one of them."""
    return f'"{name}" is called {TASKS[name]} here, as on the Hub' if name in TASKS else None
