"""One probe of a capacity: the model is loaded and called once with inputs of the size that is tried.

Whether that fits is not decided here. Who searches tries every size in a process of its own (bench/execution/capacity.py).
"""

from bench.protocol.messages import Measure
from bench.worker import calling, opening, steps
from bench.worker.clock import Clock
from bench.worker.network import attention
from bench.worker.wire import Send


def measure(request: Measure, send: Send, clock: Clock) -> None:
    """Call the model of REQUEST once, as its users call it.

    Raises Refused, and what the libraries raise, out of memory among it.
    """
    import torch

    requested = request.case.requested
    with torch.inference_mode():
        trial = opening.load(request, send, clock)
        given = opening.prepare(trial)
        of_model = tuple(steps.of_model(trial.loaded, given.tensors, trial.traits, requested))
        with attention.kernel(str(requested["attention"])):
            calling.first(of_model, trial)
