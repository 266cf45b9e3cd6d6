"""Requests served by transformers' own continuous batching: each joins the running batch at a step and leaves it when it is done.

Its scheduler and its requests are watched from inside, by wrapping them for the duration of one stream: what they keep themselves
is lost where a request is preempted and begun anew.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from typing import Any
from unittest.mock import patch

from bench.domain.listing import some
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loads.loading import Loaded
from bench.worker.serving.streams import Asked, Served, greedy, longest_of

PAGE_TOKENS = 32
MOST_BATCH_TOKENS = 512
NO_END = -1
_WAIT_S = 1.0


def refuse(loaded: Loaded) -> None:
    """Raise Refused where LOADED's model cannot be batched so: it needs a decoder alone, whose cache is of keys and values."""
    model = loaded.model
    name = type(model).__name__
    if not hasattr(model, "init_continuous_batching"):
        raise Refused(f"this version of transformers has no continuous batching for {name}", ReasonCode.NOT_IN_VERSION)
    if not _has_pages():
        from transformers import __version__

        what = f"continuous batching is watched in transformers 5.23, and the blocks of {__version__} are others"
        raise Refused(what, ReasonCode.NOT_IN_VERSION)
    if model.config.is_encoder_decoder:
        raise Refused(f"continuous batching needs a decoder alone, and {name} has an encoder", ReasonCode.NOT_IN_CLASS)
    if getattr(model, "_is_stateful", False):
        raise Refused(f"continuous batching pages keys and values, and {name} keeps a state instead", ReasonCode.NOT_IN_CLASS)
    if not getattr(model, "_supports_attention_backend", False):
        raise Refused(
            f"continuous batching needs attention over a paged cache, which {name} does not take", ReasonCode.NOT_IN_CLASS
        )
    _refuse_other_layers(model.config, name)


def _refuse_other_layers(config: Any, name: str) -> None:
    """Refuse layers that keep no keys and values, and keys or values of another size than the pages of transformers 5.23 have."""
    from transformers.generation.continuous_batching.cache import ATTN_TYPE_TO_ALLOCATOR
    from transformers.generation.continuous_batching.utils import find_head_dim

    others = dict.fromkeys(kind for kind in getattr(config, "layer_types", None) or () if kind not in ATTN_TYPE_TO_ALLOCATOR)
    if others:
        what = f"continuous batching pages keys and values of {some(ATTN_TYPE_TO_ALLOCATOR)}, and {name} has {some(others)} too"
        raise Refused(what, ReasonCode.NOT_IN_CLASS)
    page = find_head_dim(config)
    sizes = [size for part in ("qk_head_dim", "v_head_dim") if (size := getattr(config, part, None)) is not None]
    if any(size != page for size in sizes):
        what = (
            f"pages of continuous batching hold {page} numbers a head, and keys and values of {name} have {some(map(str, sizes))}"
        )
        raise Refused(what, ReasonCode.NOT_IN_CLASS)


def _has_pages() -> bool:
    from transformers import ContinuousBatchingConfig

    return "page_size" in signature(ContinuousBatchingConfig).parameters


