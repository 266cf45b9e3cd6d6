"""Every problem of a suite's form and sense: the line it stands in, and what is said of it."""

import re
from pathlib import Path

import pytest

from bench.domain.errors import SuiteError, UsageError
from bench.planning import complaints, suites
from tests.support.suites import HEAD, a_file, planned, problems

NAMED = "version: 1\nname: x\n"

FORM: dict[str, tuple[str, int, str]] = {
    "an unknown key": (f"{HEAD}axis: {{}}\n", 4, 'key "axis" is not known (knows: version, name, models, axes, exclude'),
    "a key that was nearly right": (f"{HEAD}axis: {{}}\n", 4, 'Did you mean "axes"?'),
    "an unknown axis": (f"{HEAD}axes:\n  dtyp: [float32]\n", 5, 'key "dtyp" is not known (knows: dtype, autocast'),
    "a merge key": (f"{HEAD}axes:\n  <<: {{dtype: [float32]}}\n", 5, 'key "<<" is not known (knows: dtype'),
    "a key like a kind of model": (f"{HEAD}axes:\n  <path>: [1]\n", 5, 'key "<path>" is not known (knows: dtype'),
    "an unknown value": (f"{HEAD}axes:\n  quantization: [nf5]\n", 5, 'quantization "nf5" is not known (knows: none, bnb-int8'),
    "a value that was nearly right": (f"{HEAD}axes:\n  quantization: [none, nf5]\n", 5, 'Did you mean "bnb-nf4"?'),
    "a word for a number": (f"{HEAD}axes:\n  batch_size: [one]\n", 5, 'batch_size "one" is not known (knows: integers from 1)'),
    "too small a number": (f"{HEAD}axes:\n  batch_size: [0]\n", 5, "batch_size 0 is not known (knows: integers from 1)"),
    "a truth for a number": (f"{HEAD}axes:\n  batch_size: [true]\n", 5, "batch_size true is not known"),
    "a fraction": (f"{HEAD}axes:\n  batch_size: [1.5]\n", 5, "batch_size 1.5 is not known"),
    "nothing for a number": (f"{HEAD}axes:\n  batch_size: [null]\n", 5, "batch_size null is not known"),
    "an empty axis": (f"{HEAD}axes:\n  dtype: []\n", 5, "dtype is empty: give at least one entry, or leave it out"),
    "a value without its list": (f"{HEAD}axes:\n  batch_size: 4\n", 5, "batch_size takes a list: write [4]"),
    "a mapping for a list": (f"{HEAD}axes:\n  batch_size: {{a: 1}}\n", 5, "batch_size takes a list"),
    "a list for a mapping": (f"{HEAD}axes: [dtype]\n", 4, 'axes takes a mapping, not ["dtype"]'),
    "a word where a list of words goes": (f"{HEAD}axes:\n  freeze: [a]\n", 5, 'freeze "a" is not known (knows: lists of strings)'),
    "a truth among strings": (f"{HEAD}axes:\n  gradient_checkpointing: [x]\n", 5, "(knows: true, false)"),
    "no models": (f"{NAMED}models: []\n", 3, "models is empty: give at least one entry"),
    "a missing key": ("version: 1\nname: x\n", 1, "models is missing: every suite needs it"),
    "another version": ("version: 7\nname: x\nmodels: [tiny-gpt2]\n", 1, "version 7 is not known (knows: 1)"),
    "a version in quotes": ('version: "1"\nname: x\nmodels: [tiny-gpt2]\n', 1, 'version "1" is not known (knows: 1)'),
    "a list": ("- 1\n- 2\n", 1, "a suite is a mapping with version, name and models"),
    "a word": ("hello\n", 1, "a suite is a mapping with version, name and models"),
    "an empty file": ("", 1, "the file is empty: a suite has version, name and models"),
    "a comment only": ("# nothing\n", 1, "the file is empty"),
    "a name with a slash": ("version: 1\nname: a/b\nmodels: [tiny-gpt2]\n", 2, 'name "a/b" cannot be used: it has to match ^'),
    "a number for a name": ("version: 1\nname: 5\nmodels: [tiny-gpt2]\n", 2, "name 5 cannot be used: it should be a valid string"),
    "a long name": (f"version: 1\nname: {'n' * 101}\nmodels: [tiny-gpt2]\n", 2, "it should have at most 100 characters"),
    "a number for a model": (f"{NAMED}models: [5]\n", 3, "a model is a preset's name, or a mapping with one of preset, path, hub"),
    "a model without a kind": (f"{NAMED}models: [{{modle: a}}]\n", 3, "a mapping with one of preset, path, hub"),
    "a stage that no module is of": (
        f"{NAMED}models: [{{path: a, parts: {{projekt: [bridge]}}}}]\n",
        3,
        'key of parts "projekt" is not known (knows: encode.vision, encode.audio, encode.text, project, fuse, prefill.language',
    ),
    "a stage without modules": (
        f"{NAMED}models: [{{path: a, parts: {{project: []}}}}]\n",
        3,
        "project is empty: give at least one",
    ),
    "an unknown key of a model": (
        f"{NAMED}models: [{{preset: tiny-gpt2, tsk: a}}]\n",
        3,
        '(knows: preset, task, fresh_head, num_labels, submodel). Did you mean "task"?',
    ),
    "a number for a revision": (
        f"{NAMED}models: [{{hub: a/b, revision: 5}}]\n",
        3,
        "revision 5 cannot be used: it should be a valid string",
    ),
    "an empty path": (f"{NAMED}models: [{{path: ''}}]\n", 3, 'path "" cannot be used: it should have at least 1 character'),
    "a hub's name with a blank": (
        f"{NAMED}models: [{{hub: 'a b', revision: abc}}]\n",
        3,
        'hub "a b" cannot be used: it has to match',
    ),
    "no classes": (
        f"{NAMED}models: [{{path: ., num_labels: 0}}]\n",
        3,
        "num_labels 0 cannot be used: it should be greater than or equal to 1",
    ),
    "no trial": (f"{HEAD}procedure:\n  trials: 0\n", 5, "trials 0 cannot be used: it should be greater than or equal to 1"),
    "a warm-up that is no amount": (
        f"{HEAD}procedure:\n  warmup: long\n",
        5,
        "(knows: auto, a number of iterations, seconds such as 2.5s)",
    ),
    "a warm-up below nothing": (f"{HEAD}procedure:\n  warmup: -1\n", 5, "warmup -1 is not known"),
    "an interval of twice the value": (
        f"{HEAD}procedure:\n  target_interval: 2\n",
        5,
        "target_interval 2 cannot be used: it should be less than 1",
    ),
    "an unknown order": (f"{HEAD}procedure:\n  order: interleavd\n", 5, 'Did you mean "interleaved"?'),
    "an unknown start method": (
        f"{HEAD}procedure:\n  start_method: fork\n",
        5,
        'start_method "fork" is not known (knows: nursery, spawn)',
    ),
    "an unknown key of the procedure": (f"{HEAD}procedure:\n  trails: 5\n", 5, 'Did you mean "trials"?'),
    "an unknown scenario": (f"{HEAD}scenario: inferenc\n", 4, 'Did you mean "inference"?'),
    "an unknown state of the page cache": (
        f"{HEAD}load: {{page_cache: hot}}\n",
        4,
        'page_cache "hot" is not known (knows: warm, cold)',
    ),
    "an unknown key of load": (f"{HEAD}load: {{cache: hot}}\n", 4, "(knows: page_cache, mmap)"),
    "an mmap that is neither": (f"{HEAD}load: {{mmap: maybe}}\n", 4, 'mmap "maybe" cannot be used'),
    "an amount without a unit": (
        f"{HEAD}limits: {{host_memory: lots}}\n",
        4,
        "(knows: bytes as an integer, amounts such as 8GiB or 500MB)",
    ),
    "an unknown limit": (f"{HEAD}limits: {{memory: 1GiB}}\n", 4, 'Did you mean "host_memory"?'),
    "an unknown quantization inside": (
        f"{HEAD}axes:\n  quantization: [{{method: nf5}}]\n",
        5,
        'quantization method "nf5" is not known',
    ),
    "a compute dtype that is none": (
        f"{HEAD}axes:\n  quantization: [{{method: bnb-nf4, compute_dtype: float8}}]\n",
        5,
        'quantization compute_dtype "float8" is not known',
    ),
    "a skip that is no list": (
        f"{HEAD}axes:\n  quantization: [{{method: bnb-nf4, skip: a}}]\n",
        5,
        "quantization skip takes a list of module names",
    ),
    "a mapping with a foreign key": (
        f"{HEAD}axes:\n  quantization: [{{methode: bnb-nf4}}]\n",
        5,
        'quantization {"methode":"bnb-nf4"} is not known',
    ),
    "modules and offload": (
        f"{HEAD}axes:\n  device_map: [{{modules: {{a: cpu}}, offload: disk}}]\n",
        5,
        "device_map takes either modules, or max_memory and offload",
    ),
    "an unknown offload": (
        f"{HEAD}axes:\n  device_map: [{{offload: disc}}]\n",
        5,
        'device_map offload "disc" is not known (knows: disk)',
    ),
    "an empty map of memory": (
        f"{HEAD}axes:\n  device_map: [{{max_memory: {{}}}}]\n",
        5,
        "max_memory takes a mapping with at least one entry",
    ),
}

