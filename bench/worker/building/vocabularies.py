"""Vocabularies built directly from a word list: nothing is trained, so that the same recipe gives the same bytes everywhere.

Merges of a byte-pair vocabulary grow each word from one fixed end: from its leading space in GPT-2's kind, from its end-of-word
mark in CLIP's. A pair can therefore only meet where that end is, and applying merges in order spells a word in its longest known
pieces.
"""

import string
from collections.abc import Iterable, Iterator, Mapping

from bench.models.preset import TokenizerRecipe
from bench.worker.building import words

Pair = tuple[str, str]
_SPACE = "Ġ"
_END = "</w>"
_SUFFIXES = ("s", "ed", "ing", "er", "ly", "est", "ion", "ness", "able", "al")


def byte_pairs(recipe: TokenizerRecipe) -> tuple[dict[str, int], list[Pair]]:
    """Build GPT-2's kind: the 256 bytes, then merges until the vocabulary is full; special tokens keep their ids."""
    grown = (_from_the_left(_SPACE + word) for word in words.stream())
    return _merged(recipe, _alphabet(), grown)


def clip_pairs(recipe: TokenizerRecipe) -> tuple[dict[str, int], list[Pair]]:
    """Build CLIP's kind: the 256 bytes, the same at the end of a word, then merges."""
    base = _alphabet()
    grown = (_from_the_right([*word[:-1], word[-1] + _END]) for word in words.stream())
    return _merged(recipe, [*base, *(symbol + _END for symbol in base)], grown)


def wordpieces(recipe: TokenizerRecipe) -> dict[str, int]:
    """Build BERT's kind: characters, the same inside words, words and endings; places between special tokens are `[unused]`."""
    by_id = {number: token for token, number in recipe.special.items()}
    tokens: dict[str, int] = {}
    for number in range(max(by_id, default=-1) + 1):
        tokens[by_id.get(number, f"[unused{number}]")] = number
    for piece in _pieces():
        if len(tokens) == recipe.vocab_size:
            break
        tokens.setdefault(piece, len(tokens))
    return tokens


def _pieces() -> Iterator[str]:
    letters = string.ascii_lowercase + string.digits
    yield from letters + string.punctuation
    yield from (f"##{letter}" for letter in letters)
    yield from (f"##{suffix}" for suffix in _SUFFIXES)
    yield from words.stream()


def _alphabet() -> list[str]:
    """List the 256 characters that stand for bytes, in the published order, which is that of their code points."""
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def _from_the_left(symbols: str) -> Iterator[Pair]:
    return ((symbols[:end], symbols[end]) for end in range(1, len(symbols)))


def _from_the_right(symbols: list[str]) -> Iterator[Pair]:
    return ((symbols[start], "".join(symbols[start + 1 :])) for start in range(len(symbols) - 2, -1, -1))


def _merged(recipe: TokenizerRecipe, base: list[str], grown: Iterable[Iterable[Pair]]) -> tuple[dict[str, int], list[Pair]]:
    """Fill the vocabulary with merges after BASE, leaving out the ids of special tokens."""
    pieces, merges = dict.fromkeys(base), []
    room = recipe.vocab_size - len(recipe.special)
    for pairs in grown:
        for left, right in pairs:
            if len(pieces) < room and left + right not in pieces:
                pieces[left + right] = None
                merges.append((left, right))
        if len(pieces) == room:
            break
    return _numbered(recipe, pieces), merges


def _numbered(recipe: TokenizerRecipe, pieces: Mapping[str, None]) -> dict[str, int]:
    free = (number for number in range(recipe.vocab_size) if number not in set(recipe.special.values()))
    return {**dict(zip(pieces, free, strict=True)), **recipe.special}
