"""`bench models`: the presets that there are."""

import json

import click

from bench.cli import options


@click.command("models", epilog=options.examples("bench models", "bench models --json"))
@options.as_json()
def command(*, as_json: bool) -> None:
    """List the presets: models that can be written as real checkpoints without a network."""
    from bench.models import presets

    found = [presets.find(name) for name in presets.names()]
    if as_json:
        rows = [
            {"name": one.name, "family": one.family, "tasks": list(one.tasks), "parameters": one.parameters, "source": one.source}
            for one in found
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    width = max(len(one.name) for one in found)
    for one in found:
        click.echo(f"{one.name:{width}}  {one.parameters / 1e6:9.1f} M  {', '.join(one.tasks)}  (after {one.source})")
