"""Whether files are mapped is read off the process itself."""

import mmap
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.worker.loads import mapping
from bench.worker.material import processor_files


def a_tensor(address: int, size: int, kind: str = "cpu") -> Any:
    return SimpleNamespace(
        device=SimpleNamespace(type=kind),
        data_ptr=lambda: address,
        numel=lambda: size,
        element_size=lambda: 1,
        untyped_storage=lambda: SimpleNamespace(nbytes=lambda: size),
    )


def test_a_file_is_mapped_for_as_long_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "weights of mine.safetensors"
    path.write_bytes(b"x" * 10_000)
    assert mapping.places([path]) == []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ):
        (place,) = mapping.places([path])
        assert len(place) >= 10_000
        assert mapping.places([tmp_path / "another"]) == []
    assert mapping.places([path]) == []


def test_only_tensors_inside_a_mapping_are_counted_each_storage_once(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"x" * 10_000)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ):
        start = mapping.places([path])[0].start
        tensors = [a_tensor(start, 100), a_tensor(start, 100), a_tensor(start + 200, 50), a_tensor(8, 1_000)]
        assert mapping.held_bytes([*tensors, a_tensor(start + 400, 7, kind="cuda")], [path]) == 150


def test_the_files_of_a_processor_are_those_of_its_parts(tmp_path: Path) -> None:
    tokenizer = SimpleNamespace(vocab_files_names={"vocab_file": "vocab.txt", "merges_file": "merges.txt"})
    joined = SimpleNamespace(tokenizer=tokenizer, image_processor=SimpleNamespace())
    every = ("vocab.txt", "tokenizer.json", "preprocessor_config.json", "config.json", "model.safetensors")
    for name in every:
        (tmp_path / name).write_text("12345")
    assert [path.name for path in processor_files.found(joined, tmp_path)] == [
        "preprocessor_config.json",
        "tokenizer.json",
        "vocab.txt",
    ]
    assert [path.name for path in processor_files.found(tokenizer, tmp_path)] == ["tokenizer.json", "vocab.txt"]
    assert processor_files.size(joined.image_processor, tmp_path) == 5


def test_the_file_of_clips_is_a_video_processor_s(tmp_path: Path) -> None:
    (tmp_path / "video_preprocessor_config.json").write_text("{}")
    assert processor_files.size(SimpleNamespace(do_sample_frames=False), tmp_path) == 2
    assert processor_files.size(SimpleNamespace(), tmp_path) == 0
