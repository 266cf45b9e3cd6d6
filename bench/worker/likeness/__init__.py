"""Outputs set beside those of a reference."""
