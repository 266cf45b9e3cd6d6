"""What a model is made of: classes, sizes, parts and abilities, known from its class and config, without its weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_PREFIXES = ("", "k", "M", "G", "T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A model's description. Counts are of parameters, tied ones once; bytes are those of their storages, in the dtype of loading.

    `classes` gives the class of each of `tasks`, which this checkpoint does as it is; `fresh_head` those that its config could do
    with a head that has no weights yet. `submodels` are the parts that a suite may name, those whose modules the class has: whether
    each runs by itself is known of presets only. `by_component` and `by_dtype` are bytes, `parameters_by_component` counts.
    `devices` gives the bytes on each device (`meta` where nothing is loaded). `attention` tells which implementations the class
    has. `disk_bytes` are the bytes of the weight files, None where there are none.
    """

    model_class: str
    processor_class: str | None = None
    tasks: tuple[str, ...] = ()
    classes: Mapping[str, str] = field(default_factory=dict)
    fresh_head: Mapping[str, str] = field(default_factory=dict)
    submodels: tuple[str, ...] = ()
    parameters: int = 0
    trainable: int = 0
    bytes: int = 0
    by_component: Mapping[str, int] = field(default_factory=dict)
    by_dtype: Mapping[str, int] = field(default_factory=dict)
    parameters_by_component: Mapping[str, int] = field(default_factory=dict)
    devices: Mapping[str, int] = field(default_factory=dict)
    attention: Mapping[str, bool] = field(default_factory=dict)
    gradient_checkpointing: bool = False
    disk_bytes: int | None = None
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Draw it as a tree."""
        leaves = [
            f"parameters {self.parameters:,} ({self.trainable:,} trainable)",
            *self._parts(),
            f"dtype {_listed(self.by_dtype)}",
            f"device {_listed(self.devices)}",
            f"attention {', '.join(name for name, has in self.attention.items() if has) or 'its own'}",
            f"gradient checkpointing {'yes' if self.gradient_checkpointing else 'no'}",
            *([] if self.processor_class is None else [f"processor {self.processor_class}"]),
            *([] if self.disk_bytes is None else [f"on disk {_bytes(self.disk_bytes)}"]),
            *([f"submodels {', '.join(self.submodels)}"] if self.submodels else []),
            *(f"task {name}: {self.classes[name]}" for name in self.tasks),
            *(f"with a fresh head {name}: {kind}" for name, kind in self.fresh_head.items()),
            *(f"remark: {remark}" for remark in self.remarks),
        ]
        return _tree(f"{self.model_class}, {_bytes(self.bytes)}", leaves)

    def _parts(self) -> list[str]:
        """Draw the components, largest first."""
        largest = sorted(self.by_component.items(), key=lambda part: -part[1])
        return [
            f"  {name:10} {self.parameters_by_component.get(name, 0):>16,} parameters  {_bytes(size):>9}" for name, size in largest
        ]


def _tree(root: str, leaves: list[str]) -> str:
    """Draw LEAVES below ROOT; those that begin with a space are below the one before them."""
    lines = [root]
    for number, leaf in enumerate(leaves):
        rest = [other for other in leaves[number + 1 :] if not other.startswith(" ")]
        if leaf.startswith(" "):
            followed = number + 1 < len(leaves) and leaves[number + 1].startswith(" ")
            lines.append(f"{'│  ' if rest else '   '}{'├─' if followed else '└─'} {leaf.strip()}")
        else:
            lines.append(f"{'├─' if rest else '└─'} {leaf}")
    return "\n".join(lines)


def _listed(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({_bytes(size)})" for name, size in sizes.items()) or "none"


def _bytes(size: int) -> str:
    """Spell SIZE bytes with a decimal prefix, to three digits."""
    step = min((len(str(size)) - 1) // 3, len(_PREFIXES) - 1)
    return f"{size / 1000**step:.{4 if step == 0 else 3}g} {_PREFIXES[step]}B"
