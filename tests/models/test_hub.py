"""Models of the Hub are found in the local cache, and fetched only where that is allowed."""

from pathlib import Path
from typing import Any

import pytest

from bench.domain.model import Kind, ModelFacts, ModelRef
from bench.domain.outcome import ReasonCode
from bench.models import find, hub
from bench.models.digests import Digests
from bench.models.hub import Hub
from bench.models.refused import RefusedError
from bench.worker import tasks
from tests.support.checkpoints import a_bert, a_safetensors, reasons

COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
OTHER = "607a30e" + "0" * 33


def a_ref(revision: str | None = COMMIT, **options: object) -> ModelRef:
    return ModelRef(kind=Kind.HUB, name=f"org/name@{revision}", where="org/name", revision=revision, **options)  # type: ignore[arg-type]


def a_cache(tmp_path: Path, commit: str = COMMIT, **files: object) -> Path:
    """Write a cache as huggingface_hub keeps it: snapshots are links to blobs."""
    repository = tmp_path / "models--org--name"
    blobs = a_bert(repository / "blobs", **files)
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for path in blobs.iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    for branch in ("main", "feature/x"):
        ref = repository / "refs" / branch
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(commit)
    return tmp_path


def never(_ref: ModelRef, _cache: Path) -> Path:
    pytest.fail("nothing may be fetched")


def facts_of(cache: Path, ref: ModelRef | None = None, *, offline: bool = True, download: hub.Download = never) -> ModelFacts:
    reached = Hub(cache=cache, offline=offline, download=download)
    return find(ref or a_ref(), tasks.declared(), hub=reached, digests=Digests(folder=cache / "digests"))


@pytest.mark.parametrize("revision", [COMMIT, "607a30d", "main", "feature/x", None])
def test_a_revision_is_found_offline_and_its_commit_recorded(tmp_path: Path, revision: str | None) -> None:
    facts = facts_of(a_cache(tmp_path), a_ref(revision))
    assert (facts.commit, reasons(facts), facts.task) == (COMMIT, [], "fill-mask")
    assert facts.folder == str(tmp_path / "models--org--name" / "snapshots" / COMMIT)


def test_a_commit_that_is_whole_in_the_cache_is_not_asked_for(tmp_path: Path) -> None:
    a_cache(tmp_path)
    for revision in (COMMIT, "607a30d"):
        assert facts_of(tmp_path, a_ref(revision), offline=False).commit == COMMIT


def test_a_branch_is_asked_for_since_it_may_have_moved(tmp_path: Path) -> None:
    a_cache(tmp_path)
    moved = a_cache(tmp_path / "new", OTHER) / "models--org--name" / "snapshots" / OTHER
    assert facts_of(tmp_path, a_ref("main"), offline=False, download=lambda _ref, _cache: moved).commit == OTHER


@pytest.mark.parametrize("revision", [OTHER, "1234567", "60", "607", "../../x", "/etc/passwd", "none"])
def test_a_revision_that_is_not_there_is_refused_offline(tmp_path: Path, revision: str) -> None:
    facts = facts_of(a_cache(tmp_path), a_ref(revision))
    assert [refusal.reason_code for refusal in facts.refusals] == [ReasonCode.OFFLINE]
    assert f"org/name at revision {revision} is not whole" in reasons(facts)[0]
    assert facts.task == ""


def test_a_beginning_of_two_commits_is_none(tmp_path: Path) -> None:
    a_cache(tmp_path, "607a30d" + "0" * 33)
    (tmp_path / "models--org--name" / "snapshots" / ("607a30d" + "1" * 33)).mkdir()
    assert facts_of(tmp_path, a_ref("607a30d")).commit is None


