import subprocess
import sys
from collections.abc import Iterator

import pytest

from bench.protocol.codec import dumps
from bench.worker.host import neighbours


@pytest.fixture
def busy() -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        yield process.pid
        process.kill()


def test_who_uses_the_processor_is_named_with_a_share(busy: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "MOST", 1000)
    facts = neighbours.disturbance(0.4)
    assert dumps(facts)
    named = facts["busiest"]
    assert isinstance(named, list)
    assert any(f"({busy})" in str(one) for one in named)
    assert isinstance(facts["foreign_cpu_share"], float)
    assert facts["foreign_cpu_share"] > 0.05
