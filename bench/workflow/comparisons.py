"""Records beside records: comparisons and their gate, baselines, histories, and results of other tools."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bench.domain.errors import UsageError
from bench.domain.gating import Gating
from bench.workflow.plans import read_suites
from bench.workflow.reports import read_records

if TYPE_CHECKING:  # what a step needs is imported in it, so that `bench --help` stays light
    from bench.domain.comparison import Comparison, Gate, Rules, RunNoise
    from bench.domain.history import Series


BASELINES = Path("reports/baselines")
"""Where runs are kept to be compared with."""


def compare(base: Path | None, head: Path, rules: "Rules", baselines: Path = BASELINES, suite: Path | None = None) -> "Comparison":
    """Compare the runs at BASE and HEAD by RULES, with the spread between runs that is kept in BASELINES for their machine.

    BASE None is the baseline of head's machine. What head's suites say of their gates is in its records; with SUITE that file says
    it. Raises RecordsError where a path holds no records, UsageError where there is no baseline, SuiteError for SUITE.
    """
    from bench.analysis.compare import compare as compared
    from bench.store import baselines as kept

    after, _ = read_records([head])
    before, _ = read_records(kept.find(baselines, after) if base is None else [base])
    if suite is not None:
        (source,) = read_suites([suite], allow_floating=True)
        said = source.suite.gate or Gating()
        rules = replace(rules, gates={record.case.id: said for record in after})
    return compared(before, after, rules, kept.noise_of(baselines, after))


def judge(comparison: "Comparison", accepted: Path | None, *, strict: bool) -> "Gate":
    """Put COMPARISON to the gate, with the changes that the file ACCEPTED lists. Raises UsageError or SuiteError for that file."""
    from bench.analysis import gate
    from bench.planning import accepted as known

    path = accepted or (known.FILE if known.FILE.exists() else None)
    return gate.judge(comparison, () if path is None else known.read(path), strict=strict)


def render_comparison(form: str, comparison: "Comparison", rules: "Rules", gate: "Gate | None", seen_on: TextIO | None) -> str:
    """Render COMPARISON, judged by RULES and GATE, in FORM. Raises UsageError where there is no such form."""
    from functools import partial

    from bench.analysis.gate import gated
    from bench.report import comparison_forms
    from bench.report.screen import PLAIN, screen

    where = PLAIN if seen_on is None else screen(seen_on)
    return comparison_forms.render(form, comparison, rules, gate, partial(gated, rules=rules), where)


def keep_baseline(runs: Sequence[Path], baselines: Path) -> Path:
    """Make RUNS, one or the shards of one, the baseline of their machine and suites in BASELINES.

    Raises UsageError, RecordsError.
    """
    from bench.store import baselines as kept

    return kept.keep(baselines, read_records(runs)[0])


def measure_noise(runs: Sequence[Path], baselines: Path) -> "tuple[RunNoise, Path, tuple[str, ...]]":
    """Measure how far RUNS of unchanged code lie apart and keep it in BASELINES, with a remark for each run left out.

    Raises UsageError where they are too few, too close in time, or not of the same code; RecordsError where there are no records.
    """
    from bench.analysis.run_noise import run_noise
    from bench.store import baselines as kept

    noise, left_out = run_noise(read_records(runs)[0])
    return noise, kept.keep_noise(baselines, noise), left_out


def history(folders: Sequence[Path], metrics: Sequence[str]) -> "tuple[Series, ...]":
    """Read all runs below FOLDERS as series of METRICS.

    Raises RecordsError where there are no runs, UsageError where none of them has such a metric.
    """
    from bench.analysis.history import history as series_of

    found = series_of(read_records(folders)[0], metrics)
    unknown = set(metrics).difference(one.metric.name for one in found)
    if unknown:
        raise UsageError(f"no run has a metric called {', '.join(sorted(unknown))}; docs/metrics.md lists the names")
    return found


def import_results(tool: str, file: Path, out: Path) -> Path:
    """Make a run directory in OUT of the results that TOOL left in FILE. Raises UsageError, RecordsError, CannotWriteError."""
    from bench.store import imports, jsonl, runs

    importer = imports.find(tool)
    importer.read(file, "")  # what cannot be read is told before a directory is made
    directory = runs.create(out, "", [str(file)], 0, ["bench", "import", tool, str(file)])
    with jsonl.Journal(directory.path) as journal:
        for record in importer.read(file, directory.manifest.id):
            journal.append(record)
    return runs.finish(directory).path
