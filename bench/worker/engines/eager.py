"""No engine: the model's own forward, operator by operator."""

from bench.worker.engines import Engaged, Work

NEEDS = "nothing"
DEVICES = ("cpu", "cuda", "mps", "xpu")
OPTIONS: tuple[str, ...] = ()


def engage(work: Work) -> Engaged:
    """Leave the model of WORK as it is: that nothing was compiled was read off it when it was loaded."""
    del work
    return Engaged(observe=dict)
