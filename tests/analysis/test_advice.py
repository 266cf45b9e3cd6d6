from typing import Any

import pytest

from bench.analysis.advice import OF_MACHINE, OF_MOMENT, advise
from bench.analysis.summarize import summarize
from tests.support.builders import ENVIRONMENT, a_case, a_record, forward

QUIET: dict[str, Any] = {
    "cores_logical": 8, "affinity": list(range(8)), "memory_bytes": 16 * 2**30, "governor": "performance", "turbo": None,
    "smt": "0", "cpu_quota_cores": None, "transparent_hugepages": "always [madvise] never", "clock_source": "tsc", "nice": 0,
    "virtual": False,
}  # fmt: skip
GPU: dict[str, Any] = {
    "index": 0, "name": "NVIDIA H100", "power_limit_w": 700.0, "default_power_limit_w": 700.0, "persistence": True, "processes": [],
}  # fmt: skip
CALM: dict[str, Any] = {
    "load_1m": 0.4, "foreign_cpu_share": 0.01, "steal_share": 0.0, "swap_used_bytes": 2**20, "throttles": 0, "busiest": [],
    "gpus": [GPU], "gpu_slowed_by": [],
}  # fmt: skip
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "governor": ({"governor": "powersave"}, "governor powersave", "cpupower frequency-set -g performance"),
    "turbo": ({"turbo": "intel_pstate"}, "turbo is on", "no_turbo"),
    "smt": ({"smt": "1"}, "smt is active", "smt/control"),
    "affinity": ({"affinity": [0, 3]}, "2 cores", "threads: [1]"),
    "cpu_quota_cores": ({"cpu_quota_cores": 1.5}, "a quota of 1.5 cores", "--cpuset-cpus"),
    "transparent_hugepages": ({"transparent_hugepages": "[always] madvise never"}, "hugepages are always on", "echo madvise"),
    "clock_source": ({"clock_source": "hpet"}, "clock source hpet", "echo tsc"),
    "nice": ({"nice": 10}, "nice 10", "renice"),
    "load_1m": ({"load_1m": 3.0}, "a load of 3 on 8 cores", "bench ab"),
    "foreign_cpu_share": (
        {"foreign_cpu_share": 1.2, "busiest": ["cc1 (17) 98 %"]},
        "other processes use 120 % of a core, most of it cc1 (17) 98 %",
        "stop them",
    ),
    "steal_share": ({"steal_share": 0.08}, "the host takes 8.0 % of a core", "dedicated"),
    "swap_used_bytes": ({"swap_used_bytes": 2 * 2**30}, "2,048 MiB are in swap", "swapoff"),
    "throttles": ({"throttles": 3}, "3 thermal throttle events", "cool"),
    "gpus.processes": (
        {"gpus": [GPU, {**GPU, "index": 1, "processes": ["python (17), 512 MiB"]}]},
        "GPU 1 is used by python (17), 512 MiB",
        "device: cuda:N",
    ),
    "gpus.persistence": ({"gpus": [{**GPU, "persistence": False}]}, "persistence mode is off", "nvidia-smi -pm 1"),
    "gpus.power_limit_w": ({"gpus": [{**GPU, "power_limit_w": 300.0}]}, "300 W of its 700 W", "nvidia-smi -i 0 -pl 700"),
    "gpu_slowed_by": ({"gpu_slowed_by": ["heat"]}, "slowed down by heat", "nvidia-smi -lgc"),
}


def test_of_a_quiet_machine_there_is_nothing_to_say() -> None:
    assert advise(QUIET, CALM) == ()


def test_what_is_not_known_is_not_judged() -> None:
    assert advise({}, {}) == ()
    assert advise(dict.fromkeys(QUIET), dict.fromkeys(CALM)) == ()


@pytest.mark.parametrize("fact", WRONG)
def test_what_is_wrong_is_named_with_what_mends_it(fact: str) -> None:
    changed, says, mend = WRONG[fact]
    (one,) = advise({**QUIET, **changed}, {**CALM, **changed})
    assert (one.fact, says in one.says, mend in one.mend) == (fact, True, True), one


def test_every_rule_is_seen_at_work_here() -> None:
    assert len(WRONG) == len(OF_MACHINE) + len(OF_MOMENT)


def test_turbo_and_smt_are_mended_as_the_machine_can() -> None:
    (boost,) = advise({**QUIET, "turbo": "cpufreq"}, CALM)
    (guest,) = advise({**QUIET, "smt": "1", "virtual": True}, CALM)
    assert "cpufreq/boost" in boost.mend
    assert "sudo" not in guest.mend


@pytest.mark.parametrize("quota", [8.0, 16.0])
def test_a_quota_of_all_cores_and_more_bounds_nothing(quota: float) -> None:
    assert advise({**QUIET, "cpu_quota_cores": quota}, CALM) == ()


def test_the_cores_that_a_trial_was_pinned_to_are_not_those_of_the_machine() -> None:
    assert advise({**QUIET, "affinity": [3], "cores": [3]}, CALM) == ()
    assert advise({**QUIET, "affinity": []}, CALM) == ()


def test_a_machine_is_judged_from_its_records_and_each_wording_stands_once() -> None:
    environment = {**ENVIRONMENT, "governor": "powersave", "affinity": [3], "cores": [3]}
    noise = {"steal_share": 0.08, "throttles": 2, "load_1m": 9.0, "foreign_cpu_share": 1.0}
    trials = [forward(a_case("tiny-bert", "fill-mask"), number, environment=environment, noise=noise) for number in range(5)]
    said = [text for text in summarize(trials).remarks if text.startswith("the machine: ")]
    assert said == [
        (
            "the machine: governor powersave: the clock follows the load, so that the first iterations are slow. "
            "To mend it: sudo cpupower frequency-set -g performance"
        ),
        (
            "the machine: the host takes 8.0 % of a core for other machines. "
            "To mend it: a dedicated host or a machine type without shared cores, or measure with bench ab"
        ),
        (
            "the machine: 10 thermal throttle events: the processor was too hot and slowed down. "
            "To mend it: cool it, or bound its clock: sudo cpupower frequency-set -u FREQUENCY"
        ),
    ]


def test_records_that_say_nothing_of_their_machine_get_no_advice() -> None:
    assert summarize([a_record(environment={}, noise={})]).remarks == ()
