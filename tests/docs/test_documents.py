"""Documents say what the code does: tables are compared with it, links resolve, commands parse, code runs."""

import dataclasses
import importlib
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest

from bench import cli
from bench.analysis.derive import RULES
from bench.analysis.endurance import DEVICE_GROWTH, DRIFT, GROWTH
from bench.analysis.goodput import GOODPUT
from bench.analysis.scaling import EFFICIENCY
from bench.analysis.stage_rates import OF_STAGES, metric_of
from bench.domain import metric, procedure, record
from bench.domain.metric import Metric
from bench.domain.outcome import Outcome, ReasonCode
from bench.domain.particulars import OVER
from bench.execution import capacity, watch
from bench.protocol import messages
from bench.store import runs
from bench.worker import metrics, stopping
from bench.worker.loads import loading
from tests.docs import generated
from tests.support.commands import Bench
from tests.support.replays import EVENTS, TWO_CASES, a_replay
from tests.support.suites import a_file

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("reports/*.md")])
NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(name: str, title: str) -> str:
    """Give what stands under the heading TITLE of document NAME, up to the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,6}} |\Z)", text_of(name), re.MULTILINE | re.DOTALL)
    assert found, f"{name} has no section {title}"
    return found[2]


def rows(text: str) -> list[list[str]]:
    """Give the cells of every table row of TEXT, headers left out."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line] for line in lines]
    rules = [number for number, line in enumerate(cells) if set("".join(line)) <= set("-: ")]
    return [line for number, line in enumerate(cells) if number not in rules and number + 1 not in rules]


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def first_column(name: str, title: str) -> list[str]:
    return [ticked(row[0])[0] for row in rows(section(name, title))]


# ── links, commands, words ───────────────────────────────────────────────────────────────────────────────────────────────────────


def anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", NAMES)
def test_links_resolve(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(name)):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), f"{name} links to {target}"
        assert not anchor or anchor in anchors(path), f"{name} links to {target}"


@pytest.mark.parametrize("name", NAMES)
def test_files_that_are_named_exist(name: str) -> None:
    for path in re.findall(r"`((?:bench|tests|suites|docs|benchmarks)/[\w./-]+)`", text_of(name)):
        wanted = re.sub(r"NAME|\*", "", path)
        if wanted == path:
            assert (ROOT / path).exists(), f"{name} names {path}"


def command_lines(text: str) -> Iterator[list[str]]:
    """Give the words of every command line of bench in TEXT, be it fenced as a shell's or indented."""
    fenced = [body.splitlines() for kind, body in FENCE.findall(text) if kind.startswith("sh")]
    for line in (*(line for body in fenced for line in body), *re.findall(r"^ {4}(.*)$", text, re.MULTILINE)):
        if line.startswith("bench "):
            yield shlex.split(line, comments=True)[1:]


def test_there_are_command_lines_to_try() -> None:
    assert sum(len(list(command_lines(text_of(name)))) for name in NAMES) > 10


@pytest.mark.parametrize("name", NAMES)
def test_command_lines_parse(name: str) -> None:
    for words in command_lines(text_of(name)):
        command: click.Command = importlib.import_module(f"bench.cli.{words[0]}").command
        command.make_context(words[0], words[1:])


@pytest.mark.parametrize("name", NAMES)
def test_commands_that_are_named_exist(name: str) -> None:
    found = {words.split()[1] for words in re.findall(r"`(bench [a-z][^`]*)`", text_of(name))}
    assert found <= set(cli.COMMANDS), name


@pytest.mark.parametrize("name", NAMES)
def test_no_document_names_a_path_of_somebody_s_machine(name: str) -> None:
    absolute = re.findall(r"(?<![\w.:/*<])/(\w+)/\w", text_of(name))
    assert set(absolute) <= {"proc", "tmp"}, name


@pytest.mark.parametrize("name", NAMES)
def test_no_line_ends_in_blanks(name: str) -> None:
    assert not re.search(r"[ \t]+$", text_of(name), re.MULTILINE)


# ── generated parts ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("file", "name"), sorted(generated.BLOCKS))
def test_generated_parts_are_fresh(file: str, name: str) -> None:
    text = text_of(file)
    assert generated.replaced(text, name, generated.BLOCKS[file, name]()) == text, "run `python -m tests.docs.generated`"


def test_a_part_without_its_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match="there is no block axes"):
        generated.replaced("nothing", "axes", "")