def cache_of(asked: Mapping[str, Json], requests: Sequence[Asked], size: int) -> dict[str, int]:
    """Give the paged cache: as ASKED, and where nothing is said one that holds SIZE of the longest REQUESTS.

    Raises Refused where it does not hold one of them: that would wait for ever.
    """
    page = int(str(asked.get("page_size") or PAGE_TOKENS))
    longest = longest_of(requests)
    prompts = size * max(len(request.prompt) for request in requests)
    blocks = int(str(asked.get("num_blocks") or size * -(-longest // page) + 1))
    if blocks * page < longest:
        what = f"a request of {longest} tokens does not fit into a cache of {blocks} blocks of {page} tokens"
        raise Refused(what, ReasonCode.INPUT_MISMATCH)
    return {
        "page_size": page,
        "num_blocks": blocks,
        "max_batch_tokens": int(str(asked.get("max_batch_tokens") or max(size, min(prompts, MOST_BATCH_TOKENS)))),
    }


def serve(loaded: Loaded, requests: Sequence[Asked], size: int, cache: Mapping[str, int]) -> Served:
    """Serve REQUESTS as they arrive, at most SIZE in a step, from a CACHE of their own. Raises Refused, RuntimeError."""
    from transformers import ContinuousBatchingConfig

    options = ContinuousBatchingConfig(
        page_size=cache["page_size"],
        num_blocks=cache["num_blocks"],
        max_batch_tokens=cache["max_batch_tokens"],
        max_requests_per_batch=size,
        auto_switch_to_flash=False,
        seed=0,
    )
    manager = loaded.model.init_continuous_batching(generation_config=greedy(loaded), continuous_batching_config=options)
    try:
        manager.warmup()
        watch = Watch(manager=manager, count=len(requests))
        with watch.watching():
            manager.start()
            watch.start_s = time.perf_counter()
            tokens = _serve(manager, requests, watch)
        return watch.served(tokens)
    finally:
        manager.stop(block=True, timeout=_WAIT_S * 10)
        manager.destroy()


def _serve(manager: Any, requests: Sequence[Asked], watch: "Watch") -> list[list[int]]:
    """Hand REQUESTS over as they arrive and take what comes back until all are done."""
    tokens: dict[int, list[int]] = {}
    given = 0
    while len(tokens) < len(requests):
        while given < len(requests) and requests[given].arrival_s <= watch.now():
            one = requests[given]
            manager.add_request(list(one.prompt), request_id=str(given), max_new_tokens=one.new_tokens, eos_token_id=NO_END)
            given += 1
        due = requests[given].arrival_s - watch.now() if given < len(requests) else _WAIT_S
        result = manager.get_result(timeout=min(max(due, 1e-4), _WAIT_S))
        if result is None and not manager.is_running():
            raise RuntimeError("continuous batching ended before its requests did")
        if result is not None and result.error is not None:
            raise RuntimeError(f"continuous batching failed: {result.error}")
        if result is not None and result.is_finished():
            tokens[int(result.request_id)] = list(result.generated_tokens)
    return [tokens[index] for index in range(len(requests))]


@dataclass(slots=True, kw_only=True)
class Watch:
    """Sees when each request is first scheduled, when each token is there, what is in a step, and who is sent back to wait."""

    manager: Any
    count: int
    start_s: float = 0.0
    began: dict[str, float] = field(default_factory=dict)
    arrived: dict[str, list[float]] = field(default_factory=dict)
    batch: list[int] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    preempted: int = 0

    def now(self) -> float:
        """Give the seconds since the stream began."""
        return time.perf_counter() - self.start_s

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Wrap scheduler, requests and the manager of preemptions while the block runs."""
        from transformers.generation.continuous_batching.requests import RequestState

        processor = self.manager.batch_processor
        scheduler, offloading = processor.scheduler, processor.offloading_manager
        update, schedule, offload = RequestState.update_and_check_completion, scheduler.schedule_batch, offloading.offload_requests

        def updated(state: Any, token: int, logprob: Any) -> Any:
            self.arrived.setdefault(state.request_id, []).append(self.now())
            return update(state, token, logprob)

        def scheduled(*arguments: Any, **options: Any) -> Any:
            answer = schedule(*arguments, **options)
            if answer[0]:
                self._step(answer[0])
            return answer

        def offloaded() -> Any:
            before = set(scheduler.active_requests)
            answer = offload()
            self.preempted += len(before - set(scheduler.active_requests))
            return answer

        with (
            patch.object(RequestState, "update_and_check_completion", updated),
            patch.object(scheduler, "schedule_batch", scheduled),
            patch.object(offloading, "offload_requests", offloaded),
        ):
            yield

    def _step(self, batch: Sequence[Any]) -> None:
        now, cache = self.now(), self.manager.batch_processor.cache
        for one in batch:
            self.began.setdefault(one.state.request_id, now)
        free = cache.pool.num_free_sectors * cache.bytes_per_sector
        free += sum(cache.pool.count_free_blocks(one.index) * one.bytes_per_block for one in cache.cache_allocators.values())
        blocks = round(cache.num_blocks * free / (cache.num_sectors * cache.bytes_per_sector))
        self.batch.append(len(batch))
        self.free.append(blocks)
        self.used.append(cache.num_blocks - blocks)

    def served(self, tokens: list[list[int]]) -> Served:
        """Put together what was seen, with the TOKENS of all requests."""
        processor = self.manager.batch_processor
        names = [str(index) for index in range(self.count)]
        return Served(
            began=[self.began[name] for name in names],
            arrived=[self.arrived[name] for name in names],
            tokens=tokens,
            batch=self.batch,
            used=self.used,
            free=self.free,
            preempted=self.preempted,
            facts={
                "paged_cache": {
                    "page_size": self.manager.continuous_batching_config.page_size,
                    "num_blocks": processor.cache.num_blocks,
                    "max_batch_tokens": processor.cache.max_batch_tokens,
                },
                "attention_while_batching": str(self.manager.model.config._attn_implementation),  # noqa: SLF001 -- none is public
            },
        )
