"""torchao in 4 bits, weights only, in groups of 32 inputs: its finest, which every device takes."""

from typing import Any

from bench.worker.quantizers.torchao import TorchAo

_GROUP = 32


def _config(device: str) -> Any:
    if device == "cpu":  # the public config needs a GPU
        from torchao.prototype.quantization.int4 import PrototypeInt4WeightOnlyConfig

        return PrototypeInt4WeightOnlyConfig(group_size=_GROUP)
    from torchao.quantization import Int4WeightOnlyConfig

    return Int4WeightOnlyConfig(group_size=_GROUP, int4_packing_format="tile_packed_to_4d")


METHOD = TorchAo(
    meaning="torchao, 4 bits in groups of 32 inputs, weights only",
    make=_config,
    tensor="Int4",
    devices={"cpu": "torchao's prototype for CPUs", "cuda": "bfloat16"},
    shapes={"cpu": (_GROUP, 32), "cuda": (_GROUP, 8)},
    only={"cuda": "bfloat16"},
)
