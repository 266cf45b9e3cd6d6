"""What lies in a checkpoint's folder beside its weights: the config with its sections, and the parts of the processor.

Composite models keep the config of each part in a section of its own, at a depth that differs by family; a processor's part is a
file of its own, or a section of processor_config.json. Both are looked up here, so that checks need not know.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.domain.outcome import Refusal
from bench.domain.values import Json
from bench.models.documents import mapping, read, text, whole
from bench.models.refused import RefusedError

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"
VIDEO = "video_preprocessor_config.json"
PROCESSOR = "processor_config.json"
TOKENIZER = "tokenizer_config.json"
GENERATION = "generation_config.json"
DOCUMENTS = (CONFIG, PREPROCESSOR, VIDEO, PROCESSOR, TOKENIZER, GENERATION)

VOCABULARIES = (
    "tokenizer.json", TOKENIZER, "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json", "vocab.txt",
    "tekken.json",
)  # fmt: skip
"""Files of which one at least lies where there is a tokenizer."""

_TEXT_SECTIONS = ("text_config", "language_config", "llm_config")
_SPEAKS_WITH_DECODER = frozenset({"speech-encoder-decoder", "vision-encoder-decoder"})
_DEEPEST = 3
_NO_PART = frozenset({"quantization_config", "generation_config", "talker_config", "code2wav_config"})
_OF_PIXELS = frozenset({"image_processor_type", "image_mean", "crop_size", "do_resize"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """An object in a file of the checkpoint: `file`, and `path` to it with a dot after each step, empty for the whole file."""

    file: str
    path: str
    values: Mapping[str, Json]

    def name(self, key: str) -> str:
        """Spell KEY of this section for a sentence."""
        return f"{self.path}{key} in {self.file}"

    def whole(self, *keys: str) -> tuple[str, int] | None:
        """Give the first of KEYS that is a whole number, with its value."""
        for key in keys:
            number = whole(self.values.get(key))
            if number is not None:
                return key, number
        return None

    def text(self, key: str) -> str:
        """Give the string under KEY, empty where there is none."""
        return text(self.values.get(key))


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A folder's `documents` by file name; those that could not be read are missing and have their reason in `refusals`."""

    folder: Path
    files: frozenset[str]
    documents: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()

    def section(self, file: str) -> Section:
        """Give the document FILE whole, empty where it is missing."""
        return Section(file=file, path="", values=self.documents.get(file, {}))

    @property
    def config(self) -> Section:
        """The whole config."""
        return self.section(CONFIG)

    @property
    def model_type(self) -> str:
        """The family, as transformers names it; empty where nothing says it."""
        return self.config.text("model_type")

    @property
    def architecture(self) -> str:
        """The class that the weights were saved from; empty where nothing says it."""
        named = self.config.values.get("architectures")
        return text(named[0]) if isinstance(named, list) and named else ""

    @property
    def has_tokenizer(self) -> bool:
        """Whether a tokenizer lies in the folder."""
        return any(name in self.files for name in VOCABULARIES)

    @property
    def text_config(self) -> Section:
        """The section of the part that reads text: the whole config where there is no other."""
        names = (*_TEXT_SECTIONS, "decoder") if self.model_type in _SPEAKS_WITH_DECODER else _TEXT_SECTIONS
        return _named(self.config, names) or self.config

    @property
    def quantization(self) -> Mapping[str, Json]:
        """How the weights are quantized, as the config or that of the part that reads text says it; empty where neither does."""
        parts = (self.config, self.text_config)
        return next((found for part in parts if (found := mapping(part.values.get("quantization_config")))), {})

    @property
    def vision_config(self) -> Section:
        """The section of the part that sees: the whole config where there is no other."""
        return _named(self.config, ("vision_config",)) or self.config

    @property
    def audio_config(self) -> Section:
        """The section of the part that hears: the whole config where there is no other."""
        return _named(self.config, ("audio_config",)) or self.config

    @property
    def image_processor(self) -> Section | None:
        """Settings of the image processor, where there is one."""
        return self._part("image_processor") or self._preprocessor(_is_image)

    @property
    def feature_extractor(self) -> Section | None:
        """Settings of what turns sound into features, where there is such a part."""
        return self._part("feature_extractor", "audio_processor") or self._preprocessor(_is_audio)

    @property
    def video_processor(self) -> Section | None:
        """Settings of the video processor, where there is one."""
        return self.section(VIDEO) if VIDEO in self.documents else self._part("video_processor")

    def _part(self, *names: str) -> Section | None:
        return _inside(self.section(PROCESSOR), names)

    def _preprocessor(self, holds: Callable[[Mapping[str, Json]], bool]) -> Section | None:
        section = self.section(PREPROCESSOR)
        return section if holds(section.values) else None


def read_folder(folder: Path) -> Checkpoint:
    """Read what lies in FOLDER, which exists. What cannot be read is missing in the answer and has its reason there."""
    files = frozenset(path.name for path in folder.iterdir() if not path.name.startswith("."))
    documents: dict[str, Mapping[str, Json]] = {}
    refusals = []
    for name in DOCUMENTS:
        if name in files:
            try:
                documents[name] = read(folder / name)
            except RefusedError as error:
                refusals.append(error.refusal)
    return Checkpoint(folder=folder, files=files, documents=documents, refusals=tuple(refusals))


def sections(config: Section, depth: int = _DEEPEST) -> Iterator[Section]:
    """Give CONFIG and every section below it, down to DEPTH, that describes a part of the model, outer ones first."""
    yield config
    if depth == 0:
        return
    for key, value in config.values.items():
        if isinstance(value, Mapping) and (key.endswith("_config") or key in {"encoder", "decoder"}) and key not in _NO_PART:
            yield from sections(Section(file=config.file, path=f"{config.path}{key}.", values=value), depth - 1)


def _named(config: Section, names: tuple[str, ...]) -> Section | None:
    """Find the first section of NAMES in CONFIG, or in the thinker of a model that thinks and talks."""
    thinker = _inside(config, ("thinker_config",))
    return (_inside(thinker, names) if thinker is not None else None) or _inside(config, names)


def _inside(outer: Section, names: tuple[str, ...]) -> Section | None:
    found = ((name, mapping(outer.values.get(name))) for name in names)
    return next((Section(file=outer.file, path=f"{outer.path}{name}.", values=values) for name, values in found if values), None)


def _is_image(values: Mapping[str, Json]) -> bool:
    """Old files carry no type of an image processor, but no other part has these settings."""
    return bool(_OF_PIXELS & values.keys())


def _is_audio(values: Mapping[str, Json]) -> bool:
    """Old files name image processors feature extractors too."""
    return "sampling_rate" in values or ("feature_extractor_type" in values and not _is_image(values))
