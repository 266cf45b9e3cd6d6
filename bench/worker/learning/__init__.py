"""A training step and what it shows of itself."""
