"""bitsandbytes in 8 bits: LLM.int8(), which computes in float16."""

from bench.worker.quantizers.bnb import EightBit

METHOD = EightBit(meaning="bitsandbytes, 8 bits by rows (LLM.int8)")
