"""What is done with a model: the scenarios of suites, cases and records."""

from enum import StrEnum


class Scenario(StrEnum):
    """What is done with a model."""

    INFERENCE = "inference"
    TRAIN_STEP = "train-step"
    CAPACITY = "capacity"
    DATA = "data"
    REQUESTS = "requests"
    LOAD = "load"
    ENDURANCE = "endurance"
