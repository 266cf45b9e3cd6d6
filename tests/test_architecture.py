"""ARCHITECTURE.md and the walls: what is drawn is what holds."""

import re
import tomllib
from pathlib import Path

from bench import cli

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]


def test_the_layers_drawn_are_those_of_the_contract() -> None:
    (drawn,) = re.findall(r"^ {4}(__main__ → .*→.*)$", TEXT, re.MULTILINE)
    layers = next(contract for contract in CONTRACTS if contract["type"] == "layers")
    assert layers["exhaustive"] is True
    assert drawn.split(" → ") == layers["layers"]


def test_the_libraries_named_are_those_that_the_contracts_forbid() -> None:
    forbidden = [set(contract["forbidden_modules"]) for contract in CONTRACTS if contract["type"] == "forbidden"]
    lines = [line for line in TEXT.splitlines() if line.startswith("* ")]
    named = [set(re.findall(r"[a-z]+", line.split(" are imported")[0].split(" never in")[0])) - {"and"} for line in lines[:2]]
    assert named == forbidden


def test_every_folder_and_module_drawn_exists_and_every_folder_is_drawn() -> None:
    drawn = re.search(r"## Folders\n(.*?)\n## ", TEXT, re.DOTALL)
    assert drawn is not None
    rooms = re.findall(r"^ {6}(\w+)/ ", drawn[1], re.MULTILINE)
    there = sorted(path.name for path in (ROOT / "bench").iterdir() if path.is_dir() and (path / "__init__.py").exists())
    assert sorted(rooms) == there
    for room in rooms:
        body = re.search(rf"^ {{6}}{room}/ (.*?)(?=^ {{6}}\w|^ {{4}}\w|\Z)", drawn[1], re.MULTILINE | re.DOTALL)
        assert body is not None
        modules = re.split(r"\s+·\s+", body[1].split(";")[0].strip())
        for name in modules if len(modules) > 1 else ():
            path = ROOT / "bench" / room / name
            assert path.is_dir() or path.with_suffix(".py").exists(), path


def test_the_architecture_is_no_longer_than_two_hundred_lines() -> None:
    assert len(TEXT.splitlines()) <= 200


def test_every_command_is_a_file() -> None:
    for name in cli.COMMANDS:
        assert (ROOT / "bench/cli" / f"{name}.py").exists()


def test_every_decision_is_listed_and_has_its_three_parts() -> None:
    files = sorted((ROOT / "docs/adr").glob("*.md"))
    assert [path.name for path in files] == re.findall(r"\]\(docs/adr/([^)]+)\)", TEXT)
    for number, path in enumerate(files, start=1):
        body = path.read_text(encoding="utf-8")
        assert body.startswith(f"# {number}. ")
        assert re.findall(r"^\*\*(\w+)\.\*\*", body, re.MULTILINE) == ["Context", "Decision", "Consequences"]
