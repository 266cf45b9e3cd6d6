"""The data's way, one short function a step: suites become a plan, a plan becomes records, records become reports.

Everything that the commands do is here in the order in which it happens, a file a stretch; the rooms below know nothing of one
another.
"""

from bench.workflow.cases import Measured, measure_case, plan_case
from bench.workflow.comparisons import (
    BASELINES,
    compare,
    history,
    import_results,
    judge,
    keep_baseline,
    measure_noise,
    render_comparison,
)
from bench.workflow.contenders import Contender, Setting, contender
from bench.workflow.contests import Contested, contest
from bench.workflow.plans import draw_up, expected_s, read_suites, suite_schema
from bench.workflow.reports import read, read_records, render, summarize, summary, write
from bench.workflow.runs import RECORDS, Ran, run
from bench.workflow.subjects import ask_worker, describe_machine, describe_model, what_disturbs, write_model
from bench.workflow.walks import Commit, Range, Walked, pairs_against, walk

__all__ = [
    "BASELINES",
    "RECORDS",
    "Commit",
    "Contender",
    "Contested",
    "Measured",
    "Ran",
    "Range",
    "Setting",
    "Walked",
    "ask_worker",
    "compare",
    "contender",
    "contest",
    "describe_machine",
    "describe_model",
    "draw_up",
    "expected_s",
    "history",
    "import_results",
    "judge",
    "keep_baseline",
    "measure_case",
    "measure_noise",
    "pairs_against",
    "plan_case",
    "read",
    "read_records",
    "read_suites",
    "render",
    "render_comparison",
    "run",
    "suite_schema",
    "summarize",
    "summary",
    "walk",
    "what_disturbs",
    "write",
    "write_model",
]
