"""A model named in one word, and names of earlier times."""

from pathlib import Path

import pytest

from bench.domain.errors import UsageError
from bench.domain.model import Kind
from bench.models import cache, presets, renamed
from bench.models.naming import name_model


def test_a_preset_is_meant_before_a_folder_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny-gpt2").mkdir()
    monkeypatch.chdir(tmp_path)
    assert name_model("tiny-gpt2").kind is Kind.PRESET
    folder = name_model("./tiny-gpt2", task="fill-mask")
    assert (folder.kind, folder.where, folder.task) == (Kind.PATH, str(tmp_path / "tiny-gpt2"), "fill-mask")


@pytest.mark.parametrize(
    ("name", "revision", "spelled", "chosen"),
    [
        ("org/name", None, "org/name", None),
        ("org/name", "607a30d", "org/name@607a30d", "607a30d"),
        ("org/name@refs/pr/1", None, "org/name@refs/pr/1", "refs/pr/1"),
        ("org/name@main", "main", "org/name@main", "main"),
    ],
)
def test_a_repository_has_its_revision_beside_it_or_in_its_name(
    name: str, revision: str | None, spelled: str, chosen: str | None
) -> None:
    ref = name_model(name, revision=revision)
    assert (ref.kind, ref.name, ref.where, ref.revision) == (Kind.HUB, spelled, "org/name", chosen)


@pytest.mark.parametrize(
    ("name", "revision", "said"),
    [
        ("tiny-gtp2", None, 'Did you mean "tiny-gpt2"?'),
        ("./nowhere", None, "no folder here"),
        ("../no/where/at/all", None, "no folder here"),
        ("tiny-gpt2", "main", "has no revisions"),
        (".", "main", "has no revisions"),
        ("org/name@one", "two", "has a revision already"),
    ],
)
def test_what_a_name_cannot_mean_is_said(name: str, revision: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        name_model(name, revision=revision)


def test_every_task_that_stands_for_an_old_name_is_one_of_this_version() -> None:
    from bench.worker import tasks

    for old, said in renamed.TASKS.items():
        assert old not in tasks.names()
        assert all(word.strip("(),") in tasks.names() for word in said.split() if "-" in word), said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AutoModelForVision2Seq", "AutoModelForImageTextToText"),
        ("ViTFeatureExtractor", "ImageProcessor"),
        ("BertTokenizerFast", "no model"),
    ],
)
def test_old_classes_are_answered_with_the_new_ones(name: str, said: str) -> None:
    assert said in str(renamed.renamed_class(name))
    assert renamed.renamed_class("BertModel") is None


def test_the_checkpoint_of_a_preset_lies_where_its_content_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    preset = presets.find("tiny-bert")
    folders = {cache.folder_of(preset, task) for task in preset.tasks}
    assert len(folders) == len(preset.tasks), "each task has a head of its own"
    assert all(folder.parent == tmp_path / "models" for folder in folders)


def test_a_checkpoint_that_does_not_fit_is_refused_with_both_sizes(tmp_path: Path) -> None:
    assert cache.lacks_room("x", tmp_path / "new", 1) is None
    refusal = cache.lacks_room("x", tmp_path, 10**18)
    assert refusal is not None
    assert "1000000000.0 GB" in refusal.reason
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be made"):
        cache.lacks_room("x", tmp_path / "file" / "inside", 1)
