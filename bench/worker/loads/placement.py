"""Where a model's parts lie: what `device_map` asks of accelerate, and what the loaded model's parameters say of it.

A parameter that is offloaded to the disk is on the meta device between two calls, and a hook of its module holds the way to its
bytes. A map by branch names some modules only: the others go to the case's device, and each tensor that no whole branch holds is
named by itself, since accelerate wants every parameter covered by one entry.
"""

import atexit
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.loads import devices
from bench.worker.parallel import sharing

NONE = "none"
_NOT_THERE = re.compile(r"meta tensor|on device meta")
DISK = "disk"
_ACCELERATOR = re.compile(r"(cuda|xpu):([0-9]+)")


def is_asked(requested: Mapping[str, Json]) -> bool:
    """Tell whether a case leaves the placement to accelerate."""
    return requested.get("device_map", NONE) != NONE


def options(model_class: type[Any], config: Any, requested: Mapping[str, Json], device: str) -> dict[str, Any]:
    """Give what `from_pretrained` is called with for the placement REQUESTED; DEVICE takes what a map by branch does not name.

    Without one, what ranks that share the model need. Raises Refused where a branch is no module of the class, or a place is not on
    this machine.
    """
    asked = requested.get("device_map", NONE)
    if asked == NONE:
        return sharing.options(model_class, config, requested)
    modules = asked.get("modules") if isinstance(asked, Mapping) else None
    limits = asked.get("max_memory") if isinstance(asked, Mapping) else None
    for place in (*(modules.values() if isinstance(modules, Mapping) else ()), *(limits if isinstance(limits, Mapping) else ())):
        if str(place) != DISK:
            devices.resolve(_place_of(str(place)))
    found: dict[str, Any] = {"device_map": "auto", "offload_folder": _folder()}
    if isinstance(modules, Mapping):
        found["device_map"] = _by_branch(_skeleton(model_class, config), modules, device)
    if isinstance(limits, Mapping):
        found["max_memory"] = {_key(name): amount for name, amount in limits.items()}
    return found


def _folder() -> str:
    """Make the folder for what is offloaded to the disk. Who loads a model from Python has it until the process ends."""
    made = tempfile.mkdtemp(prefix="bench-offload-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def answer(error: Exception, model: Any) -> Refused | None:
    """Make an answer of an ERROR of MODEL, whose code reads a weight outside of the module that it belongs to; else None.

    Accelerate brings an offloaded weight back while its own module is called, and at no other time.
    """
    places = getattr(model, "hf_device_map", None) or {}
    if (
        not isinstance(error, NotImplementedError | RuntimeError)
        or not _NOT_THERE.search(str(error))
        or DISK not in places.values()
    ):
        return None
    reason = f"device_map: {type(model).__name__} reads weights outside of their own modules, where they are on the disk"
    return Refused(f"{reason} ({error})", ReasonCode.NOT_IN_CLASS)


def _key(name: str) -> int | str:
    """Spell a device as accelerate does: an accelerator is its number."""
    found = _ACCELERATOR.fullmatch(str(name))
    return int(found.group(2)) if found else int(name) if str(name).isdigit() else str(name)


def _skeleton(model_class: type[Any], config: Any) -> Any:
    """Construct the model without any memory for its weights, to read the names of its modules."""
    import torch

    with torch.device("meta"):
        return model_class(config)


def _by_branch(model: Any, modules: Mapping[str, Json], device: str) -> dict[str, Any]:
    """Give a map that covers every tensor of MODEL once: branches by their MODULES' names, the rest on DEVICE."""
    wanted: dict[str, str] = {}
    names = [name for name, _ in model.named_modules() if name]
    for branch, where in modules.items():
        matching = _outermost([name for name in names if name == branch or name.endswith(f".{branch}")])
        if not matching:
            known = ", ".join(name for name, _ in model.named_children())
            msg = f"device_map: {branch} is no module of {type(model).__name__} (its branches: {known})"
            raise Refused(msg, ReasonCode.NOT_IN_CLASS)
        wanted |= dict.fromkeys(matching, str(where))
    made = dict(_cover(model, "", wanted, device))
    _refuse_parted(model, made)
    return made


def _refuse_parted(model: Any, made: Mapping[str, str]) -> None:
    """Refuse a map that MADE two places of one tensor: weights that are tied lie together."""
    for name, other in getattr(model, "all_tied_weights_keys", {}).items():
        here, there = (_entry_of(made, one) for one in (name, other))
        if here != there:
            msg = f"device_map: {name} is tied to {other}, which would lie on {there} and not on {here}: name both branches"
            raise Refused(msg, ReasonCode.NOT_IN_CLASS)


def _entry_of(made: Mapping[str, str], name: str) -> str:
    """Give the place that the map MADE has for the tensor called NAME."""
    return next(where for key, where in made.items() if not key or name == key or name.startswith(f"{key}."))


def _outermost(names: list[str]) -> list[str]:
    return [name for name in names if not any(name.startswith(f"{other}.") for other in names)]


def _cover(module: Any, name: str, wanted: Mapping[str, str], device: str) -> Iterator[tuple[str, str]]:
    """Give entries for MODULE called NAME: itself where nothing below it is named, else its own tensors and its children's."""
    place = wanted.get(name, device)
    below = {key: where for key, where in wanted.items() if key != name and (not name or key.startswith(f"{name}."))}
    if not below:
        yield name, place
        return
    prefix = f"{name}." if name else ""
    own = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
    yield from ((f"{prefix}{key}", place) for key, _ in own)
    for key, child in module.named_children():
        yield from _cover(child, f"{prefix}{key}", below, place)


@contextmanager
def seen(maps: list[Mapping[str, Any]]) -> Iterator[None]:
    """Note in MAPS the map that is made while the block loads: on one device the model itself does not keep it."""
    from unittest.mock import patch

    from transformers import modeling_utils

    make = getattr(modeling_utils, "_get_device_map", None)
    if make is None:
        yield
        return

    def noted(*arguments: Any, **more: Any) -> Any:
        maps.append(made := make(*arguments, **more))
        return made

    with patch.object(modeling_utils, "_get_device_map", noted):
        yield


def facts(model: Any, requested: Mapping[str, Json], device: str, maps: list[Mapping[str, Any]]) -> dict[str, Json]:
    """Read off MODEL where its bytes are; its map is spelled as REQUESTED where the parameters are where that says.

    MAPS are those that were noted while it was loaded, DEVICE is where its inputs go. Raises Refused where parts are on disk that
    nothing sent there.
    """
    made = getattr(model, "hf_device_map", None) or (maps[-1] if maps else None)
    asked = requested.get("device_map", NONE)
    if made is None or (asked == NONE and set(made) == {""}):  # quantizers note that the whole is in one place
        return sharing.facts(model)
    placed = bytes_by_place(model)
    spelled: dict[str, Json] = {(name or "(whole)"): str(where) for name, where in made.items()}
    if asked == "auto" or (isinstance(asked, Mapping) and "max_memory" in asked):
        _refuse_spilled(asked, placed)
    return {
        "device": device if placed.keys() & {device, DISK} else "+".join(sorted(placed)),
        "device_map": asked if _is_so(model, asked, placed) else spelled,
        "hf_device_map": spelled,
        "placed_bytes": dict(placed),
    }


def _refuse_spilled(asked: Json, placed: Mapping[str, int]) -> None:
    if placed.get(DISK) and not (isinstance(asked, Mapping) and asked.get("offload") == DISK):
        msg = f"device_map: {placed[DISK]} B do not fit into the devices and would lie on disk: ask for offload: disk"
        raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)


