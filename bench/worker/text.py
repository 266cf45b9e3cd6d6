"""Synthetic text of an exact length in tokens, counted by the model's own tokenizer."""

import random
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.worker.failures import Refused

_COMMON = """
the a of and to in is that it was for on are with as at be this from have or by one had not but what all were when we
there can an your which their said if do will each about how up out them then she many some so these would other into
has more her two like him see time could no make than first been its who now people my made over did down only way find
use may water long little very after words called just where most know get through back much before go good new write
our used me man too any day same right look think also around another came come work three word must because does part
even place well such here take why things help put years different away again off went old number great tell men say
small every found still between name should home big give air line set own under read last never us left end along while
might next sound below saw something thought both few those always looked show large often together asked house world
going want school important until form food keep children feet land side without boy once animals life enough took
sometimes four head above kind began almost live page got earth need far hand high year mother light parts country
father let night following picture being study second eyes soon times story boys since white days ever paper hard near
sentence better best across during today others however sure means knew machine memory steady quiet measure number
figure language model image answer question river mountain silver morning
"""
_WORDS = tuple(_COMMON.split())


def write(tokenizer: Any, tokens: int, seed: int) -> str:
    """Write a text of which the first TOKENS tokens, specials included, are a full sequence: one word too long at most.

    Raises Refused where the tokenizer cannot make so short a sequence.
    """
    source = random.Random(seed)  # noqa: S311 -- words, not secrets
    words = [source.choice(_WORDS) for _ in range(tokens)]
    low, high = 1, len(words)
    while low < high:  # the count grows with the words, and each word is a token at least
        middle = (low + high) // 2
        if count(tokenizer, " ".join(words[:middle])) >= tokens:
            high = middle
        else:
            low = middle + 1
    least = count(tokenizer, "")
    if tokens <= least:
        msg = f"prompt_tokens {tokens} leaves no room for text: the tokenizer adds {least} special tokens to every sequence"
        raise Refused(msg, ReasonCode.INPUT_MISMATCH)
    return " ".join(words[:low])


def count(tokenizer: Any, text: str) -> int:
    """Count TEXT's tokens, specials included."""
    return len(tokenizer(text, verbose=False)["input_ids"])