def test_every_command_and_option_is_documented() -> None:
    for name in cli.COMMANDS:
        command: click.Command = importlib.import_module(f"bench.cli.{name}").command
        inner: dict[str, click.Command] = getattr(command, "commands", {})
        for title, one in {f"bench {name}": command, **{f"bench {name} {below}": found for below, found in inner.items()}}.items():
            said = section("docs/cli.md", title)
            for option in (param for param in one.params if isinstance(param, click.Option)):
                assert all(flag in said for flag in option.opts), (title, option.opts)


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured() -> dict[str, Metric]:
    """Give every metric that a trial's samples may be of."""
    constants = [one for module in (metrics, watch, capacity) for one in vars(module).values() if isinstance(one, Metric)]
    stages = [metrics.seconds(f"load.{stage}") for stage in loading.STAGES]
    return {one.name: one for one in (*constants, *stages, *map(capacity.capacity_of, OVER))}


def derived() -> dict[str, Metric]:
    """Give every metric that is computed from records."""
    return {one.name: one for one in (*(rule.metric for rule in RULES), GOODPUT, EFFICIENCY, GROWTH, DEVICE_GROWTH, DRIFT)}


def of_stages() -> dict[str, Metric]:
    """Give every rate of a stage of the ledger."""
    return {one.name: one for stage, amounts in OF_STAGES.items() for one in (metric_of(stage, amount) for amount in amounts)}


@pytest.mark.parametrize(
    ("title", "declared"), [("Measured", measured()), ("Derived", derived()), ("Rates of the stages", of_stages())]
)
def test_every_metric_is_defined_with_unit_direction_and_id(title: str, declared: dict[str, Metric]) -> None:
    table = rows(section("docs/metrics.md", title))
    assert sorted(ticked(row[0])[0] for row in table) == sorted(declared)
    for name, definition, unit, better, identity in table:
        one = declared[ticked(name)[0]]
        assert (unit, better, identity) == (one.unit.value, one.better.value, one.definition), name
        assert definition


def test_every_stage_of_the_ledger_is_listed_in_order() -> None:
    from bench.domain.summary import STAGES

    first = section("docs/metrics.md", "Stages of the ledger").split(". A report")[0]
    assert tuple(ticked(first)) == STAGES


@pytest.mark.parametrize(
    ("file", "title", "noun"),
    [
        ("docs/records.md", "Record, schema 3", record.Record),
        ("docs/records.md", "phases", record.Phase),
        ("docs/records.md", "samples", metric.Samples),
        ("docs/records.md", "metric", metric.Metric),
        ("docs/records.md", "run.json", runs.Manifest),
    ],
)
def test_every_field_of_what_is_stored_is_described(file: str, title: str, noun: Any) -> None:
    assert first_column(file, title) == [field.name for field in dataclasses.fields(noun)]


@pytest.mark.parametrize("part", ["observed", "environment", "noise"])
def test_every_fact_of_real_trials_is_described(part: str) -> None:
    described = {word for row in rows(section("docs/records.md", part)) for word in ticked(row[0])}
    said: set[str] = set()
    for path in EVENTS.glob("*.jsonl"):
        for event in map(messages.decode_event, path.read_text(encoding="utf-8").splitlines()):
            said |= set(event.facts) if getattr(event, "type", None) == part else set()  # type: ignore[union-attr]
    assert said
    assert said <= described


def test_the_schema_that_is_described_is_the_one_that_is_written() -> None:
    assert record.SCHEMA == 3
    assert runs.SCHEMA == 1


@pytest.mark.parametrize(("title", "known"), [("Requests", messages._REQUESTS), ("Events", messages._EVENTS)])
def test_every_message_is_described_with_its_fields(title: str, known: dict[str, Any]) -> None:
    table = rows(section("docs/protocol.md", title))
    assert [ticked(row[0])[0] for row in table] == list(known)
    for row in table:
        assert ticked(row[1]) == [field.name for field in dataclasses.fields(known[ticked(row[0])[0]])], row[0]


def test_the_version_of_the_protocol_is_the_one_that_is_described() -> None:
    assert f"the version of the protocol ({messages.VERSION})" in text_of("docs/protocol.md")


def test_every_outcome_and_reason_code_has_its_meaning() -> None:
    named = first_column("docs/suites.md", "Outcomes and reasons")
    assert named == [*(one.value for one in Outcome), *(one.value for one in ReasonCode)]


def test_every_dependency_has_a_row() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]

    def names(wanted: Sequence[str]) -> list[str]:
        return [re.split(r"[\[>=<~!;]", one)[0] for one in wanted]

    assert first_column("docs/dependencies.md", "Always installed") == names(project["dependencies"])
    extras = {(ticked(row[0])[0], ticked(row[1])[0]) for row in rows(section("docs/dependencies.md", "Extras"))}
    assert extras == {(extra, name) for extra, wanted in project["optional-dependencies"].items() for name in names(wanted)}


