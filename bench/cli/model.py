"""`bench model`: a preset as a checkpoint."""

from pathlib import Path

import click

from bench import workflow
from bench.cli import options


@click.command(
    "model",
    epilog=options.examples(
        "bench model tiny-gpt2 --out /tmp/tiny-gpt2", "bench model bert-base --task text-classification --out ./bert"
    ),
)
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to become the checkpoint.")
@click.option("--task", help="Task whose head is written; the preset's first where it is left out.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Seed of the random weights.")
def command(name: str, out: Path, task: str | None, seed: int) -> None:
    """Write the preset NAME as a real checkpoint: true config, seeded random weights in safetensors, complete processor.

    The same name, task and seed give the same bytes. Free disk is checked first. `bench models` lists the presets.
    """
    workflow.write_model(name, task, out, seed)
    click.echo(out)
