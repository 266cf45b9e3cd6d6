"""Which metrics stand in which table. Metrics that no table names still appear: a new probe needs no change here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.domain.summary import Estimate, Row
from bench.report.details import breakdown, ledgers, percentiles, stage_rates
from bench.report.document import Column, Section
from bench.report.keys import Keys, in_order
from bench.report.parity import PARITY, parity
from bench.report.spelling import RATES, WIDE, cell, scale
from bench.report.tables import Cells, table

_STAGES = "load."
_TRAINING = ("train.step", "train.forward", "train.backward", "train.optimizer", "train.sample_rate", "train.loss")
_TRAINED = ("memory.gradients", "memory.optimizer_state", "memory.activations")
_PROCESSOR = "processor."
_OF_MEDIA = ("image_rate", "frame_rate", "rtfx")
_GENERATION = ("processor", "forward", "ttft_model", "tpot", "e2e", "prefill_rate", "decode_rate", "e2e_rate", *_OF_MEDIA)
_FORWARD = ("processor", "forward", "sample_rate", *_OF_MEDIA)
_SIZE = (
    "load.total", "first_call", "params.count", "params.bytes", "flops", "memory.host_peak", "memory.device_allocated_peak",
    "memory.kv_cache",
)  # fmt: skip
_BESIDE = frozenset({
    "params.trainable", "buffers.bytes", "memory.host_anonymous_peak", "memory.host_file_peak", "memory.device_reserved_peak",
    "h2d", "ttft_user", "itl",
})  # fmt: skip
"""Metrics that belong to the details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A table: the rows that it `takes`, the metrics in it by name, and whether it is a detail."""

    title: str
    takes: Callable[[Row], bool]
    metrics: tuple[str, ...]
    detail: bool = False


def sections(rows: Sequence[Row], by: Keys) -> tuple[Section, ...]:
    """Make the tables of ROWS' metrics, the rows told apart BY its keys; a table without rows or metrics is left out."""
    present = tuple(dict.fromkeys(name for row in rows for name in row.metrics))
    known = frozenset((*_SIZE, *_GENERATION, *_FORWARD, *_TRAINING, *_TRAINED))
    rest = tuple(name for name in present if name not in known and not name.startswith((_STAGES, _PROCESSOR, PARITY)))
    groups = (
        Group(title="Load, size and memory", takes=_any, metrics=_SIZE),
        Group(title="Speed of generation", takes=_generates, metrics=_GENERATION),
        Group(title="Speed", takes=lambda row: not _generates(row), metrics=_FORWARD),
        Group(title="Training steps", takes=_trains, metrics=(*_TRAINING, "params.trainable", *_TRAINED)),
        Group(title="Further metrics", takes=_any, metrics=tuple(name for name in rest if name not in _BESIDE)),
        Group(title="Load, stage by stage", takes=_any, metrics=tuple(n for n in present if n.startswith(_STAGES)), detail=True),
        Group(title="The processor", takes=_any, metrics=tuple(n for n in present if n.startswith(_PROCESSOR)), detail=True),
        Group(title="More", takes=_any, metrics=tuple(name for name in rest if name in _BESIDE), detail=True),
    )
    made = [_section(group, [row for row in rows if group.takes(row)], by) for group in groups]
    made += [
        parity(rows, by),
        ledgers(rows, by),
        stage_rates(rows, by),
        percentiles(rows, by),
        *breakdown("Parameters by part", rows, by, ("params.count", "params.bytes"), "parts"),
        *breakdown("Operations of a forward by part", rows, by, ("flops",), "parts"),
    ]
    made += breakdown("Memory by what was tried", rows, by, ("capacity.host_memory", "capacity.device_memory"), "parts")
    made += breakdown("Memory peaks by phase", rows, by, ("memory.host_peak", "memory.device_allocated_peak"), "phases")
    return tuple(section for section in made if section is not None)


def _any(_row: Row) -> bool:
    return True


def _trains(row: Row) -> bool:
    return "train.step" in row.metrics


def _generates(row: Row) -> bool:
    return "e2e" in row.metrics


def _section(group: Group, rows: Sequence[Row], by: Keys) -> Section | None:
    holding = [row for row in rows if any(name in row.metrics for name in group.metrics)]
    names = [name for name in group.metrics if any(name in row.metrics for row in holding)]
    if not holding:
        return None
    columns = [(name, [row.metrics.get(name) for row in in_order(holding, by.names)]) for name in names]
    estimates = [estimate for _, cells in columns for estimate in cells if estimate is not None]
    return Section(
        title=_titled(group.title, holding),
        table=table(holding, by, [_metric_column(name, cells) for name, cells in columns]),
        shared=by.shared(holding),
        notes=_notes(estimates),
        detail=group.detail,
    )


def _titled(title: str, rows: Sequence[Row]) -> str:
    tasks = {str(row.case.requested["task"]) for row in rows if "task" in row.case.requested}
    return f"{title}: {', '.join(sorted(tasks))}" if title.startswith("Speed") and tasks else title


def _metric_column(name: str, estimates: Sequence[Estimate | None]) -> Cells:
    there = [estimate for estimate in estimates if estimate is not None]
    by = scale(there[0].metric.unit, [estimate.value for estimate in there])
    return Column(title=name, unit=by.unit), ["" if estimate is None else cell(estimate, by) for estimate in estimates]


def _notes(estimates: Sequence[Estimate]) -> tuple[str, ...]:
    spread = [estimate for estimate in estimates if not estimate.metric.deterministic and estimate.metric.unit not in RATES]
    notes = []
    widths = [width for estimate in spread if (width := estimate.half_width) is not None and estimate.least != estimate.most]
    if any(width < WIDE for width in widths):
        notes.append("± is half of the 95 % interval over trials")
    if any(width >= WIDE for width in widths):
        notes.append("[a, b] is the 95 % interval over trials, where it is too wide for ±")
    if any(estimate.half_width is None and estimate.least != estimate.most for estimate in spread):
        notes.append("(a–b) is the range of the trials, where they are too few for an interval")  # noqa: RUF001 -- a range
    if any(estimate.metric.unit in RATES for estimate in estimates):
        notes.append("a rate (higher is better) has the relative spread of the time that it comes from")
    return tuple(notes)
