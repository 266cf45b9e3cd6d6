"""bitsandbytes in 4 bits, floating point, with scales in full."""

from bench.worker.quantizers.bnb import FourBit

METHOD = FourBit(meaning="bitsandbytes, floating point of 4 bits in blocks of 64", kind="fp4")
