"""Dropout off, everywhere, for the steps whose losses are compared: masks drawn differently by two kernels are no difference.

It is switched off in the two functions of torch that every model's dropout goes through, so that the model stays in training mode,
which gradient checkpointing needs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def off() -> Iterator[None]:
    """Let torch drop nothing while the block runs."""
    import torch.nn.functional as functions

    dropout, attention = functions.dropout, functions.scaled_dot_product_attention

    def kept(input: Any, *_arguments: Any, **_options: Any) -> Any:  # noqa: A002 -- torch's own name for it
        return input

    def attended(
        query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, *more: Any, **options: Any
    ) -> Any:
        del dropout_p
        return attention(query, key, value, attn_mask, 0.0, *more, **options)

    functions.dropout = kept
    functions.scaled_dot_product_attention = attended
    try:
        yield
    finally:
        functions.dropout = dropout
        functions.scaled_dot_product_attention = attention