YAML: dict[str, tuple[str, int, str]] = {
    "a key given twice": (f"{HEAD}name: y\n", 4, 'key "name" is given twice, first in line 2'),
    "an open bracket": (f"{NAMED}models: [tiny-gpt2\naxes: {{}}\n", 4, "this is not YAML: expected ',' or ']', but got ':'"),
    "a tab": ("version: 1\n\tname: x\n", 2, "this is not YAML: found character"),
    "a control character": (f"{NAMED}models: [\x01]\n", 3, "this is not YAML: special characters are not allowed"),
    "an alias without an anchor": (f"{HEAD}axes: *a\n", 4, 'alias "a" has no anchor before it'),
    "an alias inside its anchor": (f"{HEAD}axes: &a {{dtype: *a}}\n", 4, 'alias "a" stands inside what it names'),
    "a second document": (f"{HEAD}---\nversion: 1\n", 4, "a second document begins here. A suite file holds one"),
    "YAML of 2005": (f"%YAML 1.1\n---\n{HEAD}", 2, "suites are YAML 1.2, where yes and no are words"),
    "a deep nest": (f"{HEAD}axes: {'[' * 20}{']' * 20}\n", 4, "nested deeper than 16 levels"),
    "a list as a key": (f"{HEAD}? [a]\n: 1\n", 4, "a list or a mapping cannot be a key"),
    "half a character": (f'{HEAD}"\\ud800": 1\n', 4, "half of a surrogate pair is not a character"),
    "a bomb of aliases": (
        HEAD + "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}' if n else '1'] * 10)}]\n" for n in range(9)),
        8,
        "more than 100,000 values, aliases unfolded",
    ),
    "a malformed directive": ("%YAML x\n---\n", 1, "this is not YAML:"),
    "a character beyond the last": (f'{HEAD}a: "\\UFFFFFFFF"\n', 1, "this is not YAML: OverflowError in the parser"),
}

