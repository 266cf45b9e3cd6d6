"""What is wrong with a machine as a place to measure on, by rules on the facts that `bench env` shows and that records keep.

One function a rule, each pure: facts in, an advice or nothing out. So machines that are long gone are judged from their records
too. Nothing is changed by this tool: every advice says what its reader may change.
"""

from collections.abc import Callable, Mapping

from bench.domain.advice import Advice
from bench.domain.values import Json

Facts = Mapping[str, Json]

FEW = 2
"""Cores up to which model, driver and system share them."""
LOADED = 0.25
"""Load of the last minute, a core, from which a machine is busy before anything was started."""
FOREIGN, STEAL, SWAPPED = 0.05, 0.02, 0.01
"""Shares of a core that others use, of a core that the host takes, of the memory that is in swap."""
FAST_CLOCKS = frozenset({"tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page"})
"""Clock sources that are read without a call into the kernel."""


def advise(environment: Facts, noise: Facts) -> tuple[Advice, ...]:
    """Say what is wrong with the machine of ENVIRONMENT, disturbed as NOISE says. What is not known is not judged."""
    of_machine = (rule(environment) for rule in OF_MACHINE)
    return tuple(one for one in (*of_machine, *(rule(noise, environment) for rule in OF_MOMENT)) if one is not None)


def governor(facts: Facts) -> Advice | None:
    """Judge what chooses the clock."""
    found = facts.get("governor")
    if not isinstance(found, str) or found == "performance":
        return None
    says = f"governor {found}: the clock follows the load, so that the first iterations are slow"
    return Advice(fact="governor", says=says, mend="sudo cpupower frequency-set -g performance")


def turbo(facts: Facts) -> Advice | None:
    """Judge clocks above the nominal one."""
    switches = {
        "intel_pstate": "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo",
        "cpufreq": "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost",
    }
    mend = switches.get(str(facts.get("turbo")))
    says = "turbo is on: the clock depends on heat and on how many cores are busy"
    return None if mend is None else Advice(fact="turbo", says=says, mend=mend)


def smt(facts: Facts) -> Advice | None:
    """Judge cores that are two threads of one."""
    if str(facts.get("smt")) != "1":
        return None
    says = "smt is active: two logical cores share one, and a neighbour on the other half slows a step"
    if facts.get("virtual") is True:
        return Advice(fact="smt", says=says, mend="threads: [N] with half of the logical cores; a machine type with whole cores")
    return Advice(fact="smt", says=says, mend="echo off | sudo tee /sys/devices/system/cpu/smt/control")


def few_cores(facts: Facts) -> Advice | None:
    """Judge how many cores there are."""
    cores = _cores(facts)
    if cores is None or cores > FEW:
        return None
    says = f"{cores} core{'s' if cores > 1 else ''}: this tool, the system and the model share {'them' if cores > 1 else 'it'}"
    return Advice(
        fact="affinity",
        says=says,
        mend="threads: [1] in the suite leaves room; more cores, or bench ab, which shares what disturbs",
    )


def quota(facts: Facts) -> Advice | None:
    """Judge a quota of processor time."""
    found, cores = _number(facts, "cpu_quota_cores"), _cores(facts)
    if found is None or (cores is not None and found >= cores):
        return None
    says = f"a quota of {found:g} cores of processor time: once it is spent all threads stand still until the next period"
    mend = "whole cores: docker run --cpuset-cpus instead of --cpus; in Kubernetes requests equal to limits, static CPU manager"
    return Advice(fact="cpu_quota_cores", says=says, mend=mend)


def hugepages(facts: Facts) -> Advice | None:
    """Judge pages that the kernel puts together behind a process's back."""
    found = facts.get("transparent_hugepages")
    if not isinstance(found, str) or "[always]" not in found:
        return None
    says = "transparent hugepages are always on: the kernel moves pages together while a step runs, at times of its own"
    return Advice(
        fact="transparent_hugepages", says=says, mend="echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"
    )


def clock(facts: Facts) -> Advice | None:
    """Judge what the time is read from."""
    found = facts.get("clock_source")
    if not isinstance(found, str) or found in FAST_CLOCKS:
        return None
    says = f"clock source {found}: every reading of the time is a call into the kernel, in each step that is timed"
    mend = "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource, where the machine has it"
    return Advice(fact="clock_source", says=says, mend=mend)


def nice(facts: Facts) -> Advice | None:
    """Judge a priority below that of others."""
    found = _number(facts, "nice")
    says = f"nice {found or 0:g}: every other process goes first"
    return (
        Advice(fact="nice", says=says, mend="start it without nice, or: sudo renice -n 0 -p PID") if found and found > 0 else None
    )


def load(facts: Facts, environment: Facts) -> Advice | None:
    """Judge how many processes wanted to run in the last minute."""
    found, cores = _number(facts, "load_1m"), _cores(environment)
    if found is None or cores is None or found <= LOADED * cores:
        return None
    says = f"a load of {found:g} on {cores} cores over the last minute, before anything was measured"
    return Advice(fact="load_1m", says=says, mend="let it end or stop it (top shows who it is), or measure with bench ab")


