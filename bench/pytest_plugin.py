"""pytest: model steps as benchmarks of pytest-benchmark, in the test's own process, and cases measured in trials of their own.

    def test_forward(bench_model):
        bench_model(model="tiny-gpt2", batch_size=8)                     # --benchmark-compare-fail works on it

    @pytest.mark.bench_case(model="tiny-gpt2", dtype="bfloat16", trials=5)
    def test_memory(bench_result):
        assert bench_result.value("memory.host_peak") < 64 * 2**20

This module is imported by every pytest of its environment, so it imports nothing that a project without such tests would wait for.
What a machine lacks (a device, a package) skips a test; what was asked for and was not got fails it, with the reason.
"""

import math
import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from bench.domain.outcome import Outcome, ReasonCode

if TYPE_CHECKING:
    from bench.domain.plan import Case, PlannedCase
    from bench.domain.record import Record
    from bench.domain.values import Json
    from bench.execution.kept import Kept
    from bench.protocol.messages import Event
    from bench.worker.here import Opened
    from bench.worker.steps import Step
    from bench.workflow import Measured

MARK = "bench_case"
LACKING = frozenset({ReasonCode.MISSING_PACKAGE, ReasonCode.NO_DEVICE})
"""Reasons that lie in the machine and not in what was asked."""
MOST_ROUNDS = 1000


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the folder for the records of marked tests."""
    group = parser.getgroup("bench", "transformers-bench")
    group.addoption(
        "--bench-out", metavar="DIR", help="Keep the run directories of tests marked bench_case in DIR.  [default: pytest's own]"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and the fixture that fits to whether pytest-benchmark is here."""
    config.addinivalue_line(
        "markers", f"{MARK}(model, **case): measure the case in trials of its own; bench_result has what came of it"
    )
    there = any(getattr(plugin, "__name__", "") == "pytest_benchmark.plugin" for plugin in config.pluginmanager.get_plugins())
    config.pluginmanager.register(_With() if there else _Without(), "bench_model")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have every marked test measured, also one that does not ask for the result."""
    for item in items:
        names = getattr(item, "fixturenames", None)
        if item.get_closest_marker(MARK) is not None and names is not None and "bench_result" not in names:
            names.append("bench_result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What a benchmark was made of: the case, what was observed of it, and what the last call gave."""

    case: "Case"
    observed: "Mapping[str, Json]"
    output: object


@dataclass(slots=True)
class ModelBenchmark:
    """Times one step of one case through `benchmark`, the fixture of pytest-benchmark. One call a test."""

    benchmark: Any
    request: pytest.FixtureRequest

    def __call__(
        self, *, model: "str | Mapping[str, Json]", step: str = "forward", rounds: int | None = None, **case: Any
    ) -> Timed:
        """Load MODEL with its processor, warm STEP up and time it, by default as often as pytest-benchmark's options say.

        CASE are task, revision and axes, as in a suite, each with one value. STEP is one that docs/how-it-measures.md lists.
        """
        from bench.worker import here

        planned = _planned(self.request.node.nodeid, model, case)
        with _answering(), here.opened(planned) as opened:
            found = opened.steps.get(step)
            if found is None or found.metric is None:
                timed = ", ".join(name for name, one in opened.steps.items() if one.metric is not None)
                pytest.fail(f"{planned.case.label} has no step {step!r} with a time of its own (has: {timed})", pytrace=False)
            count = 1 if self.benchmark.disabled else rounds or self._rounds(opened.warm_up(found))
            self._tell(planned, opened, found, count)
            output = self.benchmark.pedantic(opened.call(found), setup=lambda: _call(found.prepare), rounds=count)
            return Timed(case=planned.case, observed=opened.observed, output=output)

    def _rounds(self, warm_s: list[float]) -> int:
        """Give the rounds that fill pytest-benchmark's max_time, at least its min_rounds, as it would without a setup."""
        mark = self.request.node.get_closest_marker("benchmark")
        said = {} if mark is None else mark.kwargs
        config = self.request.config
        least = int(said.get("min_rounds", config.getoption("benchmark_min_rounds", 5)))
        most_s = float(said.get("max_time", config.getoption("benchmark_max_time", 1.0)))
        return max(least, min(MOST_ROUNDS, math.ceil(most_s / max(statistics.median(warm_s[-5:]), 1e-9))))

    def _tell(self, planned: "PlannedCase", opened: "Opened", step: "Step", rounds: int) -> None:
        """Put case, environment and what was observed beside the times, in the form that `bench import` reads."""
        from bench.execution.trial import origin
        from bench.protocol.codec import to_json

        assert step.metric is not None  # noqa: S101 -- looked at before
        self.benchmark.group = self.benchmark.group or step.metric.name
        self.benchmark.extra_info["bench"] = {
            "case": to_json(planned.case),
            "metric": to_json(step.metric),
            "suite": to_json(origin(planned.suite)),
            "observed": to_json(opened.observed),
            "environment": to_json(opened.environment),
            "rounds": [rounds],
        }


