"""Environment variables by which an executor tells a nursery what no request says."""

SCRATCH = "BENCH_SCRATCH"
"""The folder for what ends with a trial, one at a time. All offspring of a nursery have it, and are told by it."""