def _is_so(model: Any, asked: Json, placed: Mapping[str, int]) -> bool:
    """Tell whether bytes PLACED, or the modules of MODEL, are where ASKED says."""
    if not isinstance(asked, Mapping):
        return asked == "auto"
    modules, limits = asked.get("modules"), asked.get("max_memory")
    if isinstance(modules, Mapping):
        return all(_branch_is_at(model, branch, str(where)) for branch, where in modules.items())
    if isinstance(limits, Mapping):
        from accelerate.utils import convert_file_size_to_int  # type: ignore[import-untyped]

        return all(placed.get(_place_of(name), 0) <= convert_file_size_to_int(amount) for name, amount in limits.items())
    return True


def _place_of(name: str) -> str:
    """Spell a key of `max_memory` as torch does its devices: a number is an accelerator's."""
    import torch

    if not str(name).isdigit():
        return str(name)
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return f"{'cuda' if accelerator is None else accelerator.type}:{name}"


def _branch_is_at(model: Any, branch: str, where: str) -> bool:
    """Tell whether all parameters of the modules called BRANCH are at WHERE; one that is tied lies where its first name does."""
    names = _outermost([name for name, _ in model.named_modules() if name == branch or name.endswith(f".{branch}")])
    places = {place for name in names for place, _, _ in _places(model.get_submodule(name))}
    return places == {where if ":" in where or where in {"cpu", DISK, "mps"} else f"{where}:0"}


def bytes_by_place(model: Any) -> dict[str, int]:
    """Sum the bytes of MODEL's parameters by the device that holds them, or disk; a tied parameter is counted once."""
    held: dict[str, int] = {}
    counted: set[object] = set()
    for place, identity, size in _places(model):
        if identity not in counted:
            counted.add(identity)
            held[place] = held.get(place, 0) + size
    return held


def _places(model: Any) -> Iterator[tuple[str, object, int]]:
    """Give, for every parameter of every module, where its bytes are, what tells it from others, and how many they are."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            size = parameter.numel() * parameter.element_size()
            if not parameter.is_meta:
                yield str(parameter.device), (str(parameter.device), parameter.data_ptr()), size
                continue
            place, identity = _offloaded(module, name)
            yield place, identity, size


def _offloaded(module: Any, name: str) -> tuple[str, object]:
    """Find out where the hook of MODULE keeps its parameter NAME: in the host's memory, or in a file."""
    hook = getattr(module, "_hf_hook", None)
    for one in getattr(hook, "hooks", (hook,)):
        weights = getattr(one, "weights_map", None)
        if weights is None:
            continue
        dataset, key = getattr(weights, "dataset", weights), getattr(weights, "prefix", "") + name
        held = getattr(dataset, "state_dict", {})
        if key in held:
            return str(held[key].device), ("host", held[key].data_ptr())
        entry = getattr(dataset, "index", {}).get(key, {})
        return DISK, (entry.get("safetensors_file"), entry.get("weight_name", key))
    return "meta", (id(module), name)
