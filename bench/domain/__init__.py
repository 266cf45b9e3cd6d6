"""The nouns of the tool: frozen dataclasses and enums of the standard library. No I/O, no third party."""
