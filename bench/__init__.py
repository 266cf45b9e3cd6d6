"""bench: how a Transformers model behaves on your hardware. The public names load on first use."""

__version__ = "0.1.0"
