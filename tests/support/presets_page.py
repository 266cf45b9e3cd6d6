"""The table of presets in docs/presets.md, made from their files; `python -m tests.support.presets_page` writes it again."""

from pathlib import Path

from bench.models import presets
from bench.models.preset import Preset
from tests.support.published import PUBLISHED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "presets.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"


def table() -> str:
    """Give a row for every preset and task."""
    rows = ["| preset | family | source | task | class | parameters | published |", "|---|---|---|---|---|--:|---|"]
    for name in sorted(presets.names(), key=lambda name: (name.startswith("tiny-"), presets.find(name).family, name)):
        preset = presets.find(name)
        for task, head in preset.tasks.items():
            saved = "" if head.saved_as is None else f" (file: {head.saved_as})"
            source = head.source or preset.source
            cells = (name, preset.family, source, task, head.model_class + saved, f"{preset.count(task):,}", _where(preset, task))
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _where(preset: Preset, task: str) -> str:
    """Say where the number of TASK's class is published, if only for another task."""
    if preset.name.startswith("tiny-"):
        return ""
    same = [other for other, head in preset.tasks.items() if head.model_class == preset.tasks[task].model_class]
    found = [PUBLISHED[preset.name, other].where for other in same if (preset.name, other) in PUBLISHED]
    return next((where for where in found if where), "computed")


def main() -> None:
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