SENSE: dict[str, tuple[str, int, str]] = {
    "an unknown preset": (f"{NAMED}models:\n  - tiny-gpt2\n  - tiny-gtp2\n", 5, 'preset "tiny-gtp2" is not known (knows: '),
    "a preset that was nearly right": (f"{NAMED}models:\n  - tiny-gpt2\n  - tiny-gtp2\n", 5, 'Did you mean "tiny-gpt2"?'),
    "a folder without its key": (f"{NAMED}models: [./here]\n", 3, ". A folder is written {path: ./here}"),
    "a task that the preset lacks": (
        f"{NAMED}models: [{{preset: tiny-bert, task: fill-masks}}]\n",
        3,
        'preset "tiny-bert" has no task "fill-masks" (knows: fill-mask',
    ),
    "a path to nothing": (f"{NAMED}models: [{{path: ./nowhere}}]\n", 3, "(paths are relative to the suite's file)"),
    "a path longer than any": (f"{NAMED}models: [{{path: {'long' * 2000}}}]\n", 3, "is no folder"),
    "a path with a zero byte": (f'{NAMED}models: [{{path: "a\\0b"}}]\n', 3, "has a character that cannot be printed"),
    "a task that no model has": (f"{NAMED}models: [{{path: ., task: dancing}}]\n", 3, 'this version has no task "dancing"'),
    "a model of the Hub that may move": (
        f"{NAMED}models: [{{hub: org/name}}]\n",
        3,
        "give the commit, or run with --allow-floating",
    ),
    "a name that cannot be printed": (
        f'{NAMED}models: [{{path: "a\\nb"}}]\n',
        3,
        'model "a\\nb" has a character that cannot be printed in its name',
    ),
    "what is written under load and under axes": (
        f"{HEAD}scenario: load\nload: {{page_cache: cold}}\naxes: {{page_cache: [warm]}}\n",
        5,
        "page_cache is written under load and under axes",
    ),
    "a model listed twice": (f"{NAMED}models:\n  - tiny-gpt2\n  - tiny-gpt2\n", 5, 'model "tiny-gpt2" is listed twice'),
    "a value given twice": (
        f"{HEAD}axes:\n  batch_size: [1, 2, 1]\n",
        5,
        "batch_size 1 is given twice: its cases would be duplicates",
    ),
    "an include of nothing": (
        f"{HEAD}include:\n  - {{}}\n",
        5,
        "an include entry names nothing: give at least one of model and the axes",
    ),
    "an exclude of nothing": (f"{HEAD}exclude:\n  - {{}}\n", 5, "an exclude entry names nothing"),
    "an include given twice": (f"{HEAD}include:\n  - {{threads: 1}}\n  - {{threads: 1}}\n", 6, "this include entry is given twice"),
    "an exclude of a stranger": (
        f"{HEAD}exclude:\n  - {{model: gpt3}}\n",
        5,
        'exclude names model "gpt3", which is none of this suite\'s',
    ),
    "an include of a stranger": (f"{HEAD}include:\n  - {{model: b, threads: 1}}\n", 5, 'include names model "b"'),
    "a reference to a stranger": (f"{HEAD}reference: {{model: b}}\n", 4, 'reference names model "b"'),
    "fewer trials at most than at least": (
        f"{HEAD}procedure:\n  max_trials: 3\n",
        5,
        "max_trials 3 is less than trials, which is 5",
    ),
    "fewer iterations at most than at least": (
        f"{HEAD}procedure:\n  max_iterations: 5\n",
        5,
        "max_iterations 5 is less than min_iterations, which is 10",
    ),
    "more seconds than the limit": (
        f"{HEAD}procedure:\n  time_limit_s: 10\n  min_seconds: 10\n",
        6,
        "min_seconds of 10 s does not fit into time_limit_s, which is 10 s",
    ),
    "more warm-up than the limit": (f"{HEAD}procedure:\n  warmup: 20s\n  time_limit_s: 10\n", 5, "warmup of 20 s does not fit"),
    "an exclude that matches nothing": (f"{HEAD}exclude:\n  - {{dtype: bfloat16}}\n", 5, "this exclude entry matches no case"),
    "an include that changes nothing": (
        f"{HEAD}axes: {{dtype: [float32]}}\ninclude:\n  - {{dtype: float32}}\n",
        6,
        "changes nothing: the matrix has its cases already",
    ),
    "an include that no model uses": (
        f"{HEAD}include:\n  - {{image_size: 64x64}}\n",
        5,
        "names image_size, which no model that it concerns uses",
    ),
    "an include of another task": (
        f"{HEAD}include:\n  - {{task: fill-mask}}\n",
        5,
        'task "fill-mask" is none that its model is listed with',
    ),
    "a reference that applies to nothing": (
        f"{HEAD}reference:\n  task: fill-mask\n",
        5,
        "this reference applies to no model of the suite",
    ),
}

