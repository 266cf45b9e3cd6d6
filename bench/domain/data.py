"""A data set of the user's that feeds a case: a file of items, or a function that gives a DataLoader."""

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """Where items come from."""

    FILE = "file"
    LOADER = "loader"


class FedStep(StrEnum):
    """What one batch is for, where steps are timed as they are fed."""

    FORWARD = "forward"
    TRAIN = "train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """The data set of a suite.

    `name` is what the suite says, and what cases carry; `where` the absolute path of the file of items (JSON, one a line), or
    `package.module:function`, looked up in `folder` first, which is the suite's. `digest` stands for the content in a case's id: of
    the items and the media that they name, or of the module's file. `items` are those that are used, from the first on; None where
    a loader decides. `step` is what its batches feed in scenario data: of another scenario it says nothing.
    """

    source: Source
    name: str
    where: str
    folder: str
    digest: str = ""
    items: int | None = None
    absolute_paths: bool = False
    step: FedStep = FedStep.FORWARD
