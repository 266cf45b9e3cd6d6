"""Every plug that there is keeps its interface: a new file is tested the day it is added."""

import inspect
import subprocess
import sys

import pytest

from bench.domain.axes import AXES, BY_NAME
from bench.domain.errors import UsageError
from bench.domain.scenario import Scenario
from bench.domain.task import Task, Trait
from bench.execution import executors
from bench.store import imports
from bench.worker import probes, quantization, tasks
from bench.worker.probes import Cost


@pytest.mark.parametrize("name", tasks.names())
def test_a_task_declares_itself_under_its_file_s_name(name: str) -> None:
    plug = tasks.find(name)
    task = plug.TASK
    assert isinstance(task, Task)
    assert task.name == name
    assert task.batch
    assert task.auto_classes
    assert all(one.startswith("Auto") for one in task.auto_classes)
    assert Trait.GENERATES not in task.traits or any(
        axis.name == "new_tokens" and axis.applies(task.traits, Scenario.INFERENCE) for axis in AXES
    )
    assert list(inspect.signature(plug.raw).parameters) == ["make"]
    assert inspect.getdoc(plug)
    assert inspect.getdoc(plug.raw)


def test_tasks_are_declared_by_name_and_an_unknown_one_is_a_key_error() -> None:
    assert set(tasks.declared()) == set(tasks.names())
    with pytest.raises(KeyError):
        tasks.find("fill_mask")


@pytest.mark.parametrize("name", probes.names())
def test_a_probe_declares_its_cost_and_reads(name: str) -> None:
    plug = probes.find(name)
    assert isinstance(plug.COST, Cost)
    assert list(inspect.signature(plug.read).parameters) == ["subject"]
    assert inspect.getdoc(plug)
    assert inspect.getdoc(plug.read)
    assert (name, plug) in probes.of_cost(plug.COST)


@pytest.mark.parametrize("name", quantization.names())
def test_a_quantization_says_what_it_needs_and_has_every_part(name: str) -> None:
    method = quantization.find(name)
    needs = method.needs(None)
    assert needs.meaning
    assert needs.devices
    assert set(needs.devices) <= {"cpu", "cuda", "mps", "xpu"}
    assert (needs.extra is None) == (not needs.packages)
    for part in ("takes", "objection", "refuses", "options", "convert", "recognises"):
        wanted = list(inspect.signature(getattr(quantization.Method, part)).parameters)[1:]
        assert list(inspect.signature(getattr(method, part)).parameters) == wanted
    assert all(len(piece) == 2 for piece in method.pieces)


def test_the_quantizations_are_the_values_of_their_axis() -> None:
    assert set(quantization.names()) == set(BY_NAME["quantization"].choices)
    with pytest.raises(KeyError):
        quantization.find("bnb_int8")


@pytest.mark.parametrize("name", executors.names())
def test_an_executor_is_made_from_its_name_or_says_what_it_needs(name: str) -> None:
    try:
        made = executors.find(name)
    except UsageError as error:
        assert f"--executor {name}:" in str(error)  # noqa: PT017 -- either is right
        return
    for method in ("open", "ask", "stderr_tail", "close"):
        wanted = inspect.signature(getattr(executors.Executor, method))
        assert list(inspect.signature(getattr(made, method)).parameters) == list(wanted.parameters)[1:]
    made.close()


def test_listing_and_declaring_plugs_imports_no_library_of_models() -> None:
    script = (
        "import sys; from bench.worker import quantization, tasks, probes; from bench.execution import executors;"
        "tasks.declared(), probes.names(), executors.names(), [quantization.find(name) for name in quantization.names()];"
        "print([name for name in ('torch', 'transformers', 'numpy', 'pydantic', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", imports.names())
def test_an_importer_reads_a_file_as_records_of_a_run(name: str) -> None:
    plug = imports.find(name)
    assert list(inspect.signature(plug.read).parameters) == ["path", "run"]
    assert inspect.getdoc(plug)
    assert inspect.getdoc(plug.read)