def test_what_a_dependency_is_called_by_and_which_test_needs_it_are_there() -> None:
    for row in rows(text_of("docs/dependencies.md")):
        for path in re.findall(r"(?:bench|tests)/[\w./]+\w", " ".join(row)):
            assert (ROOT / path).exists(), path


def test_the_constants_of_warm_up_and_stopping_are_those_of_the_code() -> None:
    said, default = section("docs/how-it-measures.md", "Warm-up and stopping"), procedure.Procedure()
    numbers = [row[1] for row in rows(said)]
    assert numbers == [
        f"2 windows of {stopping.WINDOW}, {stopping.STEADY:.0%}".replace("%", " %"),
        f"{stopping.WARMUP_CAP_S:g} s, {stopping.WARMUP_SHARE:.0%}".replace("%", " %"),
        f"{default.min_iterations}, {default.min_seconds:g} s",
        f"{default.max_iterations}",
        f"{stopping.MEASURE_SHARE:.0%}, {stopping.LEAST_MEASURED}".replace("%", " %"),
        f"{default.target_interval:.0%}, 8".replace("%", " %"),
    ]


def test_the_limits_of_noise_are_those_of_the_code() -> None:
    from bench.analysis.target import LEAST_TO_JUDGE
    from bench.worker.host import noise

    said = section("docs/how-it-measures.md", "Noise")
    assert f"more than {noise.FOREIGN_LIMIT * 100:g} % of a core" in said
    assert f"for more than {noise.RUN_DELAY_LIMIT * 100:g} % of the time" in said
    assert LEAST_TO_JUDGE == 8


def test_the_changelog_has_the_version_that_is_written() -> None:
    from bench import __version__

    assert f"## [{__version__}]" in text_of("CHANGELOG.md")
    assert f"Procedure version {procedure.PROCEDURE_VERSION}:" in text_of("CHANGELOG.md")


def test_make_has_every_target_that_is_named() -> None:
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), re.MULTILINE))
    named = {target for name in NAMES for target in re.findall(r"(?:`|^ {4})make ([a-z]+)", text_of(name), re.MULTILINE)}
    assert named
    assert named <= targets


def test_the_readme_shows_a_real_report() -> None:
    assert "Benchmark of quickstart" in text_of("README.md").split("<!-- report -->")[1].split("<!-- end of report -->")[0]


# ── code that runs ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_yaml_in_documents_is_a_suite_without_problems(tmp_path: Path) -> None:
    from tests.support.suites import problems

    found = [
        body for name in NAMES for kind, body in FENCE.findall(text_of(name)) if kind.startswith("yaml") and "version: 1" in body
    ]
    assert found
    for body in found:
        assert problems(tmp_path, body) == []


@pytest.mark.torch
def test_the_python_of_the_readme_runs(bench: Bench, tmp_path: Path) -> None:
    made = bench("run", a_file(tmp_path, TWO_CASES), "--out", tmp_path / "reports/records", "--executor", a_replay(tmp_path))
    assert made.code == 0
    (body,) = (body for kind, body in FENCE.findall(text_of("README.md")) if kind == "python")
    environment = {**os.environ, "BENCH_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", body], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "GPT2LMHeadModel" in done.stdout


def test_the_tutorial_runs(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = FENCE.findall(text_of("docs/tutorial.md"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    said = ""
    for kind, body in blocks:
        if kind.startswith("yaml file="):
            Path(kind.partition("=")[2]).write_text(body, encoding="utf-8")
        elif kind == "sh run":
            answer = bench(*shlex.split(body)[1:])
            assert answer.code == 0, answer
            said = answer.out
        elif kind == "text":
            assert all(any(part in line for line in said.splitlines()) for part in body.split("…")[-1].splitlines()), body
            assert said.splitlines()[0] == body.splitlines()[0]
        elif kind.startswith("text problem="):
            suite = Path("first.yaml").read_text(encoding="utf-8")
            Path("wrong.yaml").write_text(suite.replace("batch_size: [1, 4]", kind.partition("=")[2]), encoding="utf-8")
            assert bench("check", "wrong.yaml").err == body.replace("first.yaml", "wrong.yaml")
        elif kind == "python run":
            capsys.readouterr()
            exec(body, {})  # noqa: S102 -- code of our own documents
            assert "tiny-gpt2" in capsys.readouterr().out
    assert len(blocks) > 8
