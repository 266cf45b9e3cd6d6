import json
import sys

import pytest

from bench.protocol.codec import dumps
from bench.worker.host import libraries, machine


@pytest.fixture(autouse=True)
def _fresh() -> None:
    machine.facts.cache_clear()


def test_the_machine_is_described_in_values_that_travel() -> None:
    facts = machine.facts()
    assert json.loads(dumps(facts)) == facts
    assert facts["interpreter"] == sys.executable
    assert facts["cpu"]
    for name in ("cores_logical", "memory_bytes"):
        value = facts[name]
        assert isinstance(value, int)
        assert value > 0


def test_the_fingerprint_is_of_the_hardware_and_not_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    before = machine.facts()["fingerprint"]
    machine.facts.cache_clear()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert machine.facts()["fingerprint"] == before
    machine.facts.cache_clear()
    monkeypatch.setattr(machine, "_cpu_model", lambda: "Another CPU")
    assert machine.facts()["fingerprint"] != before


def test_settings_that_can_move_a_number_are_kept_and_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "HF_TOKEN", "LD_PRELOAD", "PYTHONHASHSEED", "MY_TORCH_THING", "NVIDIA_TF32_OVERRIDE"):
        monkeypatch.setenv(name, "value")
    found = machine.settings()
    assert found["HF_TOKEN"] == "(set)"  # noqa: S105 -- this is what must stand there
    assert {found[name] for name in ("OMP_NUM_THREADS", "LD_PRELOAD", "PYTHONHASHSEED", "NVIDIA_TF32_OVERRIDE")} == {"value"}
    assert "MY_TORCH_THING" not in found


def test_describing_the_machine_imports_no_torch() -> None:
    import subprocess

    script = (
        "import sys; from bench.worker.host import machine; machine.facts(); "
        "print([n for n in ('torch', 'numpy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_versions_are_of_what_is_installed() -> None:
    found = libraries.versions()
    assert {"torch", "transformers", "numpy"} <= set(found)
    assert "nonsense" not in found