EVERY = {**FORM, **YAML, **SENSE}


@pytest.mark.parametrize("what", EVERY)
def test_a_problem_is_told_once_with_its_line(what: str, tmp_path: Path) -> None:
    text, line, sentence = EVERY[what]
    found = problems(tmp_path, text)
    assert [at for at, _ in found] == [line], found
    assert sentence in found[0][1]


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = f"{HEAD}name: y\naxes:\n  dtype: [float33]\n  batch_size: []\nprocedur: {{}}\n"
    assert [line for line, _ in problems(tmp_path, text)] == [4, 6, 7, 8]


def test_values_of_a_wrong_form_hide_no_others(tmp_path: Path) -> None:
    text = (
        "version: 1\nname: x\nmodels: [tiny-gpt2, tiny-gpt2]\naxes:\n  dtype: [float33,\n    float32,\n    float32]\n"
        "  colour: [1]\n  batch_size: [many]\nexclude:\n  - {dtype: float33}\n  - {model: tiny-gpt3}\n"
        "procedure: {trials: 3, max_trials: 2}\n"
    )
    found = problems(tmp_path, text)
    assert [line for line, _ in found] == [3, 5, 7, 8, 9, 11, 12, 13], found
    assert "listed twice" in found[0][1]
    assert found[2][1] == 'dtype "float32" is given twice: its cases would be duplicates'


