"""`bench schema`: the form of a suite, for editors."""

from pathlib import Path

import click

from bench import workflow
from bench.cli import options


@click.command("schema", epilog=options.examples("bench schema", "bench schema --out suites/schema.json"))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write instead of standard output.")
def command(out: Path | None) -> None:
    """Print the JSON Schema of a suite. A suite's first line points editors at it: # yaml-language-server: $schema=schema.json."""
    import json

    text = json.dumps(workflow.suite_schema(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        workflow.write(out, text)
