"""bitsandbytes in 4 bits, NormalFloat, with scales that are quantized once more."""

from bench.worker.quantizers.bnb import FourBit

METHOD = FourBit(meaning="bitsandbytes, NormalFloat of 4 bits with double quantization", kind="nf4", double=True)
