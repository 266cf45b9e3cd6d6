"""The tokenizer's side of the vocabulary, read from its files: the highest id that it may give, and the ids of single tokens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.domain.values import Json
from bench.models.checkpoint import PROCESSOR, TOKENIZER, Checkpoint
from bench.models.documents import LARGEST_VOCABULARY, mapping, read, read_bytes, text, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Tokens and their ids as far as `source`, the files they were read from, says them: a tokenizer may hold more."""

    source: str
    ids: Mapping[str, int]

    @property
    def highest(self) -> int | None:
        """The highest id, None where nothing is known."""
        return max(self.ids.values(), default=None)


def of_checkpoint(checkpoint: Checkpoint) -> Vocabulary:
    """Read the vocabulary of CHECKPOINT, empty where it lies in none of the files that can be read without a library.

    Raises RefusedError where a file cannot be read.
    """
    for name, gather in (("tokenizer.json", _fast), ("vocab.json", _pairs), ("vocab.txt", _lines)):
        if name in checkpoint.files:
            ids = dict(gather(checkpoint, name))
            return Vocabulary(source=name, ids=dict(_declared(checkpoint)) | ids)
    return Vocabulary(source=TOKENIZER, ids=dict(_declared(checkpoint)))


def placeholder(checkpoint: Checkpoint, modality: str) -> tuple[str, str] | None:
    """Give the token that stands for one piece of MODALITY in a text, with the key and file that name it; None where none does."""
    key = f"{modality}_token"
    for file in (PROCESSOR, TOKENIZER):
        values = checkpoint.section(file).values
        for path, holder in (("", values), ("extra_special_tokens.", mapping(values.get("extra_special_tokens")))):
            token = text(holder.get(key)) or text(mapping(holder.get(key)).get("content"))
            if token:
                return token, f"{path}{key} in {file}"
    return None


def _fast(checkpoint: Checkpoint, name: str) -> Iterator[tuple[str, int]]:
    """Read tokenizer.json: a vocabulary is a mapping to ids, or for unigrams a list whose places are the ids."""
    whole_file = read(checkpoint.folder / name, LARGEST_VOCABULARY)
    vocabulary = mapping(whole_file.get("model")).get("vocab")
    if isinstance(vocabulary, list):
        yield from ((text(entry[0]), place) for place, entry in enumerate(vocabulary) if isinstance(entry, list) and entry)
    yield from _numbered(mapping(vocabulary))
    added = whole_file.get("added_tokens")
    for entry in map(mapping, added if isinstance(added, list) else ()):
        number = whole(entry.get("id"))
        if number is not None:
            yield text(entry.get("content")), number


def _pairs(checkpoint: Checkpoint, name: str) -> Iterator[tuple[str, int]]:
    yield from _numbered(read(checkpoint.folder / name, LARGEST_VOCABULARY))
    if "added_tokens.json" in checkpoint.files:
        yield from _numbered(read(checkpoint.folder / "added_tokens.json"))


def _lines(checkpoint: Checkpoint, name: str) -> Iterator[tuple[str, int]]:
    data = read_bytes(checkpoint.folder / name, LARGEST_VOCABULARY).decode("utf-8", errors="replace")
    yield from ((line, place) for place, line in enumerate(data.removesuffix("\n").split("\n")))


def _declared(checkpoint: Checkpoint) -> Iterator[tuple[str, int]]:
    """Give the tokens that tokenizer_config.json adds by their ids."""
    for number, entry in mapping(checkpoint.section(TOKENIZER).values.get("added_tokens_decoder")).items():
        if number.isascii() and number.isdigit() and len(number) < 12:  # noqa: PLR2004 -- longer ones are no ids
            yield text(mapping(entry).get("content")), int(number)


def _numbered(values: Mapping[str, Json]) -> Iterator[tuple[str, int]]:
    for token, value in values.items():
        number = whole(value)
        if number is not None:
            yield token, number
