"""Whether a case still computes what its reference does: the tolerance of its dtype and quantization.

Rounding in a dtype of unit roundoff u moves the scores of a network by some tens of u of the largest one: float32 has 6e-8, float16
5e-4, bfloat16 4e-3. Float32 gets more than that, since kernels add up in other orders. Eight and four bits move the weights
themselves, by up to 1/254 and 1/14 of the largest in a block. A change of function, such as a wrong mask, moves scores by about
their own size. docs/parity.md has the table.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.domain.metric import Better
from bench.domain.summary import Row
from bench.domain.values import Json

GENERATION = "parity.generation_"
VALUES = "parity.values_"
REFERENCE, MISSING, BROKEN = "parity_reference", "parity_missing", "parity_not_finite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far outputs may be from the reference: divergence in nats, share of the largest score, and 1 less the cosine.

    `name` says of what.
    """

    name: str
    kl: float
    error: float
    cosine: float

    def of(self, metric: str) -> float | None:
        """Give the largest distance of METRIC that is allowed; None where none is set."""
        plain = metric.replace(GENERATION, "parity.").replace(VALUES, "parity.")
        return {"parity.kl": self.kl, "parity.max_relative_error": self.error, "parity.cosine": self.cosine}.get(plain)


DTYPES: Mapping[str, Tolerance] = {
    "float32": Tolerance(name="float32", kl=1e-7, error=2e-5, cosine=1e-7),
    "float16": Tolerance(name="float16", kl=1e-3, error=1e-2, cosine=1e-4),
    "bfloat16": Tolerance(name="bfloat16", kl=1e-2, error=0.0625, cosine=1e-3),
}
EIGHT_BITS = Tolerance(name="8 bits", kl=5e-2, error=0.15, cosine=1e-2)
FOUR_BITS = Tolerance(name="4 bits", kl=0.3, error=0.6, cosine=0.1)
QUANTIZATIONS: Mapping[str, Tolerance] = {
    "none": DTYPES["float32"],
    **dict.fromkeys(("bnb-int8", "torchao-int8", "torchao-float8", "quanto-int8", "dynamic-int8"), EIGHT_BITS),
    **dict.fromkeys(("bnb-nf4", "bnb-nf4-dq", "bnb-fp4", "torchao-int4", "quanto-int4", "checkpoint"), FOUR_BITS),
}
"""By what quantizes; a checkpoint that is quantized as found may have four bits."""


def tolerance(row: Row) -> Tolerance:
    """Give the tolerance of ROW: the loosest of its dtype's, its autocast's, its quantization's, and those of its reference."""
    return max(_tolerances(row), key=lambda one: one.error)


def _tolerances(row: Row) -> Iterator[Tolerance]:
    observed, requested = row.observed, row.case.requested
    yield DTYPES["float32"]
    for name in (observed.get("dtype"), requested.get("autocast"), observed.get("parity_reference_dtype")):
        if str(name) in DTYPES:
            yield DTYPES[str(name)]
    for asked in (requested.get("quantization"), observed.get("parity_reference_quantization")):
        if asked is not None:
            yield QUANTIZATIONS.get(_method(asked), FOUR_BITS)


def _method(asked: Json) -> str:
    return str(asked.get("method")) if isinstance(asked, Mapping) else str(asked)


def drift(row: Row) -> str | None:
    """Say in what ROW's outputs have left their reference's; None where they have not, or were not compared."""
    plain = tolerance(row)
    cached = FOUR_BITS if row.case.requested.get("cache") == "quantized" else plain
    beyond = {f"{row.observed[BROKEN]} of its scores are no numbers": plain.name} if row.observed.get(BROKEN) else {}
    for name, estimate in row.metrics.items():
        allowed = cached if name.startswith(GENERATION) else plain
        most, higher = allowed.of(name), estimate.metric.better is Better.HIGHER
        # Of several trials the worst one counts.
        far = 1 - estimate.least if higher else estimate.most
        if most is not None and far > most:
            said = f"{name} {estimate.least:.6g} is below {1 - most:.8g}" if higher else f"{name} {far:.3g} is above {most:g}"
            beyond[said] = allowed.name
    return f"{', '.join(beyond)} (tolerance of {' and '.join(dict.fromkeys(beyond.values()))})" if beyond else None
