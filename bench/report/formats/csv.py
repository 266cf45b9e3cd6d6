"""Comma-separated values: the long form, one line a sample, and one for each trial that left none."""

import csv
import io
from collections.abc import Iterable
from functools import cache

from bench.report.escape import cell
from bench.report.formats import Material
from bench.report.long import SAMPLE, lines, trials

SUFFIX = ".csv"


def render(material: Material) -> str:
    """Render the records of MATERIAL. Numbers are as measured; a text that a spreadsheet would run gets an apostrophe before it.

    A record's columns are spelled once, not once a sample: there may be millions of these.
    """
    about = trials(material.records)
    for name in about.select_dtypes(exclude="number").columns:  # pandas before 3.1 would make floats of whole numbers
        about[name] = about[name].map(lambda value: cell(value) if isinstance(value, str) else value)
    head, *heads = about.to_csv(index=False, lineterminator="\n").splitlines()
    spelled = cache(_spelled)
    found = [f"{head},{_spelled(SAMPLE)}"]
    for index, *declared, iteration, value in lines(material.records, outcomes=True):
        amounts = "," if value is None else f"{iteration},{value!r}"
        found.append(f"{heads[index]},{spelled(tuple(declared))},{amounts}")
    return "\n".join([*found, ""])


def _spelled(texts: Iterable[str | None]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(["" if text is None else cell(text) for text in texts])
    return buffer.getvalue()
