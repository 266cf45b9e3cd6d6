"""`bench plan`: what a run would do."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench import workflow
from bench.cli import options

if TYPE_CHECKING:
    from bench.domain.plan import Plan
    from bench.domain.values import Json

_SHOWN = 200


@click.command(
    "plan",
    epilog=options.examples("bench plan suites/quickstart.yaml", "bench plan suites/quickstart.yaml --where dtype=bfloat16 --json"),
)
@options.suites
@options.where
@options.shard
@options.floating
@options.as_json()
def command(*, suites: tuple[Path, ...], where: tuple[str, ...], shard: str | None, allow_floating: bool, as_json: bool) -> None:
    """List the cases of SUITEs, those that will not run and why, and how long it may take. Loads no model and imports no torch."""
    from bench.planning.plans import read_filter

    sources = workflow.read_suites(suites, allow_floating=allow_floating)
    plan = workflow.draw_up(sources, read_filter(where, shard), compared=False)  # which is not shown
    expected = workflow.expected_s(plan)
    if as_json:
        # Written as one stream: click.echo would flush after each of a hundred thousand cases.
        sys.stdout.writelines(_as_json(plan, expected))
        for remark in plan.remarks:
            click.echo(remark, err=True)
    else:
        for line in _as_text(plan, expected):
            click.echo(line)


def _as_json(plan: "Plan", expected: float | None) -> Iterator[str]:
    """Spell the plan piece by piece, since it may have a hundred thousand cases."""
    from bench.protocol.codec import to_json

    spell = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
    pieces: dict[str, dict[object, str]] = {}

    def spell_axes(requested: "Mapping[str, Json]") -> str:
        """Spell REQUESTED from pieces: the values of an axis are few, and the cases are many."""
        try:
            return ",".join([pieces[axis][value] for axis, value in requested.items()])
        except (KeyError, TypeError):  # a value that is met for the first time, or a mapping
            for axis, value in requested.items():
                if isinstance(value, str | int | float):
                    pieces.setdefault(axis, {})[value] = f"{spell(axis)}:{spell(value)}"
            return spell(requested)[1:-1]

    yield '{"cases":['
    for index, planned in enumerate(plan.cases):
        case = planned.case
        head = f'"id":{spell(case.id)},"label":{spell(case.label)}'
        yield f'{"," if index else ""}\n{{{head},"requested":{{{spell_axes(case.requested)}}}}}'
    yield '\n],"skipped":['
    for index, one in enumerate(plan.skipped):
        body = {
            "id": one.case.id,
            "label": one.case.label,
            "requested": to_json(one.case.requested),
            "reason": one.refusal.reason,
            "reason_code": one.refusal.reason_code.value,
        }
        yield f"{',' if index else ''}\n{spell(body)}"
    yield f'\n],"expected_s":{spell(expected)}}}\n'


def _as_text(plan: "Plan", expected: float | None) -> Iterator[str]:
    yield f"{len(plan.cases)} cases to run"
    for planned in plan.cases[:_SHOWN]:
        yield f"  {planned.case.id}  {planned.case.label}"
    if len(plan.cases) > _SHOWN:
        yield f"  … and {len(plan.cases) - _SHOWN} more (--json lists all)"
    if plan.skipped:
        yield f"{len(plan.skipped)} cases will not run"
        reasons = Counter((one.refusal.reason, one.refusal.reason_code.value) for one in plan.skipped)
        for (reason, code), count in reasons.most_common():
            first = next(one for one in plan.skipped if one.refusal.reason == reason)
            others = f" and {count - 1} more" if count > 1 else ""
            yield f"  {first.case.label}{others}: {reason} [{code}]"
    for remark in plan.remarks:
        yield f"Remark: {remark}"
    yield "Expected duration: unknown" if expected is None else f"Expected duration: about {duration(expected)} (a guess)"


def duration(seconds: float) -> str:
    """Put SECONDS into words that are exact enough for waiting."""
    minute, hour = 60, 3600
    if seconds < 2 * minute:
        return f"{seconds:.0f} s"
    return f"{seconds / minute:.0f} min" if seconds < 2 * hour else f"{seconds / hour:.1f} h"
