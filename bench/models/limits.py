"""How long a sequence a model takes, told by its config, and whether a case stays within it.

Learned positions end where their table ends; rotary ones go on, but no further than was trained means anything. Models with
relative positions, linear biases or a state instead of attention have no limit. A tokenizer's model_max_length is no limit of the
model.
"""

from collections.abc import Mapping

from bench.domain import lengths
from bench.domain.model import ModelFacts, SequenceLimit
from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.task import Trait
from bench.domain.values import Json, canonical
from bench.models.checkpoint import Section

KEYS = ("max_target_positions", "n_positions", "max_position_embeddings", "max_seq_len", "n_ctx")
"""Config keys that say it, the most particular first."""

UNLIMITED = frozenset({
    "bloom", "falcon_mamba", "longt5", "mamba", "mamba2", "mt5", "pix2struct", "pop2piano", "rwkv", "switch_transformers", "t5",
    "transfo-xl", "udop", "umt5", "xlnet", "xlstm",
})  # fmt: skip
"""Families without a limit, whatever their config says."""

OFFSET = frozenset({
    "altclip", "altclip_text_model", "bridgetower", "bridgetower_text_model", "camembert", "clap", "clap_text_model",
    "data2vec-text", "ibert", "jina_embeddings_v3", "layoutlmv3", "lilt", "longformer", "luke", "markuplm", "mpnet", "roberta",
    "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod",
})  # fmt: skip
"""Families that count positions from pad_token_id + 1 (their `create_position_ids_from_input_ids`).

Composites stand here too: a config written by hand may name no family for its section of text.
"""

HALVES = ("max_encoder_position_embeddings", "max_decoder_position_embeddings")
"""Config keys of LED, whose encoder and decoder have tables of different lengths."""

_LEARNING = frozenset({"train-step", "data"})

TRANSLATORS = frozenset({
    "bart", "bigbird_pegasus", "blenderbot", "blenderbot-small", "led", "m2m_100", "marian", "mbart", "mvp", "pegasus", "pegasus_x",
    "plbart", "prophetnet",
})  # fmt: skip
"""Families of an encoder and a decoder, for configs that leave out is_encoder_decoder."""


def of_config(config: Section, reads: Section) -> tuple[SequenceLimit, ...]:
    """Give the limits of a model with CONFIG whose part that reads text has the section READS."""
    family = reads.text("model_type") or config.text("model_type")
    halves = [reads.whole(key) for key in HALVES]
    if halves[0] is not None and halves[1] is not None:
        return _of_halves(reads.path, halves[0], halves[1])
    found = reads.whole(*KEYS)
    if found is None or family in UNLIMITED or config.text("model_type") in UNLIMITED or not _in_embeddings(reads):
        return ()
    key, tokens = found
    pad = reads.whole("pad_token_id")
    if family in OFFSET:
        tokens -= 1 + (1 if pad is None else pad[1])
    name = reads.path + key
    if not _is_translator(config, reads) or key == KEYS[0]:
        return (SequenceLimit(tokens=tokens, key=name, counts_new=True),)
    return _of_halves(reads.path, (key, tokens), (key, tokens))


def _of_halves(path: str, encoder: tuple[str, int], decoder: tuple[str, int]) -> tuple[SequenceLimit, ...]:
    """Give the limits of an encoder, which reads the prompt, and of a decoder, which writes the new tokens."""
    return (
        SequenceLimit(tokens=encoder[1], key=path + encoder[0], counts_new=False),
        SequenceLimit(tokens=decoder[1], key=path + decoder[0], counts_new=True, counts_prompt=False),
    )


def check_limits(facts: ModelFacts, requested: Mapping[str, Json]) -> Refusal | None:
    """Refuse a case whose REQUESTED axes make a sequence longer than the model takes, or leave out a text that it needs.

    Costs microseconds, for plans are long.
    """
    if requested.get("prompt_tokens") == 0 and (refusal := _without_text(facts, requested)) is not None:
        return refusal
    for limit in facts.limits:
        tokens = _count(requested, "prompt_tokens") if limit.counts_prompt else 0
        if limit.counts_new:
            tokens += _count(requested, "new_tokens") + _count(requested, "depth")
        if tokens > limit.tokens:
            return _too_long(limit, requested, tokens)
    return None


def _without_text(facts: ModelFacts, requested: Mapping[str, Json]) -> Refusal | None:
    if Trait.TEXT_OPTIONAL not in facts.traits:
        reason = f"prompt_tokens 0: {facts.task} needs a text (image-to-text goes without one)"
    elif requested.get("scenario") in _LEARNING:
        reason = f"prompt_tokens 0: scenario {requested['scenario']} learns from a text"
    else:
        return None
    return Refusal(reason=reason, reason_code=ReasonCode.INPUT_MISMATCH)


def _count(requested: Mapping[str, Json], axis: str) -> int:
    value = requested.get(axis)
    return value if type(value) is int else lengths.longest(value)


def _too_long(limit: SequenceLimit, requested: Mapping[str, Json], tokens: int) -> Refusal:
    axes = (("prompt_tokens",) if limit.counts_prompt else ()) + (("depth", "new_tokens") if limit.counts_new else ())
    parts = " + ".join(f"{axis} {canonical(requested[axis])}" for axis in axes if _count(requested, axis))
    return Refusal(
        reason=f"{parts} make a sequence of {tokens} tokens, but {limit.key} of the model allows {limit.tokens}",
        reason_code=ReasonCode.INPUT_MISMATCH,
    )


def _in_embeddings(reads: Section) -> bool:
    """Tell whether positions are in a table or rotary: DeBERTa and Falcon may have them as a bias of attention."""
    return reads.values.get("position_biased_input") is not False and reads.values.get("alibi") is not True


def _is_translator(config: Section, reads: Section) -> bool:
    """Tell whether an encoder reads the prompt and a decoder writes, each with positions of its own."""
    if config.text("model_type") == "blip":  # its question has an encoder of its own, though no flag says so
        return True
    said = reads.values.get("is_encoder_decoder", config.values.get("is_encoder_decoder"))
    return (reads.text("model_type") or config.text("model_type")) in TRANSLATORS if said is None else said is True
