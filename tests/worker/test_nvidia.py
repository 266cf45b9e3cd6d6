"""What a GPU's driver says of disturbances, by a stand-in of nvidia-ml-py with its names and units (milliwatt, nanosecond)."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from bench.worker.host import noise, nvidia
from bench.worker.host.nvidia import Reading

UUID = "8a7e1c7f-0000-0000-0000-000000000001"
COOL = Reading(
    at_s=10.0,
    clock_mhz=1980,
    memory_clock_mhz=2619,
    power_limit_w=700.0,
    temperature_c=41,
    slowed_by=(),
    slowed_s={"power": 1.0, "heat": 0.0},
    memory_errors=0,
    contexts=1,
)


class CannotError(Exception):
    """What the stand-in raises where a driver cannot tell."""


@dataclass
class Driver:
    """A driver with one card; `cannot` names the questions that it does not know."""

    clock: int = 1980
    reasons: int = 0
    held_ns: dict[int, int] = field(default_factory=dict)
    running: list[Any] = field(default_factory=lambda: [SimpleNamespace(pid=os.getpid(), usedGpuMemory=2**29)])
    cannot: frozenset[str] = frozenset()
    installed: bool = True

    def module(self) -> Any:
        import pynvml

        answers: dict[str, Any] = {
            "nvmlInit": self._init,
            "nvmlDeviceGetCount": lambda: 1,
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetHandleByUUID": lambda uuid: {f"GPU-{UUID}": 0}[uuid],
            "nvmlDeviceGetName": lambda _card: "NVIDIA H100 80GB HBM3",
            "nvmlDeviceGetClockInfo": lambda _card, kind: {pynvml.NVML_CLOCK_SM: self.clock, pynvml.NVML_CLOCK_MEM: 2619}[kind],
            "nvmlDeviceGetMaxClockInfo": lambda _card, _kind: 1980,
            "nvmlDeviceGetEnforcedPowerLimit": lambda _card: 700_000,
            "nvmlDeviceGetPowerManagementDefaultLimit": lambda _card: 700_000,
            "nvmlDeviceGetTemperature": lambda _card, _sensor: 41,
            "nvmlDeviceGetPersistenceMode": lambda _card: 0,
            "nvmlDeviceGetCurrentClocksEventReasons": lambda _card: self.reasons,
            "nvmlDeviceGetViolationStatus": lambda _card, policy: SimpleNamespace(violationTime=self.held_ns.get(policy, 0)),
            "nvmlDeviceGetTotalEccErrors": lambda _card, _kind, _counter: 0,
            "nvmlDeviceGetComputeRunningProcesses": lambda _card: self.running,
        }
        assert all(callable(getattr(pynvml, name)) for name in answers)
        for name in self.cannot:
            answers[name] = self._refuse
        constants = {name: value for name, value in vars(pynvml).items() if name.startswith(("NVML_", "nvmlClocks"))}
        return SimpleNamespace(**constants, **answers, NVMLError=CannotError)

    def _init(self) -> None:
        if not self.installed:
            raise CannotError

    def _refuse(self, *_args: Any) -> Any:
        raise CannotError


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    nvidia._library.cache_clear()
    yield
    nvidia._library.cache_clear()


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    import torch

    pytest.importorskip("pynvml")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: SimpleNamespace(uuid=UUID))
    return Driver()


def plugged(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver.module())


def test_a_card_is_read_in_the_units_that_it_is_told_in(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.held_ns = {0: 1_000_000_000}
    plugged(driver, monkeypatch)
    found = nvidia.read("cuda:0")
    assert found is not None
    assert found == replace(COOL, at_s=found.at_s, slowed_s={"power": 1.0, "heat": 0.0, "board limit": 0.0, "reliability": 0.0})


def test_why_the_clock_is_held_down_is_told_in_words(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.reasons = 0x4 | 0x40 | 0x1  # power cap, hardware heat, idle: idling is no disturbance
    plugged(driver, monkeypatch)
    found = nvidia.read("cuda:0")
    assert found is not None
    assert found.slowed_by == ("power", "heat")


def test_what_a_driver_cannot_tell_is_none_and_not_judged(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.cannot = frozenset({
        "nvmlDeviceGetClockInfo", "nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetTemperature", "nvmlDeviceGetTotalEccErrors",
        "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetViolationStatus", "nvmlDeviceGetComputeRunningProcesses",
    })  # fmt: skip
    plugged(driver, monkeypatch)
    found = nvidia.read("cuda:0")
    assert found == Reading(at_s=found.at_s if found else 0.0)
    assert found is not None
    facts = nvidia.between(found, found)
    assert (facts["other_processes"], facts["memory_errors"], facts["slowed_by"]) == (None, None, [])
    assert list(nvidia.marks(facts)) == []


@pytest.mark.parametrize("device", ["cpu", "mps", "xpu:0"])
def test_of_other_devices_nothing_is_read(device: str) -> None:
    assert nvidia.read(device) is None


def test_without_a_driver_nothing_is_known(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.installed = False
    plugged(driver, monkeypatch)
    assert nvidia.read("cuda:0") is None
    assert nvidia.everything() == []


def test_without_the_library_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert nvidia.read("cuda:0") is None
    assert nvidia.everything() == []


def test_a_card_that_cannot_be_found_is_not_read(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.cannot = frozenset({"nvmlDeviceGetHandleByUUID"})
    plugged(driver, monkeypatch)
    assert nvidia.read("cuda:0") is None


def later(**changes: Any) -> dict[str, Any]:
    """Give what happened within ten seconds in which CHANGES came about."""
    return nvidia.between(COOL, replace(COOL, at_s=20.0, **changes))


def test_a_quiet_card_has_no_marks() -> None:
    facts = later(temperature_c=60, clock_mhz=1965)
    assert list(nvidia.marks(facts)) == []
    assert (facts["clock_mhz"], facts["temperature_c"]) == ([1980, 1965], [41, 60])
    assert (facts["other_processes"], facts["slowed_share"]) == (0, {"power": 0.0, "heat": 0.0})


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({"clock_mhz": 1755}, "the GPU's clock went from 1980 to 1755 MHz"),
        ({"power_limit_w": 500.0}, "the GPU's power limit went from 700 to 500 W"),
        ({"slowed_s": {"power": 3.0, "heat": 0.0}}, "power slowed the GPU down for 20% of the time"),
        ({"slowed_by": ("heat",)}, "heat slowed the GPU down at begin or end"),
        ({"memory_errors": 2}, "2 uncorrected memory errors of the GPU"),
        ({"contexts": 3}, "2 other processes on the GPU"),
    ],
)
def test_what_disturbed_a_card_is_marked_in_words(changes: dict[str, Any], mark: str) -> None:
    assert list(nvidia.marks(later(**changes))) == [mark]


def test_the_other_side_of_a_pair_is_no_disturbance() -> None:
    shared = replace(COOL, contexts=2)
    assert nvidia.between(shared, replace(shared, at_s=20.0), partners=1)["other_processes"] == 0
    assert nvidia.between(replace(shared, contexts=1), replace(shared, contexts=3), partners=1)["other_processes"] == 1


def test_the_work_of_the_other_side_is_no_disturbance() -> None:
    before = noise.read()
    after = replace(before, at_s=before.at_s + 10, busy_s=(before.busy_s or 0.0) + 9)
    assert noise.between(before, after)["marks"] == ["other processes used 90% of a core"]
    facts = noise.between(before, after, partners=1)
    assert (facts["foreign_cpu_share"], facts["marks"]) == (None, [])


def test_the_marks_of_a_card_stand_with_those_of_the_machine() -> None:
    before = replace(noise.read(), gpu=COOL)
    after = replace(before, at_s=before.at_s + 10, major_faults=before.major_faults + 1, gpu=replace(COOL, at_s=20.0, contexts=2))
    facts = noise.between(before, after)
    assert facts["marks"] == ["1 major page faults", "1 other processes on the GPU"]
    assert isinstance(facts["gpu"], dict)
    assert facts["gpu"]["other_processes"] == 1
    assert "gpu" not in noise.between(replace(before, gpu=None), after)


def test_every_card_is_described_with_who_is_on_it(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.running.append(SimpleNamespace(pid=2**30, usedGpuMemory=None))
    plugged(driver, monkeypatch)
    (card,) = nvidia.everything()
    assert isinstance(card, dict)
    own, other = card.pop("processes")
    assert str(own).endswith(f"({os.getpid()}), 512 MiB")
    assert other == f"a process that is not seen from here ({2**30})"
    assert card == {
        "index": 0, "name": "NVIDIA H100 80GB HBM3", "clock_mhz": 1980, "highest_clock_mhz": 1980, "power_limit_w": 700.0,
        "default_power_limit_w": 700.0, "temperature_c": 41, "persistence": False,
    }  # fmt: skip
