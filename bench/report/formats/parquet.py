"""Parquet: the long form, one line a sample, and one for each trial that left none."""

from bench.domain.errors import UsageError
from bench.report.formats import Material
from bench.report.long import frame
from bench.report.spelling import word

SUFFIX = ".parquet"


def render(material: Material) -> bytes:
    """Render the records of MATERIAL. A column of mixed kinds (`threads` of `auto` and 4) is one of texts.

    Raises UsageError where pyarrow is missing.
    """
    long = frame(material.records, outcomes=True)
    long.attrs.clear()  # declarations of metrics are for Python, and pyarrow would warn that they are no JSON
    for name in long.columns:
        if long[name].dtype == object:
            long[name] = long[name].map(word, na_action="ignore").astype("string")
    try:
        return long.to_parquet(None, engine="pyarrow", index=False)
    except ImportError as error:
        raise UsageError("parquet needs pyarrow: pip install 'transformers-bench[parquet]'") from error
