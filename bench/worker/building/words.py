"""Words that vocabularies are made of: common English ones first, then as many made-up ones as a vocabulary has room for."""

from collections.abc import Iterator
from itertools import chain, count, product

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
sentence better best across during today others however sure means knew try told young sun thing whole hear example
heard several change answer room sea against top turned learn point city play toward five using himself usually machine
memory steady quiet measure figure language model image question river mountain silver morning photo cat dog
"""
_ONSETS = ("b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "br", "st", "tr", "pl")
_VOWELS = ("a", "e", "i", "o", "u", "ea")
_CODAS = ("", "n", "r", "s")

COMMON: tuple[str, ...] = tuple(_COMMON.split())


def stream() -> Iterator[str]:
    """Give words without end, always the same in the same order: the common ones, then made-up ones of two syllables and more.

    The first syllable changes fastest, so that a vocabulary cut anywhere has words of every beginning.
    """
    syllables = ["".join(parts) for parts in product(_ONSETS, _VOWELS, _CODAS)]
    made_up = ("".join(reversed(parts)) for length in count(2) for parts in product(syllables, repeat=length))
    return chain(COMMON, made_up)
