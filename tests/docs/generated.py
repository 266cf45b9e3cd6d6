"""The parts of the documents that follow from the code: written by `python -m tests.docs.generated`, kept fresh by a test.

Each stands between `<!-- NAME -->` and `<!-- end of NAME -->` and is replaced whole.
"""

import copy
import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from bench import cli
from bench.domain.axes import AXES, BY_NAME
from bench.domain.axis import Axis
from bench.domain.task import Trait
from bench.domain.values import Json, canonical
from bench.planning import document, forms
from bench.worker import engines, quantization, tasks
from bench.worker.network import attention

ROOT = Path(__file__).resolve().parents[2]
_WIDTH = 100


def _spelled(value: Json) -> str:
    return value if isinstance(value, str) else canonical(value)


def _values(axis: Axis) -> str:
    """Say in words what AXIS takes."""
    words = [f"`{_spelled(choice)}`" for choice in axis.choices]
    words += [] if axis.least is None else [f"integers from {axis.least}"]
    words += [] if axis.pattern is None else [f"text matching `{axis.pattern}`".replace("|", "\\|")]
    words += [f"a mapping of {', '.join(f'`{key}`' for key in axis.mapping_keys)}"] if axis.mapping_keys else []
    words += ["lists of text"] if axis.lists else []
    return ", ".join(words)


def _applies(axis: Axis) -> str:
    """Say in words what AXIS applies to."""
    groups = [" or ".join(sorted(trait.value for trait in group)) for group in axis.needs]
    groups += [f"scenario {' or '.join(sorted(axis.scenarios))}"] if axis.scenarios else []
    return ", ".join(groups) or "all"


def axes() -> str:
    """Tabulate the axes."""
    rows = [f"| `{a.name}` | {a.meaning} | {_values(a)} | `{_spelled(a.default)}` | {_applies(a)} |" for a in AXES]
    return "\n".join(["| axis | meaning | values | default | applies to |", "|---|---|---|---|---|", *rows])


def procedure() -> str:
    """Tabulate the keys of a procedure."""
    rows = []
    for name, field in forms.Sampling.model_fields.items():
        default = "as `trials`" if field.default is None else f"`{_spelled(field.default)}`"
        rows.append(f"| `{name}` | {field.description} | {default} |")
    return "\n".join(["| key | meaning | default |", "|---|---|---|", *rows])


def keys() -> str:
    """Tabulate the keys of a suite."""
    required = document.Document.model_json_schema()["required"]
    rows = [
        f"| `{name}` | {field.description} | {'yes' if name in required else 'no'} |"
        for name, field in document.Document.model_fields.items()
    ]
    return "\n".join(["| key | meaning | required |", "|---|---|---|", *rows])


def models() -> str:
    """Tabulate the ways to name a model."""
    rows = []
    for kind, form in (("preset", document.OfPreset), ("path", document.OfPath), ("hub", document.OfHub)):
        rows += [f"| `{kind}` | `{name}` | {field.description} |" for name, field in form.model_fields.items()]
    return "\n".join(["| a model by | key | meaning |", "|---|---|---|", *rows])


def task_table() -> str:
    """Tabulate the tasks."""
    rows = []
    for name, task in tasks.declared().items():
        kinds = {trait.value for trait in task.traits - {Trait.GENERATES, Trait.MATCHES, Trait.TEXT_OPTIONAL}}
        takes = ", ".join(sorted(kinds)) or "what the model takes"
        generates = "yes" if Trait.GENERATES in task.traits else "no"
        rows.append(f"| `{name}` | {takes} | {generates} | {task.batch} |")
    return "\n".join(["| task | takes | generates | one of `batch_size` is |", "|---|---|---|---|", *rows])


def attention_table() -> str:
    """Tabulate the values of attention: on which device each can be had, and what it needs."""
    rows = [
        f"| `{name}` | {' | '.join(attention.WHERE[name][device] for device in attention.DEVICES)} | {needs or 'nothing'} |"
        for name, needs in attention.NEEDS.items()
    ]
    titles = " | ".join(attention.DEVICES)
    return "\n".join([f"| value | {titles} | needs |", f"|---|{'---|' * len(attention.DEVICES)}---|", *rows])


def engine_table() -> str:
    """Tabulate the engines: on which device each runs, which options it takes, and what it needs."""
    kinds = ("cpu", "cuda", "xpu", "mps")
    rows = []
    for name in BY_NAME["engine"].choices:
        engine = engines.find(str(name))
        places = " | ".join("yes" if kind in engine.DEVICES else "no" for kind in kinds)
        options = ", ".join(f"`{option}`" for option in engine.OPTIONS) or "none"
        rows.append(f"| `{name}` | {options} | {places} | {engine.NEEDS} |")
    return "\n".join([f"| value | options | {' | '.join(kinds)} | needs |", "|---|---|---|---|---|---|---|", *rows])


def quantization_table() -> str:
    """Tabulate the quantizations: on which device each runs, and what it needs."""
    kinds = ("cpu", "cuda", "xpu", "mps")
    rows = []
    for name in BY_NAME["quantization"].choices:
        needs = quantization.find(str(name)).needs(None)
        places = " | ".join("no" if kind not in needs.devices else needs.devices[kind] or "yes" for kind in kinds)
        install = f"`pip install 'transformers-bench[{needs.extra}]'`" if needs.extra else "nothing"
        rows.append(f"| `{name}` | {needs.meaning} | {places} | {install} |")
    return "\n".join([f"| value | what it is | {' | '.join(kinds)} | needs |", "|---|---|---|---|---|---|---|", *rows])


def commands() -> str:
    """Give the help of every command."""
    parts = []
    for name, said in cli.COMMANDS.items():
        command: click.Command = importlib.import_module(f"bench.cli.{name}").command
        parts += [f"## bench {name}", "", said, "", *_help(command, f"bench {name}")]
        for below, inner in sorted(getattr(command, "commands", {}).items()):
            parts += [f"### bench {name} {below}", "", *_help(inner, f"bench {name} {below}")]
    return "\n".join(parts).rstrip()


def _help(command: click.Command, name: str) -> list[str]:
    fresh = copy.copy(command)
    fresh._help_option = None  # click keeps the one of the context that asked first
    context = click.Context(fresh, info_name=name, terminal_width=_WIDTH, help_option_names=["-h", "--help"])
    return ["```text", fresh.get_help(context), "```", ""]


BLOCKS: Mapping[tuple[str, str], Callable[[], str]] = {
    ("docs/suites.md", "keys"): keys,
    ("docs/suites.md", "models"): models,
    ("docs/suites.md", "axes"): axes,
    ("docs/suites.md", "tasks"): task_table,
    ("docs/suites.md", "procedure"): procedure,
    ("docs/axes.md", "quantization"): quantization_table,
    ("docs/axes.md", "attention"): attention_table,
    ("docs/axes.md", "engine"): engine_table,
    ("docs/cli.md", "commands"): commands,
}


def replaced(text: str, name: str, block: str) -> str:
    """Give TEXT with BLOCK between the marks of NAME. Raises ValueError where there are none."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"there is no block {name}")
    return pattern.sub(lambda found: f"{found[1]}{block}\n{found[2]}", text)


def main() -> None:
    """Write every block into its document."""
    for (file, name), make in BLOCKS.items():
        path = ROOT / file
        path.write_text(replaced(path.read_text(encoding="utf-8"), name, make()), encoding="utf-8")


if __name__ == "__main__":
    main()
