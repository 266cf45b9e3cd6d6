"""Every task's declaration, walked: a new file is tested the day it is added. None of this imports torch."""

import re

import pytest

from bench.domain.task import Trait
from bench.models.refused import RefusedError
from bench.models.traits import infer_task
from bench.worker import tasks

HEADS = {
    "GPT2LMHeadModel": "text-generation",
    "Qwen3MoeForCausalLM": "text-generation",
    "Phi4MultimodalForCausalLM": "image-text-to-text",
    "BertForMaskedLM": "fill-mask",
    "BertForSequenceClassification": "text-classification",
    "Wav2Vec2ForSequenceClassification": "audio-classification",
    "BertForTokenClassification": "token-classification",
    "BertForQuestionAnswering": "question-answering",
    "LxmertForQuestionAnswering": "question-answering",
    "BertForNextSentencePrediction": "next-sentence-prediction",
    "BlipForQuestionAnswering": "visual-question-answering",
    "ViltForQuestionAnswering": "visual-question-answering",
    "BertModel": "feature-extraction",
    "SiglipVisionModel": "feature-extraction",
    "CLIPModel": "zero-shot-image-classification",
    "BridgeTowerForContrastiveLearning": "feature-extraction",
    "BridgeTowerForImageAndTextRetrieval": "image-text-retrieval",
    "BlipForImageTextRetrieval": "image-text-retrieval",
    "BlipForConditionalGeneration": "image-to-text",
    "T5ForConditionalGeneration": "text2text-generation",
    "BartForConditionalGeneration": "text2text-generation",
    "MarianMTModel": "text2text-generation",
    "LlavaForConditionalGeneration": "image-text-to-text",
    "LlavaOnevisionForConditionalGeneration": "image-text-to-text",
    "LlavaNextVideoForConditionalGeneration": "video-text-to-text",
    "Qwen2VLForConditionalGeneration": "image-text-to-text",
    "Qwen2_5_VLForConditionalGeneration": "image-text-to-text",
    "Qwen3VLMoeForConditionalGeneration": "image-text-to-text",
    "Qwen3OmniMoeThinkerForConditionalGeneration": "image-text-to-text",
    "Florence2ForConditionalGeneration": "image-text-to-text",
    "Qwen2AudioForConditionalGeneration": "audio-text-to-text",
    "WhisperForConditionalGeneration": "automatic-speech-recognition",
    "Wav2Vec2ForCTC": "automatic-speech-recognition",
    "ViTForImageClassification": "image-classification",
    "VideoMAEForVideoClassification": "video-classification",
    "SegformerForSemanticSegmentation": "image-segmentation",
    "Mask2FormerForUniversalSegmentation": "image-segmentation",
    "DetrForObjectDetection": "object-detection",
    "DPTForDepthEstimation": "depth-estimation",
}


@pytest.mark.parametrize("name", tasks.names())
def test_a_task_is_declared_whole_under_its_files_name(name: str) -> None:
    task = tasks.find(name).TASK
    assert task.name == name
    assert task.batch
    assert task.heads
    assert task.auto_classes
    assert all(re.fullmatch(r"AutoModel(For\w+)?", one) for one in task.auto_classes)
    assert all(re.compile(pattern) for pattern in (*task.heads, *task.one_pass))


@pytest.mark.parametrize(("architecture", "task"), HEADS.items())
def test_the_class_that_a_checkpoint_names_says_its_task(architecture: str, task: str) -> None:
    assert infer_task(architecture, tasks.declared()).name == task


@pytest.mark.parametrize("architecture", ["", "OwlViTForObjectDetection", "SomethingElse"])
def test_a_class_that_does_no_task_is_refused_by_its_name(architecture: str) -> None:
    with pytest.raises(RefusedError, match=architecture or "no architecture"):
        infer_task(architecture, tasks.declared())


def test_a_class_that_answers_in_one_pass_generates_nothing_although_its_task_does() -> None:
    speech = tasks.find("automatic-speech-recognition").TASK
    assert Trait.GENERATES in speech.traits_of("WhisperForConditionalGeneration")
    assert speech.traits_of("Wav2Vec2ForCTC") == {Trait.AUDIO}


def test_a_task_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        tasks.find("vqa")


def test_a_contrastive_class_embeds_where_no_task_is_named_and_matches_where_that_is_asked_for() -> None:
    name = "BridgeTowerForContrastiveLearning"
    assert infer_task(name, tasks.declared()).name == "feature-extraction"
    assert any(re.search(head, name) for head in tasks.find("image-text-retrieval").TASK.heads)
