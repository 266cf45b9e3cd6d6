"""Bytes that the key-value cache holds after the last step of a generation."""

from typing import Any

from bench.domain.task import Trait
from bench.worker.metrics import KV_CACHE, sample
from bench.worker.probes import Cost, Reading, Subject
from bench.worker.steps import Call, generation_options

COST = Cost.OWN_PASS


def read(subject: Subject) -> Reading:
    """Generate once more and look at the cache; nothing is read where the model generates nothing or keeps no cache."""
    if Trait.GENERATES not in subject.traits or subject.requested["cache"] == "none":
        return Reading()
    call = Call(subject.loaded, subject.inputs, generation_options(subject.loaded, subject.requested))
    call.refresh()
    cache = call.generate(return_dict_in_generate=True).past_key_values
    layers = getattr(cache, "layers", None)
    return Reading(samples=(sample(KV_CACHE, "probe.kv_cache", _bytes(layers)),)) if layers else Reading()


def _bytes(layers: Any) -> int:
    tensors = [tensor for layer in layers for tensor in (layer.keys, layer.values) if tensor is not None]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
