"""Vocabularies built directly from a word list: nothing is trained, so that the same recipe gives the same bytes everywhere.

Merges of a byte-pair vocabulary grow each word from one fixed end: from its leading space in GPT-2's and sentencepiece's kind, from
its end-of-word mark in CLIP's. A pair can therefore only meet where that end is, and applying merges in order spells a word in its
longest known pieces.
"""

import string
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bench.models.preset import TokenizerRecipe, Vocabulary
from bench.worker.building import words

Pair = tuple[str, str]
_SPACE = "Ġ"
_META = "▁"
_END = "</w>"
_SUFFIXES = ("s", "ed", "ing", "er", "ly", "est", "ion", "ness", "able", "al")


def arguments(recipe: TokenizerRecipe) -> dict[str, Any]:
    """Give what the tokenizer's class is made from: `vocab` and, for byte pairs, `merges`, or a whole `tokenizer_object`."""
    if recipe.kind is Vocabulary.WORDPIECE:
        return {"vocab": _wordpieces(recipe)}
    if recipe.kind is Vocabulary.UNIGRAM:
        return {"vocab": _scored(recipe)}
    vocabulary, merges = _PAIRS[recipe.kind](recipe)
    if recipe.pattern is not None:
        return {"tokenizer_object": _splitting(recipe.pattern, vocabulary, merges)}
    return {"vocab": vocabulary, "merges": merges}


def _splitting(pattern: str, vocabulary: Mapping[str, int], merges: list[Pair]) -> Any:
    """Make a byte-level tokenizer that splits words by PATTERN."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(vocab=dict(vocabulary), merges=merges, ignore_merges=True))
    split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _byte_pairs(recipe: TokenizerRecipe) -> tuple[dict[str, int], list[Pair]]:
    """Build GPT-2's kind: the 256 bytes, then merges until the vocabulary is full; special tokens keep their ids."""
    grown = (_from_the_left(_SPACE + word) for word in words.stream())
    return _merged(recipe, _alphabet(), grown)


def _clip_pairs(recipe: TokenizerRecipe) -> tuple[dict[str, int], list[Pair]]:
    """Build CLIP's kind: the 256 bytes, the same at the end of a word, then merges."""
    base = _alphabet()
    grown = (_from_the_right([*word[:-1], word[-1] + _END]) for word in words.stream())
    return _merged(recipe, [*base, *(symbol + _END for symbol in base)], grown)


def _sentence_pairs(recipe: TokenizerRecipe) -> tuple[dict[str, int], list[Pair]]:
    """Build sentencepiece's byte-pair kind: the 256 bytes to fall back on, printable characters, then merges."""
    base = [f"<0x{byte:02X}>" for byte in range(256)]
    grown = (_from_the_left(_META + word) for word in words.stream())
    return _merged(recipe, [*base, _META, *_characters()], grown)


def _scored(recipe: TokenizerRecipe) -> list[tuple[str, float]]:
    """Build sentencepiece's unigram kind: characters and words; early words are likelier, and every word than its letters."""
    fixed = recipe.fixed()
    filled = _filled(recipe, (_META, *_characters()), _META)
    return [(token, 0.0 if token in fixed else _score(token, number)) for token, number in filled.items()]


def _score(piece: str, number: int) -> float:
    """Give a logarithm of a probability."""
    return -100.0 if len(piece) == 1 else -8.0 - number * 1e-5


def _wordpieces(recipe: TokenizerRecipe) -> dict[str, int]:
    """Build BERT's kind: characters, the same inside words, endings and words; places before special tokens are `[unused]`."""
    letters = string.ascii_lowercase + string.digits
    ends = (*letters, *_SUFFIXES)
    return _filled(recipe, (*letters, *string.punctuation, *(f"##{end}" for end in ends)), "")


def _filled(recipe: TokenizerRecipe, pieces: Iterable[str], start: str) -> dict[str, int]:
    """Fill the vocabulary in the order of ids: fixed tokens at theirs, then PIECES, then words with START before them."""
    by_id = {number: token for token, number in recipe.fixed().items()}
    leading = max((recipe.special[token] for token in recipe.roles.values()), default=-1)
    known = set(by_id.values())
    fresh = (piece for piece in _all(pieces, start) if piece not in known)
    tokens: dict[str, int] = {}
    for number in range(recipe.vocab_size):
        token = by_id.get(number) or (f"[unused{number}]" if number < leading else next(fresh))
        tokens[token] = number
    return tokens


def _all(pieces: Iterable[str], start: str) -> Iterator[str]:
    """Give every piece once: PIECES, then words without end."""
    seen: set[str] = set()
    for piece in pieces:
        if piece not in seen:
            seen.add(piece)
            yield piece
    for word in words.stream():
        if start + word not in seen:
            seen.add(start + word)
            yield start + word


def _characters() -> str:
    return string.ascii_letters + string.digits + string.punctuation


def _alphabet() -> list[str]:
    """List the 256 characters that stand for bytes, in the published order, which is that of their code points."""
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def _from_the_left(symbols: str) -> Iterator[Pair]:
    return ((symbols[:end], symbols[end]) for end in range(1, len(symbols)))


def _from_the_right(symbols: list[str]) -> Iterator[Pair]:
    return ((symbols[start], "".join(symbols[start + 1 :])) for start in range(len(symbols) - 2, -1, -1))


def _merged(recipe: TokenizerRecipe, base: list[str], grown: Iterable[Iterable[Pair]]) -> tuple[dict[str, int], list[Pair]]:
    """Fill the vocabulary with merges after BASE, leaving out the ids of fixed tokens."""
    pieces, merges = dict.fromkeys(base), []
    fixed = recipe.fixed()
    taken = set(fixed.values())
    room = recipe.vocab_size - len(fixed)
    for pairs in grown:
        for left, right in pairs:
            if len(pieces) < room and left + right not in pieces:
                pieces[left + right] = None
                merges.append((left, right))
        if len(pieces) == room:
            break
    free = (number for number in range(recipe.vocab_size) if number not in taken)
    return {**dict(zip(pieces, free, strict=True)), **fixed}, merges


_PAIRS = {Vocabulary.BYTE_BPE: _byte_pairs, Vocabulary.CLIP_BPE: _clip_pairs, Vocabulary.SENTENCE_BPE: _sentence_pairs}
