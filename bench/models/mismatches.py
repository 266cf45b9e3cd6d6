"""What does not fit together in a checkpoint, found before a weight is read: one small function a check.

A check speaks only where both sides are written down and the family is known to need them equal: a key that a file leaves out has
the default of a class that cannot be asked here. Each sentence names both sizes and where they stand.
"""

from collections.abc import Callable, Iterator

from bench.domain.outcome import ReasonCode, Refusal
from bench.domain.task import Task, Trait
from bench.domain.values import Json
from bench.models import vocabulary
from bench.models.checkpoint import GENERATION, PREPROCESSOR, PROCESSOR, TOKENIZER, Checkpoint, Section, sections
from bench.models.documents import mapping, shown, whole
from bench.models.origins import contradicts
from bench.models.vocabulary import Vocabulary

FIXED_IMAGE = frozenset({
    "blip", "blip_vision_model", "clip", "clip_vision_model", "deit", "siglip", "siglip_vision_model", "videomae", "vit", "vit_msn",
})  # fmt: skip
"""Families with one position for each patch, which take images of one size only."""

WHOLE_PATCHES = FIXED_IMAGE - {"siglip", "siglip_vision_model"}
"""Families that are cut into whole patches; published ones of Siglip are not, and drop the rest."""

OTHER_ROWS = frozenset({
    "csm", "decision_transformer", "idefics", "kyutai_speech_to_text", "mllama", "mllama_text_model", "musicgen_decoder",
    "musicgen_melody_decoder",
})  # fmt: skip
"""Families whose embeddings of text have more rows than vocab_size says, or another key for them."""

HARMLESS = frozenset({49406, 49407, 50256, 128000, 128001})
"""Begins and ends that classes write into a config of any vocabulary: unused where a prompt is given, and never generated."""

EVEN_HEADS = frozenset({
    "albert", "bart", "bert", "blip_text_model", "blip_vision_model", "camembert", "clip", "clip_text_model", "clip_vision_model",
    "distilbert", "electra", "gpt2", "gpt_neo", "gptj", "llama", "lxmert", "marian", "mbart", "opt", "roberta", "siglip_text_model",
    "siglip_vision_model", "videomae", "whisper", "xlm-roberta",
})  # fmt: skip
"""Families that refuse to be built where heads do not share the width evenly; others round, and run."""

COUNTS_PATCHES = ("Llava", "Pixtral", "VideoLlava", "VipLlava")
"""Beginnings of processors that write a placeholder for each patch of an image."""

CUTS_PATCHES = ("Glm4v", "Qwen2VL", "Qwen3VL", "Siglip2")
"""Beginnings of image and video processors that cut patches themselves."""

MEDIA = ("image", "video", "audio")
_HEADS = (
    (
        ("hidden_size", "n_embd", "d_model", "dim", "n_embed"),
        ("num_attention_heads", "encoder_attention_heads", "n_head", "n_heads"),
    ),
    (("d_model",), ("decoder_attention_heads",)),
    (("num_attention_heads",), ("num_key_value_heads",)),
)
_RESIZED_BY_EDGE = frozenset({"clip", "clip_vision_model", "videomae"})
_OWN_WIDTH = ("head_dim", "kv_channels", "d_kv", "d_head", "head_size")
_Check = Callable[[Checkpoint, Vocabulary, Task], Iterator[str]]


def find(checkpoint: Checkpoint, task: Task) -> tuple[Refusal, ...]:
    """Find every mismatch of CHECKPOINT that TASK would meet. Raises RefusedError where a file of it cannot be read."""
    tokens = vocabulary.of_checkpoint(checkpoint) if checkpoint.has_tokenizer else Vocabulary(source=TOKENIZER, ids={})
    said = (sentence for check in _CHECKS for sentence in check(checkpoint, tokens, task))
    return tuple(Refusal(reason=sentence, reason_code=ReasonCode.INPUT_MISMATCH) for sentence in dict.fromkeys(said))


def _parts(checkpoint: Checkpoint, _tokens: Vocabulary, task: Task) -> Iterator[str]:
    """Find a part of the processor that the task needs and that is not there."""
    here = (
        (Trait.TEXT, checkpoint.has_tokenizer, "tokenizer", "tokenizer.json"),
        (Trait.IMAGE, checkpoint.image_processor is not None, "image processor", PREPROCESSOR),
        (Trait.AUDIO, checkpoint.feature_extractor is not None, "feature extractor", PREPROCESSOR),
        (
            Trait.VIDEO,
            checkpoint.video_processor is not None or checkpoint.image_processor is not None,
            "video processor",
            PREPROCESSOR,
        ),
    )
    for trait, there, part, file in here:
        if trait in task.traits_of(checkpoint.architecture) and not there:
            yield f"{task.name} takes {trait.value}, but the folder holds no {part} (no {file} nor its like)"