def others(facts: Facts, _environment: Facts) -> Advice | None:
    """Judge processes beside."""
    found = _number(facts, "foreign_cpu_share")
    if found is None or found <= FOREIGN:
        return None
    named = facts.get("busiest")
    who = f", most of it {', '.join(map(str, named))}" if isinstance(named, list | tuple) and named else ""
    says = f"other processes use {found * 100:.0f} % of a core{who}"
    return Advice(
        fact="foreign_cpu_share",
        says=says,
        mend="stop them while you measure (systemctl stop, docker stop), or measure with bench ab",
    )


def steal(facts: Facts, _environment: Facts) -> Advice | None:
    """Judge time that the host of a virtual machine gave to others."""
    found = _number(facts, "steal_share")
    if found is None or found <= STEAL:
        return None
    says = f"the host takes {found * 100:.1f} % of a core for other machines"
    return Advice(
        fact="steal_share", says=says, mend="a dedicated host or a machine type without shared cores, or measure with bench ab"
    )


def swap(facts: Facts, environment: Facts) -> Advice | None:
    """Judge memory that is on the disk."""
    used, memory = _number(facts, "swap_used_bytes"), _number(environment, "memory_bytes")
    if used is None or not memory or used <= SWAPPED * memory:
        return None
    says = f"{used / 2**20:,.0f} MiB are in swap: memory was short, and pages come back from the disk while a step runs"
    return Advice(fact="swap_used_bytes", says=says, mend="end what holds memory, then: sudo swapoff -a")


def throttles(facts: Facts, _environment: Facts) -> Advice | None:
    """Judge heat."""
    found = _number(facts, "throttles")
    if not found:
        return None
    says = f"{found:g} thermal throttle events: the processor was too hot and slowed down"
    return Advice(fact="throttles", says=says, mend="cool it, or bound its clock: sudo cpupower frequency-set -u FREQUENCY")


def gpu_company(facts: Facts, _environment: Facts) -> Advice | None:
    """Judge processes on a GPU before a run."""
    used = [(one, named) for one in _gpus(facts) if isinstance(named := one.get("processes"), list | tuple) and named]
    if not used:
        return None
    gpu, named = used[0]
    says = f"GPU {gpu.get('index')} is used by {'; '.join(map(str, named))}: its time and memory are shared with them"
    return Advice(fact="gpus.processes", says=says, mend="end them, or measure on another GPU (device: cuda:N)")


def gpu_persistence(facts: Facts, _environment: Facts) -> Advice | None:
    """Judge a driver that lets go of a GPU which nobody uses."""
    if all(one.get("persistence") is not False for one in _gpus(facts)):
        return None
    says = "persistence mode is off: the driver starts a GPU anew for each process, and first calls wait for it"
    return Advice(fact="gpus.persistence", says=says, mend="sudo nvidia-smi -pm 1")


def gpu_power(facts: Facts, _environment: Facts) -> Advice | None:
    """Judge a power limit below the card's own."""
    for one in _gpus(facts):
        limit, own = _number(one, "power_limit_w"), _number(one, "default_power_limit_w")
        if limit is not None and own is not None and limit < own:
            says = f"GPU {one.get('index')} may draw {limit:g} W of its {own:g} W: its clock falls under load"
            return Advice(fact="gpus.power_limit_w", says=says, mend=f"sudo nvidia-smi -i {one.get('index')} -pl {own:g}")
    return None


def gpu_clock(facts: Facts, _environment: Facts) -> Advice | None:
    """Judge a clock that did not hold while something was measured."""
    found = facts.get("gpu_slowed_by")
    if not isinstance(found, list | tuple) or not found:
        return None
    says = f"the GPU was slowed down by {' and '.join(map(str, found))} while it was measured"
    return Advice(fact="gpu_slowed_by", says=says, mend="sudo nvidia-smi -lgc CLOCK, one that it holds under this load; cool it")


OF_MACHINE: tuple[Callable[[Facts], Advice | None], ...] = (governor, turbo, smt, few_cores, quota, hugepages, clock, nice)
OF_MOMENT: tuple[Callable[[Facts, Facts], Advice | None], ...] = (
    load, others, steal, swap, throttles, gpu_company, gpu_persistence, gpu_power, gpu_clock,
)  # fmt: skip


def _cores(facts: Facts) -> int | None:
    """Give the cores that this tool may use. The affinity that a trial saw is the cores that it was pinned to."""
    affinity = facts.get("affinity")
    if isinstance(affinity, list | tuple) and affinity and not facts.get("cores"):
        return len(affinity)
    found = _number(facts, "cores_logical")
    return None if found is None else int(found)


def _gpus(facts: Facts) -> tuple[Facts, ...]:
    found = facts.get("gpus")
    return tuple(one for one in found if isinstance(one, Mapping)) if isinstance(found, list | tuple) else ()


def _number(facts: Facts, name: str) -> float | None:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
