"""No quantization: weights in the case's dtype."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.domain.values import Json
from bench.worker.quantization import Needs
from bench.worker.quantizers.plain import PLACES, Plain


@dataclass(frozen=True, kw_only=True)
class Unquantized(Plain):
    """Leaves everything as it is."""

    def needs(self, stored: Mapping[str, Json] | None) -> Needs:
        """Need nothing."""
        del stored
        return Needs(meaning="weights in the case's dtype", devices=dict.fromkeys(PLACES, ""))


METHOD = Unquantized()