def _vocabulary(checkpoint: Checkpoint, tokens: Vocabulary, _task: Task) -> Iterator[str]:
    """Compare vocabularies: a token without a row in the embeddings is an index out of range."""
    reads, highest = checkpoint.text_config, tokens.highest
    size = reads.whole("vocab_size")
    if size is not None and highest is not None and highest >= size[1] and checkpoint.model_type not in OTHER_ROWS:
        yield f"the tokenizer's highest id is {highest} (in {tokens.source}), but {reads.name('vocab_size')} is {size[1]}"


def _special_ids(checkpoint: Checkpoint, _tokens: Vocabulary, task: Task) -> Iterator[str]:
    """Compare ids with the vocabulary: the padding row is made with the embeddings, begin and end are used by generation alone."""
    size = checkpoint.text_config.whole("vocab_size")
    if size is None or not checkpoint.has_tokenizer or checkpoint.model_type in OTHER_ROWS:
        return
    keys = ("pad_token_id", "bos_token_id", "eos_token_id") if Trait.GENERATES in task.traits else ("pad_token_id",)
    for section in (checkpoint.text_config, checkpoint.section(GENERATION)):
        for key in keys:
            ids = section.values.get(key)
            for number in map(whole, ids if isinstance(ids, list) else [ids]):
                if number is not None and number >= size[1] and (key == "pad_token_id" or number not in HARMLESS):
                    yield f"{section.name(key)} is {number}, but {checkpoint.text_config.name('vocab_size')} is {size[1]}"


def _placeholders(checkpoint: Checkpoint, tokens: Vocabulary, _task: Task) -> Iterator[str]:
    """Compare placeholders: the model looks for one by its id, the processor writes it by its name."""
    for section in sections(checkpoint.config):
        for modality in MEDIA:
            named, looked_for = (
                vocabulary.placeholder(checkpoint, modality),
                section.whole(f"{modality}_token_id", f"{modality}_token_index"),
            )
            given = tokens.ids.get(named[0]) if named is not None else None
            if named is not None and looked_for is not None and given is not None and given != looked_for[1]:
                yield (
                    f"{section.name(looked_for[0])} is {looked_for[1]}, but the tokenizer gives {shown(named[0])} "
                    f"({named[1]}) the id {given}"
                )


def _image_size(checkpoint: Checkpoint, _tokens: Vocabulary, _task: Task) -> Iterator[str]:
    """Compare sizes of images: learned positions of patches take one only."""
    vision, processor = checkpoint.vision_config, checkpoint.image_processor
    if processor is None or not _is_of(checkpoint, FIXED_IMAGE):
        return
    key, given = _output_size(processor, shortest_edge=checkpoint.model_type in _RESIZED_BY_EDGE)
    wanted = _pair(vision.values.get("image_size"))
    if given is not None and wanted is not None and given != wanted:
        yield f"images come out as {_size(given)} ({processor.name(key)}), but {vision.name('image_size')} is {_size(wanted)}"


def _whole_patches(checkpoint: Checkpoint, _tokens: Vocabulary, _task: Task) -> Iterator[str]:
    """Check that an image is cut into whole patches: pixels beyond the last one would be dropped unseen."""
    vision = checkpoint.vision_config
    image, patch = _pair(vision.values.get("image_size")), _pair(vision.values.get("patch_size"))
    if image is None or patch is None or 0 in patch or not _is_of(checkpoint, WHOLE_PATCHES):
        return
    if image[0] % patch[0] or image[1] % patch[1]:
        yield f"{vision.name('image_size')} is {_size(image)}, which is no multiple of {vision.name('patch_size')}, {_size(patch)}"


def _patches(checkpoint: Checkpoint, _tokens: Vocabulary, _task: Task) -> Iterator[str]:
    """Compare patches: processors of language models count an image's placeholders, or cut it, by these."""
    pairs = (("patch_size", "patch_size"), ("merge_size", "spatial_merge_size"), ("temporal_patch_size", "temporal_patch_size"))
    holders = (
        (checkpoint.section(PROCESSOR), "processor_class", COUNTS_PATCHES),
        (checkpoint.image_processor, "image_processor_type", CUTS_PATCHES),
        (checkpoint.video_processor, "video_processor_type", CUTS_PATCHES),
    )
    vision = checkpoint.vision_config
    for holder, kind, families in holders:
        for theirs, ours in pairs:
            named = holder is not None and holder.text(kind).startswith(families)
            given, wanted = holder.whole(theirs) if holder is not None and named else None, vision.whole(ours)
            if holder is not None and given is not None and wanted is not None and given[1] != wanted[1]:
                yield f"{holder.name(theirs)} is {given[1]}, but {vision.name(ours)} is {wanted[1]}"


