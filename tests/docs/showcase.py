"""The report in the README: that of a real run of suites/quickstart.yaml, put there by `python -m tests.docs.showcase RUN`."""

import sys
from datetime import datetime
from pathlib import Path

from bench import workflow
from bench.protocol.codec import loads
from bench.store.runs import MANIFEST, Manifest
from tests.docs.generated import ROOT, replaced


def block(run: Path) -> str:
    """Give the report of RUN with a sentence on where its numbers come from."""
    manifest = loads(Manifest, (run / MANIFEST).read_bytes())
    records, remarks = workflow.read_records([run])
    disturbed = sum(1 for record in records if record.noise.get("marks"))
    cores = records[0].environment.get("cores_logical")
    ended = manifest.finished_at or max(record.started_at for record in records)
    minutes = (datetime.fromisoformat(ended) - datetime.fromisoformat(manifest.started_at)).total_seconds() / 60
    quiet = "nothing else ran there" if not disturbed else f"other work ran there, and {disturbed} trials are marked as disturbed"
    took = f"{len(records)} trials in {minutes:.1f} minutes, the start of nurseries included"
    caption = f"A real run, on {cores} cores without a GPU: {took}; {quiet}."
    report = workflow.render(records, remarks, "terminal")
    assert isinstance(report, str)
    return f"{caption}\n\n```text\n{report}```"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(replaced(readme.read_text(encoding="utf-8"), "report", block(Path(sys.argv[1]))), encoding="utf-8")
