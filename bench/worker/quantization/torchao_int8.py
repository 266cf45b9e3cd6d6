"""torchao in 8 bits, weights only."""

from typing import Any

from bench.worker.quantizers.torchao import TorchAo


def _config(_device: str) -> Any:
    from torchao.quantization import Int8WeightOnlyConfig

    return Int8WeightOnlyConfig()


METHOD = TorchAo(
    meaning="torchao, 8 bits by rows, weights only",
    make=_config,
    tensor="Int8",
    devices={"cpu": "", "cuda": "", "xpu": ""},
    shapes={},
)