def _channels(checkpoint: Checkpoint, _tokens: Vocabulary, _task: Task) -> Iterator[str]:
    """Compare channels: normalisation has one mean for each, and gives as many."""
    vision, processor = checkpoint.vision_config, checkpoint.image_processor
    wanted = vision.whole("num_channels", "in_channels")
    means = processor.values.get("image_mean") if processor is not None else None
    if processor is None or wanted is None or not isinstance(means, list) or processor.values.get("do_normalize") is False:
        return
    if len(means) != wanted[1]:
        yield f"{processor.name('image_mean')} has {len(means)} channels, but {vision.name(wanted[0])} is {wanted[1]}"


def _mel_bins(checkpoint: Checkpoint, _tokens: Vocabulary, _task: Task) -> Iterator[str]:
    """Compare bands of a spectrogram: the first convolution has as many inputs."""
    audio, extractor = checkpoint.audio_config, checkpoint.feature_extractor
    wanted = audio.whole("num_mel_bins")
    if extractor is None or wanted is None:
        return
    spectral = extractor.text("feature_extractor_type").startswith(("Whisper", "Clap"))
    given = extractor.whole("num_mel_bins", *(("feature_size",) if spectral else ()))
    if given is not None and given[1] != wanted[1]:
        yield f"{extractor.name(given[0])} is {given[1]}, but {audio.name('num_mel_bins')} is {wanted[1]}"


def _heads(checkpoint: Checkpoint, _tokens: Vocabulary, _task: Task) -> Iterator[str]:
    """Check heads: they share the width evenly unless theirs is set apart, and key heads share those of queries."""
    for section in sections(checkpoint.config):
        own_width = any(key in section.values for key in _OWN_WIDTH) or any("_head_dim" in key for key in section.values)
        for widths, heads in _HEADS:
            width, count = section.whole(*widths), section.whole(*heads)
            even = heads == ("num_key_value_heads",) or ((section.text("model_type") in EVEN_HEADS) and not own_width)
            if width is None or count is None or count[1] == 0 or not even:
                continue
            if width[1] % count[1]:
                yield f"{section.name(width[0])} is {width[1]}, which is no multiple of {section.name(count[0])}, {count[1]}"


def _origins(checkpoint: Checkpoint, _tokens: Vocabulary, _task: Task) -> Iterator[str]:
    """Find a processor or tokenizer of another folder: it prepares inputs for another model."""
    holders = [checkpoint.section(name) for name in (PROCESSOR, PREPROCESSOR, TOKENIZER)]
    first = next((holder for holder in holders if holder.text("processor_class")), checkpoint.config)
    named = ((first, "processor_class"), (checkpoint.image_processor, "image_processor_type"), (holders[-1], "tokenizer_class"))
    for holder, key in named:
        if holder is not None and contradicts(key, holder.text(key), checkpoint.model_type):
            yield f"{holder.name(key)} is {holder.text(key)}, but {checkpoint.config.name('model_type')} is {checkpoint.model_type}"


_CHECKS: tuple[_Check, ...] = (
    _parts, _vocabulary, _special_ids, _placeholders, _image_size, _whole_patches, _patches, _channels, _mel_bins, _heads, _origins,
)  # fmt: skip


def _is_of(checkpoint: Checkpoint, families: frozenset[str]) -> bool:
    """Tell whether the part that sees is of one of FAMILIES: a composite's own type counts where its part names none."""
    return (checkpoint.vision_config.text("model_type") or checkpoint.model_type) in families


def _output_size(processor: Section, *, shortest_edge: bool) -> tuple[str, tuple[int, int] | None]:
    """Give the size of images that PROCESSOR gives, and the key that says it; None where it varies or nothing says it.

    Old files have one number for a size: both sides, or for some families the SHORTEST_EDGE.
    """
    values = processor.values
    if values.get("do_center_crop") is True:
        return "crop_size", _pair(values.get("crop_size"))
    varies = values.get("do_resize") is False or "crop_size" in values or (shortest_edge and whole(values.get("size")) is not None)
    return "size", None if varies else _pair(values.get("size"))


def _pair(value: Json) -> tuple[int, int] | None:
    """Read a size: one number for both sides, two, or a mapping with both. A shortest edge is no size."""
    sides = [mapping(value).get("height"), mapping(value).get("width")] if not isinstance(value, list) else value
    one = whole(value)
    match [one, one] if one is not None else [whole(side) for side in sides]:
        case [int(height), int(width)]:
            return height, width
        case _:
            return None


def _size(pair: tuple[int, int]) -> str:
    return f"{pair[0]}x{pair[1]}"
