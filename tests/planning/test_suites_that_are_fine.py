"""A suite without problems becomes a noun: what is written is kept, what is left out has its default."""

import json
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from bench import workflow
from bench.domain.axes import AXES
from bench.domain.model import Kind, ModelRef
from bench.domain.plan import Suite
from bench.domain.procedure import Limits, PageCache, Procedure, StartMethod, Warmup
from bench.domain.scenario import Scenario
from bench.planning import amounts, document, suites, tree, wording
from tests.support.suites import HEAD, a_file, problems

ROOT = Path(__file__).resolve().parents[2]


def read(folder: Path, text: str, **options: bool) -> Suite:
    return suites.load(a_file(folder, text), **options)[0]


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    suite = read(tmp_path, HEAD)
    assert (suite.name, suite.axes, suite.include, suite.exclude, suite.reference) == ("x", {}, (), (), None)
    assert (suite.scenario, suite.page_cache) == (Scenario.INFERENCE, PageCache.UNSET)
    assert (suite.procedure, suite.limits) == (Procedure(), Limits())
    assert suite.models == (ModelRef(kind=Kind.PRESET, name="tiny-gpt2", where="tiny-gpt2"),)


def test_what_is_written_is_kept(tmp_path: Path) -> None:
    suite = read(
        tmp_path,
        """
version: 1
name: every key
models: [tiny-gpt2]
axes: {dtype: [float32, bfloat16], batch_size: [1, 2]}
exclude: [{dtype: bfloat16, batch_size: 2}]
include: [{threads: 1}]
reference: {dtype: float32}
scenario: inference
load: {page_cache: cold, mmap: false}
procedure:
  {trials: 8, max_trials: 20, warmup: 3, target_interval: 0.01, min_iterations: 2, max_iterations: 50, min_seconds: 0.1,
   time_limit_s: 60, order: as-written, seed: 7, start_method: spawn}
limits: {host_memory: 1.5 GiB}
""",
    )
    assert suite.axes == {"dtype": ("float32", "bfloat16"), "batch_size": (1, 2)}
    assert suite.exclude == ({"dtype": "bfloat16", "batch_size": 2},)
    assert (suite.include, suite.reference) == (({"threads": 1},), {"dtype": "float32"})
    assert (suite.page_cache, suite.mmap) == (PageCache.COLD, False)
    assert suite.procedure == Procedure(
        trials=8,
        max_trials=20,
        warmup=Warmup(iterations=3),
        target_interval=0.01,
        min_iterations=2,
        max_iterations=50,
        min_seconds=0.1,
        time_limit_s=60,
        order="as-written",
        seed=7,
        start_method=StartMethod.SPAWN,
    )
    assert suite.limits.host_memory_bytes == 3 * 2**29


@pytest.mark.parametrize(
    ("written", "meant"),
    [("auto", Warmup()), ("0", Warmup(iterations=0)), ("2.5s", Warmup(seconds=2.5)), ("3 s", Warmup(seconds=3.0))],
)
def test_a_warm_up_is_until_steady_or_a_count_or_seconds(written: str, meant: Warmup, tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEAD}procedure: {{warmup: {written}}}\n").procedure.warmup == meant


def test_max_trials_is_trials_where_it_is_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEAD}procedure: {{trials: 3}}\n").procedure.max_trials == 3


@pytest.mark.parametrize(("written", "meant"), [("5", 5), ("500MB", 500_000_000), ("2 KiB", 2048), ("1B", 1)])
def test_an_amount_of_memory_is_bytes_or_has_a_unit(written: str, meant: int, tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEAD}limits: {{host_memory: {written}}}\n").limits.host_memory_bytes == meant


def test_words_that_are_no_amounts_are_none() -> None:
    assert amounts.read_bytes("8 gigs") is None
    assert amounts.read_seconds("soon") is None


