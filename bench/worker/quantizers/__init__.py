"""The libraries that quantize, one module each: what the methods of bench/worker/quantization share."""
