"""`bench env`: the machine."""

import json
from collections.abc import Mapping

import click

from bench import workflow
from bench.cli import options
from bench.domain.values import Json


@click.command("env", epilog=options.examples("bench env", "bench env --json"))
@options.as_json()
def command(*, as_json: bool) -> None:
    """Describe this machine, its libraries and settings as a worker sees them, and how quiet the machine is just now."""
    facts = workflow.describe_machine()
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    _show(facts, "")


def _show(facts: Mapping[str, Json], indent: str) -> None:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            click.echo(f"{indent}{name}:")
            _show(value, indent + "  ")
        else:
            click.echo(f"{indent}{name}: {_shown(value)}")


def _shown(value: Json) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(_shown(item) for item in value) or "none"
    return "unknown" if value is None else str(value)
