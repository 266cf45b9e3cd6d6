"""How differences are judged: options that compare and ab share, and the exit code of a gate."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bench.domain.comparison import Rules
from bench.domain.errors import ExitCode

if TYPE_CHECKING:
    from bench.domain.comparison import Gate

Function = TypeVar("Function", bound=Callable[..., Any])

_SHARE = click.FloatRange(0, 1, max_open=True)
_DEFAULTS = Rules()
_OPTIONS = (
    click.option("--gate", is_flag=True, help="Exit 1 where head has a regression, and list what failed and why."),
    click.option(
        "--margin",
        type=_SHARE,
        help="Relative slowdown that is tolerated: slower means proved to be worse than this.  "
        f"[default: as the suite's gate says, else {_DEFAULTS.margin}]",
    ),
    click.option(
        "--equivalence",
        type=_SHARE,
        help="Equivalent where the 95 % interval lies within this; at least the margin.  "
        f"[default: as the suite's gate says, else {_DEFAULTS.equivalence}]",
    ),
    click.option("--strict", is_flag=True, help="The gate also fails on what is inconclusive, incomparable or lacks its hardware."),
    click.option(
        "--accepted",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File of accepted changes.  [default: reports/accepted.yaml where there is one]",
    ),
)


def judging(function: Function) -> Function:
    """Give the command FUNCTION the options by which differences are judged."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def rules(margin: float | None, equivalence: float | None, *, across_machines: bool = False) -> Rules:
    """Give the rules that the options ask for; what was given on the command line is insisted on."""
    return Rules(
        margin=_DEFAULTS.margin if margin is None else margin,
        equivalence=_DEFAULTS.equivalence if equivalence is None else equivalence,
        across_machines=across_machines,
        insisted=frozenset(name for name, value in (("margin", margin), ("equivalence", equivalence)) if value is not None),
    )


def exit_code(gate: "Gate | None") -> ExitCode:
    """Give the exit code; what failed is told on standard error too, where a log of CI shows it last."""
    if gate is None or gate.passed:
        return ExitCode.FINE
    click.echo(f"gate failed: {len(gate.failures)} {'objection' if len(gate.failures) == 1 else 'objections'}", err=True)
    for one in gate.failures:
        click.echo(f"  {one.case.label}{f', {one.metric}' if one.metric else ''}: {one.what}", err=True)
    return ExitCode.REGRESSION
