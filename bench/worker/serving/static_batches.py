"""Requests served by static batches: as many as have arrived, up to the batch size, padded to the longest and generated together.

A batch goes on until its longest request has all its tokens, and nobody joins it on the way. A request's tokens are counted as they
come; those that the others of its batch still wait for are made and thrown away.
"""

import time
from collections import deque
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Any

from bench.worker.clock import NANO
from bench.worker.loads.loading import Loaded
from bench.worker.serving.streams import Asked, Served, greedy
from bench.worker.steps import Stamps


def serve(loaded: Loaded, requests: Sequence[Asked], size: int) -> Served:
    """Serve REQUESTS in the order in which they arrive, at most SIZE at once."""
    served = Served(began=[0.0] * len(requests), arrived=[[] for _ in requests], tokens=[[] for _ in requests])
    waiting = deque(enumerate(requests))
    start_ns = perf_counter_ns()
    while waiting:
        time.sleep(max(waiting[0][1].arrival_s - _since(start_ns), 0.0))
        now = _since(start_ns)
        batch = [waiting.popleft()]
        while waiting and len(batch) < size and waiting[0][1].arrival_s <= now:
            batch.append(waiting.popleft())
        stamps, tokens = generate(loaded, [request for _, request in batch])
        for (index, request), row in zip(batch, tokens, strict=True):
            served.began[index] = now
            served.arrived[index] = [(at - start_ns) * NANO for at in stamps[: request.new_tokens]]
            served.tokens[index] = row[: request.new_tokens]
        served.batch += [len(batch)] * len(stamps)
    return served


def generate(loaded: Loaded, batch: Sequence[Asked]) -> tuple[list[int], list[list[int]]]:
    """Generate for BATCH together; give when each token was there, by the process's clock, and every row's tokens."""
    import torch
    from transformers import StoppingCriteriaList

    most = max(request.new_tokens for request in batch)
    config = greedy(loaded, max_new_tokens=most)
    width = max(len(request.prompt) for request in batch)
    rows = [[config.pad_token_id] * (width - len(request.prompt)) + list(request.prompt) for request in batch]
    masks = [[0] * (width - len(request.prompt)) + [1] * len(request.prompt) for request in batch]
    given: dict[str, Any] = {
        "input_ids": torch.tensor(rows, device=loaded.device),
        "attention_mask": torch.tensor(masks, device=loaded.device),
    }
    stamps = Stamps()
    stamps.start()
    found = loaded.model.generate(**given, generation_config=config, stopping_criteria=StoppingCriteriaList([stamps]))
    return stamps.at_ns, found[:, -len(stamps.at_ns) :].tolist()  # a decoder alone gives its prompt back, before them


def _since(start_ns: int) -> float:
    return (perf_counter_ns() - start_ns) * NANO
