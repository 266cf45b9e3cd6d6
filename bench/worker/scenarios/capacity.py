"""One probe of a capacity: the model is loaded and called once with inputs of the size that is tried.

Whether that fits is not decided here. Who searches tries every size in a process of its own (bench/execution/capacity.py).

A probe gives freed tensors back to the system at once. Where the allocator keeps them by its own lights the same probe needs
another amount each time, and the largest batch that fits is another one each time.
"""

from bench.protocol.messages import Measure
from bench.worker import calling, opening, steps
from bench.worker.clock import Clock
from bench.worker.host import memory
from bench.worker.network import attention
from bench.worker.wire import Send


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Call the model of REQUEST once, as its users call it.

    Raises Refused, and what the libraries raise, out of memory among it.
    """
    import torch

    requested = request.case.requested
    threshold = memory.give_back_at_once()
    with torch.inference_mode():
        trial = opening.load(request, send, clock)
        trial.observed["malloc_mmap_threshold"] = threshold
        given = opening.prepare(trial)
        of_model = tuple(steps.of_model(trial.loaded, given.tensors, trial.traits, requested))
        with attention.kernel(str(requested["attention"])):
            calling.first(of_model, trial)
