"""`bench describe`: a model without its weights."""

import json

import click

from bench import workflow
from bench.cli import options


@click.command("describe", epilog=options.examples("bench describe llava-1.5-7b", "bench describe ./checkpoints/mine --json"))
@click.argument("model")
@click.option("--task", help="Task whose class is described; the model's first where it is left out.")
@click.option("--revision", help="Revision of a repository of the Hub.")
@options.as_json()
def command(model: str, task: str | None, revision: str | None, *, as_json: bool) -> None:
    """Describe MODEL, a preset, a folder or ORG/NAME of the Hub: its class, its tasks with the class of each, parameters and bytes.

    No weight is read: the class is built on the meta device, and of weight files only the headers are looked at.
    """
    from bench.protocol.codec import to_json

    found = workflow.describe_model(model, task, revision)
    click.echo(json.dumps(to_json(found), indent=1) if as_json else str(found))