class _With:
    @pytest.fixture
    def bench_model(self, benchmark: Any, request: pytest.FixtureRequest) -> ModelBenchmark:
        """Give what times a step of a model: it takes model="tiny-gpt2", step="forward", batch_size=8 …."""
        return ModelBenchmark(benchmark, request)


class _Without:
    @pytest.fixture
    def bench_model(self) -> NoReturn:
        """Say what is missing."""
        pytest.fail(
            "bench_model times by pytest-benchmark, which is not installed or turned off: pip install 'transformers-bench[test]'",
            pytrace=False,
        )


@pytest.fixture
def bench_result(request: pytest.FixtureRequest, bench_nurseries: "Kept", tmp_path_factory: pytest.TempPathFactory) -> "Measured":
    """Measure the case that the test is marked with, in trials of its own, and give its row, records and run directory."""
    from bench import workflow

    mark = request.node.get_closest_marker(MARK)
    if mark is None or mark.args or "model" not in mark.kwargs:
        pytest.fail(f'mark the test: @pytest.mark.{MARK}(model="tiny-gpt2", batch_size=8), all by keywords', pytrace=False)
    kept = request.config.getoption("bench_out")
    out = Path(kept) if kept else tmp_path_factory.mktemp("bench-records")
    with _answering():
        plan = workflow.plan_case(request.node.nodeid, **mark.kwargs)
        found = workflow.measure_case(plan, out, bench_nurseries, Quiet(), ("pytest", request.node.nodeid))
    if found.row.outcome is not Outcome.FINISHED:
        _refuse(found.row.outcome, found.row.reason or "", found.row.reason_code)
    return found


@pytest.fixture(scope="session")
def bench_nurseries() -> "Iterator[Kept]":
    """Keep the nurseries of marked tests open over the session."""
    from bench.execution.kept import Kept

    nurseries = Kept()
    yield nurseries
    nurseries.end()


class Quiet:
    """Hears how a run goes and prints only what it says; pytest shows that where a test fails."""

    def said(self, text: str) -> None:
        """Print a remark."""
        sys.stderr.write(f"{text}\n")

    def begins(self, trial: object) -> None:
        """Let it pass."""

    def heard(self, event: "Event") -> None:
        """Let it pass."""

    def ended(self, record: "Record") -> None:
        """Let it pass."""


def _planned(name: str, model: "str | Mapping[str, Json]", case: "Mapping[str, Any]") -> "PlannedCase":
    """Plan the case, or end the test with what is wrong with it."""
    from bench import workflow

    with _answering():
        plan = workflow.plan_case(name, model, **case)
    if plan.skipped:
        refusal = plan.skipped[0].refusal
        _refuse(Outcome.SKIPPED, refusal.reason, refusal.reason_code)
    return plan.cases[0]


@contextmanager
def _answering() -> Iterator[None]:
    """End the test where the block learns that the case cannot be had; errors of the libraries go on as they are."""
    from bench.domain.errors import BenchError
    from bench.worker.failures import classify

    try:
        yield
    except BenchError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    except Exception as error:
        failed = classify(error)
        if failed.outcome is not Outcome.UNSUPPORTED:
            raise
        _refuse(failed.outcome, failed.reason, failed.reason_code)


def _refuse(outcome: Outcome, reason: str, code: ReasonCode | None) -> NoReturn:
    """Skip the test where the machine lacks something, else fail it."""
    if code in LACKING:
        raise pytest.skip.Exception(reason, _use_item_location=True) from None
    raise pytest.fail.Exception(f"{outcome.value}: {reason}", pytrace=False) from None


def _call(prepare: Any) -> None:
    """Call PREPARE and give nothing: pytest-benchmark takes what a setup gives for arguments."""
    prepare()
