from bench.domain.errors import BenchError, CannotWriteError, ExitCode, Problem, RecordsError, SuiteError, UsageError, WorkerError
from bench.domain.outcome import Outcome


def test_every_error_has_its_exit_code() -> None:
    codes = {
        kind.__name__: kind.exit_code for kind in (BenchError, UsageError, RecordsError, CannotWriteError, WorkerError, SuiteError)
    }
    assert codes == {
        "BenchError": ExitCode.USAGE,
        "UsageError": ExitCode.USAGE,
        "RecordsError": ExitCode.USAGE,
        "SuiteError": ExitCode.USAGE,
        "CannotWriteError": ExitCode.TRIALS_FAILED,
        "WorkerError": ExitCode.TRIALS_FAILED,
    }


def test_a_suite_s_error_has_a_line_for_every_problem() -> None:
    problems = (Problem(file="s.yaml", line=3, what="one"), Problem(file="s.yaml", line=9, what="two"))
    error = SuiteError(problems)
    assert str(error) == "s.yaml:3: one\ns.yaml:9: two"
    assert error.problems == problems


def test_an_answer_is_no_failure() -> None:
    assert [outcome for outcome in Outcome if not outcome.failed] == [Outcome.FINISHED, Outcome.UNSUPPORTED, Outcome.SKIPPED]
