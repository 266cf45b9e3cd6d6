"""torchao in floating point of 8 bits, weights only."""

from typing import Any

from bench.worker.quantizers.torchao import TorchAo


def _config(_device: str) -> Any:
    from torchao.quantization import Float8WeightOnlyConfig

    return Float8WeightOnlyConfig()


METHOD = TorchAo(
    meaning="torchao, floating point of 8 bits, weights only",
    make=_config,
    tensor="Float8",
    devices={"cpu": "emulated", "cuda": "", "xpu": ""},
    shapes={},
)
