"""Answer a text about images, token by token."""

from bench.domain.task import Task, Trait
from bench.worker.material.making import Maker, Raw

TASK = Task(
    name="image-text-to-text",
    traits=frozenset({Trait.TEXT, Trait.IMAGE, Trait.GENERATES}),
    auto_classes=("AutoModelForImageTextToText", "AutoModelForMultimodalLM"),
    batch="prompts, each with its images",
    heads=(
        "^(Aria|AyaVision|Chameleon|Cohere2Vision|Deepseek|Emu3|Ernie4_5_VL|FastVlm|Florence2|Gemma3|Gemma4|Glm4?6?[Vv]?)\\w*ForConditionalGeneration$",
        "^(GotOcr2|Granite4Vision|GraniteDocling|HunYuanVL|Idefics|InstructBlip(?!Video)|InternVL|Janus|Kosmos2|LightOnOcr|Llama4|Llava(?!NextVideo))\\w*ForConditionalGeneration$",
        "^(Lfm|MiniCPM|Mistral3|Mllama|Molmo2|Ovis2|PaddleOCRVL|PaliGemma|PerceptionLM|Pix2Struct|SmolVLM|Udop|VipLlava)\\w*ForConditionalGeneration$",
        "^Qwen(2VL|2_5_VL|2_5Omni|3VL|3_5|3OmniMoe)\\w*ForConditionalGeneration$",
        "^(Phi4Multimodal|Fuyu|Git)ForCausalLM$",
    ),
)


def raw(make: Maker) -> Raw:
    """Make one prompt an item with its images, placeholders or the chat template around it."""
    return make.everything()