def test_a_path_is_relative_to_the_suite(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    text = "version: 1\nname: x\nmodels: [{path: ./mine, task: fill-mask, fresh_head: true, num_labels: 3}]\n"
    assert read(tmp_path, text).models == (
        ModelRef(kind=Kind.PATH, name="./mine", where=str(tmp_path / "mine"), task="fill-mask", fresh_head=True, num_labels=3),
    )


def test_a_model_of_the_hub_is_called_by_name_and_revision(tmp_path: Path) -> None:
    text = "version: 1\nname: x\nmodels: [{hub: org/name, revision: 607a30d}, {hub: org/other}]\n"
    pinned, floating = read(tmp_path, text, allow_floating=True).models
    assert (pinned.name, pinned.where, pinned.revision) == ("org/name@607a30d", "org/name", "607a30d")
    assert (floating.name, floating.revision) == ("org/other", None)


def test_a_preset_may_be_a_mapping_with_its_task(tmp_path: Path) -> None:
    ref = read(tmp_path, "version: 1\nname: x\nmodels: [{preset: tiny-bert, task: fill-mask}]\n").models[0]
    assert (ref.kind, ref.name, ref.task) == (Kind.PRESET, "tiny-bert", "fill-mask")


def test_a_preset_takes_a_fresh_head_as_a_folder_does(tmp_path: Path) -> None:
    ref = read(tmp_path, "version: 1\nname: x\nmodels: [{preset: tiny-videomae, num_labels: 7, fresh_head: true}]\n").models[0]
    assert (ref.kind, ref.num_labels, ref.fresh_head) == (Kind.PRESET, 7, True)


def test_mappings_and_lists_are_values_of_some_axes(tmp_path: Path) -> None:
    text = (
        "axes:\n  quantization: [{method: bnb-nf4, skip: [lm_head], compute_dtype: bfloat16}]\n"
        "  device_map: [auto, {max_memory: {cpu: 1GiB}, offload: disk}, {modules: {a: cpu}}]\n  freeze: [[], [wte, h.*]]\n"
    )
    suite = read(tmp_path, HEAD + text)
    assert suite.axes["quantization"] == ({"method": "bnb-nf4", "skip": ["lm_head"], "compute_dtype": "bfloat16"},)
    assert suite.axes["freeze"] == ([], ["wte", "h.*"])
    assert len(suite.axes["device_map"]) == 3


def test_the_digest_is_of_the_bytes_of_the_file(tmp_path: Path) -> None:
    import hashlib

    assert read(tmp_path, HEAD).digest == hashlib.sha256(HEAD.encode()).hexdigest()


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_the_commit_is_that_of_the_folder_and_says_whether_it_has_changes(tmp_path: Path) -> None:
    assert read(tmp_path, HEAD).commit is None
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "x.yaml")
    git(tmp_path, "commit", "-q", "-m", "one")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert read(tmp_path, HEAD).commit == head
    assert read(tmp_path, f"{HEAD}# changed\n").commit == f"{head}+"


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read(tmp_path, HEAD).commit is None


def test_aliases_and_anchors_may_be_used(tmp_path: Path) -> None:
    text = f"{HEAD}axes:\n  batch_size: &sizes [1, 2]\n  prompt_tokens: *sizes\n"
    assert read(tmp_path, text).axes == {"batch_size": (1, 2), "prompt_tokens": (1, 2)}


def test_an_alias_may_be_a_key_and_a_key_may_be_an_anchor(tmp_path: Path) -> None:
    text = "version: 1\n&n name: &axis batch_size\nmodels: [tiny-gpt2]\naxes:\n  *axis : [1]\n"
    suite = read(tmp_path, text)
    assert (suite.name, suite.axes) == ("batch_size", {"batch_size": (1,)})


def test_words_of_old_yaml_are_words(tmp_path: Path) -> None:
    assert read(tmp_path, "version: 1\nname: yes\nmodels: [tiny-gpt2]\n").name == "yes"


@pytest.mark.parametrize(("written", "meant"), [("0x10", 16), ("0o17", 15), ("0b11", 3), ("+5", 5), ("1_000", 1000), ("012", 12)])
def test_whole_numbers_may_be_spelled_in_several_ways(written: str, meant: int, tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEAD}procedure: {{seed: {written}}}\n").procedure.seed == meant


def test_a_tree_knows_the_line_of_every_value_and_key() -> None:
    root = tree.read("a:\n  b:\n    - 1\n    - 2\nc: 3\n", lambda _line, _what: None)
    assert root is not None
    assert (root.line_of(("a", "b", 1)), root.line_of(("a", "b", 9)), root.line_of(())) == (4, 3, 1)
    assert (root.line_of_key(("a", "b")), root.line_of_key(("c",)), root.line_of_key(("a", "x")), root.line_of_key(())) == (
        2,
        5,
        2,
        1,
    )
    assert root.line_of_key(("x", "y")) == 1


def test_plain_values_are_lists_and_dicts() -> None:
    assert tree.plain({"a": (1, ("b",)), "c": None}) == {"a": [1, ["b"]], "c": None}


def test_long_values_are_cut_where_they_are_shown() -> None:
    assert wording.quoted("a" * 100) == '"' + "a" * 59 + "…"
    assert wording.quoted(object).startswith("<class")


def test_every_shipped_suite_is_fine_and_points_editors_at_the_schema() -> None:
    shipped = sorted((ROOT / "suites").glob("**/*.yaml"))
    assert shipped
    for path in shipped:
        up = "../" * (len(path.relative_to(ROOT / "suites").parts) - 1)
        assert path.read_text(encoding="utf-8").startswith(f"# yaml-language-server: $schema={up}schema.json\n"), path
        assert workflow.draw_up(workflow.read_suites([path])).cases, path


def test_the_committed_schema_is_the_one_that_is_generated() -> None:
    committed = json.loads((ROOT / "suites/schema.json").read_text(encoding="utf-8"))
    assert committed == json.loads(json.dumps(document.schema())), "run `make schema`"


def test_the_schema_describes_every_axis_with_its_default() -> None:
    axes = cast("Any", document.schema())["$defs"]["Axes"]["properties"]
    for axis in AXES:
        default = list(axis.default) if isinstance(axis.default, tuple) else axis.default
        assert axes[axis.name]["default"] == [default]
        assert axes[axis.name]["description"] == axis.meaning


def test_a_suite_may_hold_every_default_that_the_schema_names(tmp_path: Path) -> None:
    lines = "".join(f"  {axis.name}: {json.dumps([axis.default])}\n" for axis in AXES if not axis.scenarios)
    assert problems(tmp_path, f"{HEAD}axes:\n{lines}") == []
