"""The loaded model looked into: its parts, sizes, stages, attention, and what it observably is."""
