"""Which part of a model a parameter belongs to, by names as the families have them."""

import pytest

from bench.domain.task import Trait
from bench.worker.network.components import component_of

TEXT, IMAGE, VIDEO, AUDIO = (frozenset({trait}) for trait in (Trait.TEXT, Trait.IMAGE, Trait.VIDEO, Trait.AUDIO))


@pytest.mark.parametrize(
    ("name", "takes", "base", "component"),
    [
        # decoders and encoders of text
        ("transformer.wte.weight", TEXT, "transformer.", "embeddings"),
        ("transformer.h.0.mlp.c_fc.weight", TEXT, "transformer.", "language"),
        ("lm_head.weight", TEXT, "model.", "head"),
        ("bert.embeddings.word_embeddings.weight", TEXT, "bert.", "embeddings"),
        ("bert.pooler.dense.weight", TEXT, "bert.", "language"),
        ("cls.predictions.transform.dense.weight", TEXT, "bert.", "head"),
        ("vocab_transform.weight", TEXT, "distilbert.", "head"),
        ("model.layers.0.mlp.experts.gate_up_proj", TEXT, "model.", "language"),
        # pictures and clips
        ("vit.embeddings.cls_token", IMAGE, "vit.", "vision"),
        ("classifier.weight", IMAGE, "vit.", "head"),
        ("neck.fusion_stage.layers.0.projection.weight", IMAGE, "dpt.", "head"),
        ("fc_norm.weight", VIDEO, "videomae.", "head"),
        ("videomae.encoder.layer.0.attention.attention.query.weight", VIDEO, "videomae.", "vision"),
        # both
        ("text_model.embeddings.token_embedding.weight", TEXT | IMAGE, "", "embeddings"),
        ("text_projection.weight", TEXT | IMAGE, "", "projector"),
        ("visual_projection.weight", TEXT | IMAGE, "", "projector"),
        ("logit_scale", TEXT | IMAGE, "", "head"),
        ("text_decoder.cls.predictions.bias", TEXT | IMAGE, "", "head"),
        ("text_encoder.encoder.layer.0.crossattention.self.key.weight", TEXT | IMAGE, "", "language"),
        ("itm_head.weight", TEXT | IMAGE, "", "head"),
        ("model.vision_tower.encoder.layers.0.mlp.fc1.weight", TEXT | IMAGE, "model.", "vision"),
        ("model.multi_modal_projector.linear_1.weight", TEXT | IMAGE, "model.", "projector"),
        ("model.language_model.embed_tokens.weight", TEXT | IMAGE, "model.", "embeddings"),
        ("model.language_model.encoder.layers.0.fc1.weight", TEXT | IMAGE, "model.", "language"),
        ("model.visual.merger.mlp.0.weight", TEXT | IMAGE | VIDEO, "model.", "projector"),
        ("model.visual.deepstack_merger_list.0.norm.weight", TEXT | IMAGE | VIDEO, "model.", "projector"),
        ("model.visual.blocks.0.attn.qkv.weight", TEXT | IMAGE | VIDEO, "model.", "vision"),
        ("lxmert.encoder.x_layers.0.visual_attention.att.query.weight", TEXT | IMAGE, "lxmert.", "fusion"),
        ("lxmert.encoder.r_layers.0.output.dense.weight", TEXT | IMAGE, "lxmert.", "vision"),
        ("lxmert.encoder.layer.0.output.dense.weight", TEXT | IMAGE, "lxmert.", "language"),
        ("answer_head.logit_fc.0.weight", TEXT | IMAGE, "lxmert.", "head"),
        ("bridgetower.cross_modal_image_layers.0.output.dense.weight", TEXT | IMAGE, "bridgetower.", "fusion"),
        ("bridgetower.vision_model.visual.ln_pre.weight", TEXT | IMAGE, "bridgetower.", "vision"),
        ("itc_cross_modal_head.fc.weight", TEXT | IMAGE, "bridgetower.", "head"),
        # three
        (
            "model.embed_tokens_extend.image_embed.img_processor.encoder.layers.0.mlp.fc1.weight",
            TEXT | IMAGE | AUDIO,
            "model.",
            "vision",
        ),
        ("model.embed_tokens_extend.image_embed.img_projection_up.weight", TEXT | IMAGE | AUDIO, "model.", "projector"),
        ("model.embed_tokens_extend.audio_embed.up_proj_for_vision_speech.weight", TEXT | IMAGE | AUDIO, "model.", "projector"),
        ("model.embed_tokens_extend.audio_embed.encoder.encoders.0.conv.glu.weight", TEXT | IMAGE | AUDIO, "model.", "audio"),
        ("model.audio_tower.layers.0.fc1.weight", TEXT | IMAGE | AUDIO | VIDEO, "model.", "audio"),
        ("model.audio_tower.proj1.weight", TEXT | IMAGE | AUDIO | VIDEO, "model.", "projector"),
    ],
)
def test_a_parameter_belongs_to_the_part_that_its_name_says(name: str, takes: frozenset[Trait], base: str, component: str) -> None:
    assert component_of(name, takes, base=base) == component


@pytest.mark.parametrize(
    ("name", "component"),
    [
        ("model.encoder.conv1.weight", "audio"),
        ("model.encoder.embed_positions.weight", "audio"),
        ("model.decoder.embed_tokens.weight", "embeddings"),
        ("model.decoder.layers.0.fc1.weight", "language"),
        ("proj_out.weight", "head"),
    ],
)
def test_an_encoder_before_a_decoder_is_of_what_it_hears(name: str, component: str) -> None:
    assert component_of(name, TEXT | AUDIO, base="model.", encodes=True) == component
