"""Synthetic text of an exact length in tokens, counted by the model's own tokenizer."""

import random
from collections.abc import Callable
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.worker.building.words import COMMON
from bench.worker.failures import Refused

_SHORT = (" a", " the", ".", ",", " I", "a", "!", "?", "x", "1", " ")


def write(tokenizer: Any, tokens: int, seed: int, hole: str = "") -> str:
    """Write a text of which the first TOKENS tokens, specials included, are a full sequence: one word too long at most.

    HOLE, where there is one, stands in its middle.
    Raises Refused where the tokenizer cannot make so short a sequence.
    """
    source = random.Random(seed)  # noqa: S311 -- words, not secrets
    words = [source.choice(COMMON) for _ in range(tokens)]
    low, high = 1, len(words)
    while low < high:  # the count grows with the words, and each word is a token at least
        middle = (low + high) // 2
        if count(tokenizer, _around(hole, words[:middle])) >= tokens:
            high = middle
        else:
            low = middle + 1
    least = count(tokenizer, "")
    if tokens <= least:
        msg = f"prompt_tokens {tokens} leaves no room for text: the tokenizer adds {least} special tokens to every sequence"
        raise Refused(msg, ReasonCode.INPUT_MISMATCH)
    return _around(hole, words[:low])


def fill(count_in: Callable[[str], int], tokens: int, seed: int, hole: str = "") -> str:
    """Write a text of which COUNT_IN counts exactly TOKENS: for texts that cannot be cut, since something stands around them.

    HOLE, where there is one, stands in its middle.
    Raises Refused where what stands around leaves no room, or where no text has this number.
    """
    least = count_in(_around(hole, []))
    if tokens <= least - bool(hole):
        msg = f"prompt_tokens {tokens} leaves no room for text: {least} tokens stand around it in every sequence"
        raise Refused(msg, ReasonCode.INPUT_MISMATCH)
    source = random.Random(seed)  # noqa: S311 -- words, not secrets
    words = [source.choice(COMMON) for _ in range(tokens - least)]
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if count_in(_around(hole, words[:middle])) <= tokens else (low, middle - 1)
    return _top_up(_around(hole, words[:low]), count_in, tokens)


def _around(hole: str, words: list[str]) -> str:
    """Join WORDS, with HOLE in their middle."""
    half = len(words) // 2
    return " ".join([*words[:half], hole, *words[half:]] if hole else words)


def _top_up(text: str, count_in: Callable[[str], int], tokens: int) -> str:
    """Add short pieces to TEXT until COUNT_IN gives TOKENS."""
    while (now := count_in(text)) < tokens:
        longer = next((text + piece for piece in _SHORT if now < count_in(text + piece) <= tokens), None)
        if longer is None:
            msg = f"prompt_tokens {tokens}: no text was found that has exactly so many ({now} and more than {tokens} were)"
            raise Refused(msg, ReasonCode.INPUT_MISMATCH)
        text = longer
    return text


def count(tokenizer: Any, text: str) -> int:
    """Count TEXT's tokens, specials included."""
    return len(ids(tokenizer, text))


def ids(tokenizer: Any, *texts: str) -> list[int]:
    """Give the ids of the tokens of a text, or of a pair of TEXTS, specials included."""
    found: list[int] = tokenizer(*texts, verbose=False)["input_ids"]
    return found
