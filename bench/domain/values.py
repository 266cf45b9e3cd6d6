"""Values that travel: JSON, and the one canonical spelling of it that hashes are taken from."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
else:
    Json = object  # at run time annotations are read by the codec, which takes any JSON value here


def canonical(value: Json) -> str:
    """Spell VALUE in the one way that a hash may be taken from: keys sorted, no spaces, no NaN.

    Raises ValueError where VALUE holds NaN or an infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