def test_an_empty_cache_is_refused_offline_with_the_task_s_traits(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, a_ref("607a30d", task="fill-mask"))
    assert [refusal.reason_code for refusal in facts.refusals] == [ReasonCode.OFFLINE]
    assert (facts.task, facts.traits) == ("fill-mask", tasks.declared()["fill-mask"].traits)


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        ({"config_json": None}, "config.json"),
        ({"model_safetensors": None}, "model.safetensors"),
        (
            {
                "model_safetensors": None,
                "model.safetensors.index_json": {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}},
                "1_safetensors": a_safetensors({"a": ("F32", [1])}),
            },
            "2.safetensors",
        ),
    ],
)
def test_what_the_cache_lacks_is_named(tmp_path: Path, files: dict[str, Any], missing: str) -> None:
    (reason,) = reasons(facts_of(a_cache(tmp_path, **files)))
    assert reason.endswith(f"HF_HUB_OFFLINE is set; missing: {missing}")


def test_a_blob_that_is_gone_is_named(tmp_path: Path) -> None:
    a_cache(tmp_path)
    (tmp_path / "models--org--name" / "blobs" / "model.safetensors").unlink()
    (reason,) = reasons(facts_of(tmp_path))
    assert reason.endswith("missing: model.safetensors")


def test_a_torn_index_is_told_as_such(tmp_path: Path) -> None:
    files: dict[str, Any] = {"model_safetensors": None, "model.safetensors.index_json": b"{", "1_safetensors": b""}
    (reason,) = reasons(facts_of(a_cache(tmp_path, **files)))
    assert reason.startswith("model.safetensors.index.json of the checkpoint cannot be read")


def test_what_is_fetched_is_used(tmp_path: Path) -> None:
    fetched = a_cache(tmp_path / "new") / "models--org--name" / "snapshots" / COMMIT
    assert facts_of(tmp_path, offline=False, download=lambda _ref, _cache: fetched).commit == COMMIT


def test_the_download_asks_for_no_more_than_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: dict[str, object] = {}

    def snapshot_download(repository: str, **options: object) -> str:
        asked.update(options, repository=repository)
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert hub.download(a_ref(), tmp_path) == tmp_path
    assert (asked["repository"], asked["revision"], asked["ignore_patterns"]) == ("org/name", COMMIT, ["*/*"])
    patterns = asked["allow_patterns"]
    assert isinstance(patterns, list)
    assert "*.safetensors" in patterns
    assert not {"*.bin", "*.py"} & set(patterns)
    hub.download(a_ref(allow_pickle=True, trust_remote_code=True), tmp_path)
    assert isinstance(asked["allow_patterns"], list)
    assert {"*.bin", "*.py"} <= set(asked["allow_patterns"])


def test_what_goes_wrong_on_the_way_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    ends = [
        (errors.HFValidationError("no such name\nmore"), ReasonCode.MODEL_NOT_FOUND, "no such name"),
        (errors.LocalEntryNotFoundError("no connection"), ReasonCode.OFFLINE, "no connection"),
        (vars(errors)["HTTPError"]("connection reset"), ReasonCode.OFFLINE, "connection reset"),
        (ConnectionError(), ReasonCode.OFFLINE, "ConnectionError"),
    ]
    for raised, code, said in ends:

        def snapshot_download(_repository: str, raised: Exception = raised, **_options: object) -> str:
            raise raised

        monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
        with pytest.raises(RefusedError) as caught:
            hub.download(a_ref(None), tmp_path)
        assert caught.value.refusal.reason_code is code
        assert "org/name at revision main" in caught.value.refusal.reason
        assert caught.value.refusal.reason.endswith(said)


def test_the_environment_says_where_the_cache_is_and_whether_to_go_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    assert Hub().cache == Path("/home/me/.cache/huggingface/hub")
    assert not Hub().offline
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert Hub().cache == Path("/x/huggingface/hub")
    assert Hub().offline
    monkeypatch.setenv("HF_HOME", "/h")
    assert Hub().cache == Path("/h/hub")
    monkeypatch.setenv("HF_HUB_CACHE", "/c")
    assert Hub().cache == Path("/c")
