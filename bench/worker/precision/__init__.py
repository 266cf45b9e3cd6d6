"""Fewer bits: quantization asked for and looked up on the layers, and autocast."""
