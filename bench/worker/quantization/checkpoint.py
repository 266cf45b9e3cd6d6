"""A checkpoint that is quantized already, loaded as it was found: its own config says how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.domain.values import Json
from bench.worker.network import compressed
from bench.worker.network.storages import holds_packed_buffers
from bench.worker.quantization import Needs
from bench.worker.quantizers.plain import PLACES, Plain

_PACKAGES: Mapping[str, tuple[tuple[str, ...], str | None]] = {
    "bitsandbytes": (("bitsandbytes",), "bitsandbytes"),
    "torchao": (("torchao",), "torchao"),
    "quanto": (("optimum.quanto",), "quanto"),
    "gptq": (("optimum", "gptqmodel"), None),
    "awq": (("gptqmodel",), None),
    "compressed-tensors": (("compressed_tensors",), "compressed-tensors"),
}
"""What the method of a checkpoint needs, and our extra with it. gptqmodel asks for a torch of its own: no extra has it."""
_PACKED = frozenset({"FP8Linear", "BitLinear"})


@dataclass(frozen=True, kw_only=True)
class AsFound(Plain):
    """Lets transformers follow the checkpoint's config."""

    def needs(self, stored: Mapping[str, Json] | None) -> Needs:
        """Need what STORED names; what is not known here transformers says itself."""
        packages, extra = _PACKAGES.get(str((stored or {}).get("quant_method")), ((), None))
        return Needs(
            meaning="as the checkpoint's config says, with the library it names",
            packages=packages,
            extra=extra,
            devices=dict.fromkeys(PLACES, ""),
        )

    def recognises(self, module: Any) -> bool:
        """Recognise layers that only checkpoints bring."""
        return holds_packed_buffers(module) or type(module).__name__ in _PACKED or compressed.weight_of(module) is not None


METHOD = AsFound()
