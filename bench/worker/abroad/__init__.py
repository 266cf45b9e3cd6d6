"""Engines of an environment of their own: inputs that are handed over, the export, what ran, and the recipe of such a trial."""
