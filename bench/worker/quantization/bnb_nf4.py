"""bitsandbytes in 4 bits, NormalFloat, with scales in full."""

from bench.worker.quantizers.bnb import FourBit

METHOD = FourBit(meaning="bitsandbytes, NormalFloat of 4 bits in blocks of 64", kind="nf4")
