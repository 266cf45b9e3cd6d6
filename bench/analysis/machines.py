"""What people should know of the machines that trials ran on, as places to measure on: advice from the records alone."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from bench.analysis.advice import advise
from bench.domain.record import Record
from bench.domain.values import Json


def of_machines(trials: Sequence[Record]) -> tuple[str, ...]:
    """Say what was wrong with the machines as places to measure on, each wording once, and how to mend it."""
    found = (one for environment in _environments(trials) for one in advise(environment, _disturbance(trials)))
    return tuple(dict.fromkeys(f"the machine: {one.says}. To mend it: {one.mend}" for one in found))


def _environments(trials: Iterable[Record]) -> Iterable[Mapping[str, Json]]:
    """Give the environment of the first of TRIALS on each machine."""
    return {str(trial.environment.get("fingerprint")): trial.environment for trial in reversed(list(trials))}.values()


def _disturbance(trials: Iterable[Record]) -> Mapping[str, Json]:
    """Give what the host took, how often heat slowed the processor and what slowed a GPU.

    Of other processes marks tell, and a load is a trial's own.
    """
    trials = list(trials)
    stolen = [float(share) for trial in trials if isinstance(share := trial.noise.get("steal_share"), int | float)]
    throttled = [int(count) for trial in trials if isinstance(count := trial.noise.get("throttles"), int | float)]
    slowed = {str(why) for trial in trials for why in _slowed_by(trial)}
    return {
        "steal_share": statistics.median(stolen) if stolen else None,
        "throttles": sum(throttled),
        "gpu_slowed_by": sorted(slowed),
    }


def _slowed_by(trial: Record) -> Sequence[Json]:
    gpu = trial.noise.get("gpu")
    found = gpu.get("slowed_by") if isinstance(gpu, Mapping) else None
    return found if isinstance(found, list | tuple) else ()
