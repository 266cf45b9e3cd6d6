"""Bytes that the key-value cache holds after the last step of a generation, and after its prefill, and their dtype."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.metrics import KV_CACHE, sample
from bench.worker.network import storages
from bench.worker.probes import Cost, Reading, Subject
from bench.worker.steps import generation_call

COST = Cost.OWN_PASS


def read(subject: Subject) -> Reading:
    """Generate once more and look at the cache; nothing is read where the model generates nothing or keeps no cache.

    The part `after=prefill` is what a cache that grows holds when the first token comes: that of a generation of one token.
    """
    if Trait.GENERATES not in subject.traits or subject.requested["cache"] == "none":
        return Reading()
    held, dtypes = _held(subject, subject.requested)
    if not held:
        return Reading()
    facts = {"kv_cache_dtype": "+".join(dtypes)}
    whole = sample(KV_CACHE, "probe.kv_cache", held)
    if subject.requested["cache"] != "dynamic":
        return Reading(samples=(whole,), facts=facts)
    prefill, _ = _held(subject, {**subject.requested, "new_tokens": 1})
    return Reading(samples=(whole, sample(KV_CACHE, "probe.kv_cache", prefill, part="after=prefill")), facts=facts)


def _held(subject: Subject, requested: Mapping[str, Json]) -> tuple[int, tuple[str, ...]]:
    """Give the bytes that the cache holds after a generation as REQUESTED, and the dtypes of its keys, values and states.

    What is quantized is named by its bits, beside the dtype of the last tokens, which are not.
    """
    call = generation_call(subject.loaded, subject.inputs, requested)
    call.refresh()
    cache = getattr(call.generate(return_dict_in_generate=True), "past_key_values", None)
    plain = cache if isinstance(cache, tuple) else ()  # keys and values of a runtime of another kind
    tensors = [*_tensors(plain), *(tensor for layer in _layers(cache) for tensor in _tensors(vars(layer).values()))]
    dtypes = {str(one.dtype).removeprefix("torch.") for one in tensors if one.is_floating_point() and one.numel()}
    quantized = {f"int{layer.nbits}" for layer in _layers(cache) if getattr(layer, "_quantized_keys", None) is not None}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors), tuple(sorted(dtypes | quantized))


def _layers(cache: Any) -> list[Any]:
    """Give the layers of CACHE; one of an encoder with a decoder holds two caches, of what was written and what was read."""
    halves = [getattr(cache, name, None) for name in ("self_attention_cache", "cross_attention_cache")]
    return [layer for half in (cache, *halves) for layer in getattr(half, "layers", ())]


def _tensors(values: Iterable[Any]) -> Iterator[Any]:
    """Give the tensors among VALUES: keys and values, states of linear attention (in mappings), what quantized ones store."""
    for value in values:
        if isinstance(value, dict):
            yield from _tensors(value.values())
        elif isinstance(value, tuple):
            yield from _tensors(value)
        elif hasattr(value, "element_size"):
            yield from storages.plain(value)
