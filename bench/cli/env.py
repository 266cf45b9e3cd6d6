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
    """Describe this machine, its libraries and settings as a worker sees them, and how quiet the machine is just now.

    At the end stands what is wrong with it as a place to measure on, each with a command or a setting that mends it. Nothing is
    changed.
    """
    facts = workflow.describe_machine()
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return
    _show({name: value for name, value in facts.items() if name != "advice"}, "")
    _advise(facts["advice"])


def _advise(found: Json) -> None:
    if not isinstance(found, list) or not found:
        click.echo("advice: nothing was found that would have to be mended")
        return
    click.echo("advice:")
    for one in found:
        if isinstance(one, Mapping):
            click.echo(f"  {one['says']}\n    to mend it: {one['mend']}")


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