def test_sections_of_a_wrong_form_are_told_alone(tmp_path: Path) -> None:
    text = f"{HEAD}procedure: {{trials: many, max_trials: 2}}\naxes: {{dtype: [float32, float32]}}\n"
    assert [line for line, _ in problems(tmp_path, text)] == [4], "what stands beside it may be a matter of it"


@pytest.mark.parametrize(
    "spellings",
    [
        "engine: [eager, {name: eager}]",
        "quantization: [bnb-int8, {method: bnb-int8}]",
        "quantization: [bnb-int8, {method: bnb-int8, skip: [], compute_dtype: auto}]",
        "quantization: [{method: bnb-int8, skip: [b, a, b]}, {method: bnb-int8, skip: [a, b]}]",
    ],
)
def test_one_value_in_two_spellings_is_given_twice(spellings: str, tmp_path: Path) -> None:
    [(line, said)] = problems(tmp_path, f"{HEAD}axes:\n  {spellings}\n")
    assert line == 5
    assert said.endswith("is given twice: its cases would be duplicates")


def test_two_missing_keys_are_two_problems(tmp_path: Path) -> None:
    assert problems(tmp_path, "version: 1\n") == [
        (1, "name is missing: every suite needs it"),
        (1, "models is missing: every suite needs it"),
    ]


def test_what_is_missing_inside_is_told_with_what_needs_it() -> None:
    said = complaints._said({"type": "missing", "input": {}, "loc": ()}, ("models", 0, "path"), None)
    assert said == "path is missing: models needs it"


def test_problems_of_several_suites_are_told_together(tmp_path: Path) -> None:
    from bench import workflow

    one, two = a_file(tmp_path, "version: 2\nname: x\nmodels: [tiny-gpt2]\n", "a.yaml"), a_file(tmp_path, "- 1\n", "b.yaml")
    with pytest.raises(SuiteError) as caught:
        workflow.read_suites([one, two])
    assert [(Path(problem.file).name, problem.line) for problem in caught.value.problems] == [("a.yaml", 1), ("b.yaml", 1)]


def test_an_unknown_tag_is_a_problem_beside_what_it_stands_for(tmp_path: Path) -> None:
    found = problems(tmp_path, f"{HEAD}axes:\n  batch_size: [!!python/int 4]\n")
    assert found[0] == (5, "tag !!python/int is not known. A suite has strings, numbers, true and false, lists and mappings")


@pytest.mark.parametrize("number", [".nan", ".inf", "1e999", "0x" + "f" * 16, "9" * 5000])
def test_a_number_that_records_cannot_hold_is_a_problem(number: str, tmp_path: Path) -> None:
    found = problems(tmp_path, f"{HEAD}procedure: {{seed: {number}}}\n")
    assert found[0] == (4, f"{number[:40]} is not a number that can be used here")


def test_text_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"version: 1\nname: \xff\n")
    with pytest.raises(SuiteError) as caught:
        suites.load(path)
    assert str(caught.value) == f"{path}:2: this is not UTF-8 text: save the file as UTF-8"


def test_a_mark_of_byte_order_is_no_part_of_a_suite(tmp_path: Path) -> None:
    assert problems(tmp_path, f"\ufeff{HEAD}") == []


def test_a_suite_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing.yaml: the suite cannot be read: No such file or directory"):
        suites.load(tmp_path / "nothing.yaml")


def test_a_folder_is_no_suite_and_what_may_have_been_meant_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is a folder, not a suite's file; to go on with a run, name its suite.* and --resume$"):
        suites.load(tmp_path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * (suites.LARGEST + 1))
    with pytest.raises(UsageError, match="a suite has at most 4 MiB"):
        suites.load(path)


def test_the_same_problem_is_told_once() -> None:
    draft = suites.Draft("x.yaml")
    draft.complain(3, "it is wrong")
    draft.complain(3, "it is wrong")
    with pytest.raises(SuiteError, match=re.escape("x.yaml:3: it is wrong")):
        draft.settle()
    assert len(draft.problems) == 1


def test_a_model_of_the_hub_may_float_where_that_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    plan = planned(a_file(tmp_path, f"{NAMED}models: [{{hub: org/name, task: fill-mask}}]\n"), allow_floating=True)
    assert [one.refusal.reason_code.value for one in plan.skipped] == ["offline"]
