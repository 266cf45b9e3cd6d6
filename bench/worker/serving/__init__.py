"""A stream of requests, served in static or continuous batches."""
