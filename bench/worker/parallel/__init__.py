"""One trial in several processes that share its model."""
