"""Amounts with units as suites write them: `8GiB` of memory, `2.5s` of warm-up."""

import re

_UNITS = {
    "B": 1,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip

BYTES_PATTERN = rf"^[0-9]{{1,15}}(\.[0-9]{{1,9}})? ?({'|'.join(_UNITS)})$"
SECONDS_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,9})? ?s$"


def read_bytes(text: str) -> int | None:
    """Read an amount of memory such as `8GiB` or `1.5 GB` as bytes; None where it is none."""
    if re.fullmatch(BYTES_PATTERN, text) is None:
        return None
    number, unit = re.split(r" ?(?=[kKMGTB])", text, maxsplit=1)
    return int(float(number) * _UNITS[unit]) if "." in number else int(number) * _UNITS[unit]


def read_seconds(text: str) -> float | None:
    """Read a span such as `2.5s`; None where it is none."""
    return float(text.rstrip("s")) if re.fullmatch(SECONDS_PATTERN, text) else None
