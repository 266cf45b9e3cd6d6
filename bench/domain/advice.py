"""What is wrong with a machine as a place to measure on, and how to mend it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`fact` is the name of what was read, `says` what it is and does to a number, `mend` a command or setting that mends it."""

    fact: str
    says: str
    mend: str
