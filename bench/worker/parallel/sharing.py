"""How ranks share a model: what transformers is asked for, what the loaded model shows of it, and which part of a batch is whose.

`tensor` splits the weights of layers by the plan that the class has (`tp_plan: auto`), `pipeline` gives each rank some of the
layers, one after the other, and `data` gives each rank the whole model and its part of the batch.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.failures import Refused
from bench.worker.network import components, storages

_Told = TypeVar("_Told")
NOT_IN_STEP = frozenset({"ledger", "flops"})
"""Probes whose number of passes is each rank's own choice, or that count what only a whole model does."""


_CUT = re.compile(r"is invalid for input of size|changed concrete size")
"""How torch says that a tensor is not of the size that it was reckoned with: one key-value head of two ranks, say."""


class Together:
    """Calls in step with the other ranks: a phase is over when every rank has enough."""

    def begin(self) -> None:
        """Begin with the others."""
        from torch import distributed

        distributed.barrier()

    def agree(self, phase: str, *, enough: bool) -> bool:
        """Tell whether every rank has ENOUGH of PHASE."""
        import torch
        from torch import distributed

        del phase
        votes = torch.tensor([int(enough)])
        votes = votes if distributed.get_backend() == "gloo" else votes.to(torch.accelerator.current_accelerator())
        distributed.all_reduce(votes, op=distributed.ReduceOp.MIN)
        return bool(votes.item())


def size() -> int:
    """Give the number of ranks that this process is one of."""
    from torch import distributed

    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """Give this process's number among the ranks."""
    from torch import distributed

    return distributed.get_rank() if size() > 1 else 0


def options(model_class: type[Any], config: Any, requested: Mapping[str, Json]) -> dict[str, Any]:
    """Give what `from_pretrained` is called with, for ranks to share a model. Raises Refused where the class cannot be shared."""
    how = requested.get("parallel")
    if size() == 1 or how == "data":
        return {}
    try:
        from transformers.distributed import DistributedConfig  # type: ignore[attr-defined]  # its exports are lazy

        asked = DistributedConfig(tp_size=size()) if how == "tensor" else DistributedConfig(pp_size=size())
    except (ImportError, TypeError) as error:
        raise Refused(f"this version of transformers has no parallel {how}: {error}", ReasonCode.NOT_IN_VERSION) from error
    import torch

    with torch.device("meta"):
        skeleton = model_class(config)
    lacks = _no_plan(skeleton) if how == "tensor" else _no_stages(skeleton)
    if lacks is not None:
        raise Refused(f"parallel {how}: {lacks}", ReasonCode.NOT_IN_CLASS)
    return {"distributed_config": asked}


def _no_plan(skeleton: Any) -> str | None:
    return None if skeleton.tp_plan else f"{type(skeleton).__name__} has no tensor-parallel plan in transformers"


def _no_stages(skeleton: Any) -> str | None:
    """Say why transformers cannot part SKELETON into stages: it knows decoders of one shape only."""
    base = getattr(skeleton, skeleton.base_model_prefix, None)
    missing = [name for name in ("embed_tokens", "layers", "norm") if not hasattr(base, name)]
    missing += [] if hasattr(skeleton, "lm_head") else ["lm_head"]
    if missing:
        return f"{type(skeleton).__name__} has no {' and no '.join(missing)}, which transformers parts pipelines by"
    layers = len(base.layers)  # type: ignore[union-attr]
    return f"{layers} layers cannot be parted over {size()} ranks" if layers < size() else None


def answer(error: Exception, model: Any, requested: Mapping[str, Json]) -> Refused | None:
    """Make an answer of an ERROR of MODEL, whose tensor-parallel plan cuts where its code cannot do with a part; else None."""
    tensor = size() > 1 and requested.get("parallel") == "tensor"
    if not tensor or not isinstance(error, RuntimeError) or not _CUT.search(str(error)):
        return None
    reason = f"parallel tensor: the plan of {type(model).__name__} does not part it over {size()} ranks"
    return Refused(f"{reason} ({error})", ReasonCode.NOT_IN_CLASS)


def is_stage(model: Any) -> bool:
    """Tell whether MODEL has some of the layers only: the other stages of a pipeline have the others."""
    stage = getattr(model, "_pp_stage", None)
    return stage is not None and size() > 1 and bool(stage.pp_size == size())


def of_all_stages(model: Any, own: list[_Told]) -> list[_Told]:
    """Give what all stages of a pipeline have in their order, OWN of this one; OWN where MODEL is whole here.

    Every rank has to call it.
    """
    if not is_stage(model):
        return own
    from torch import distributed

    every: list[list[_Told]] = [[]] * size()
    distributed.all_gather_object(every, own)
    return [one for stage in every for one in stage]


def facts(model: Any) -> dict[str, Json]:
    """Read off MODEL how it is shared, and how much of it is this rank's."""
    if size() == 1:
        return {}
    held = [(piece, size) for piece, size in storages.sized(storages.of(model)) if not piece.buffer]
    stage = getattr(model, "_pp_stage", None)
    how = "pipeline" if is_stage(model) else "tensor" if any(piece.shard for piece, _ in held) else "data"
    return {
        "parallel": how,
        "rank_parameters": sum(piece.tensor.numel() if piece.shard else piece.elements for piece, _ in held),
        "rank_bytes": sum(size for _, size in held),
        **_copied(model, stage),
    }


def _copied(model: Any, stage: Any) -> dict[str, Json]:
    """Give how many parameters this rank holds beside another, and of which parts of the whole they are.

    Tied embeddings lie on the first and on the last stage.
    """
    if stage is None or not stage.pp_is_last_stage or stage.pp_is_first_stage:
        return {}
    for name, table in model.named_parameters():
        if name.endswith("embed_tokens.weight"):
            parts = [f"component={components.of_name(model, name)}", f"dtype={str(table.dtype).removeprefix('torch.')}"]
            return {"rank_copied_parameters": table.numel(), "rank_copied_parts": list[Json](parts)}
    return {}


def device_of_rank(device: str) -> str:
    """Give this rank's accelerator where DEVICE is one. Raises Refused where there are fewer of them than ranks."""
    if size() == 1 or device == "cpu":
        return device
    import torch

    kind = device.partition(":")[0]
    here = torch.accelerator.device_count()
    if here < size():
        raise Refused(f"{size()} ranks need {size()} {kind} devices, and {here} are here", ReasonCode.NO_DEVICE)
    torch.accelerator.set_device_index(rank())
    return f"{kind}:{rank()}"


def share(tensors: Mapping[str, Any], requested: Mapping[str, Json]) -> dict[str, Any]:
    """Give this rank's part of the batch: all of it, unless ranks share the data. Raises Refused where it cannot be parted."""
    if size() == 1 or requested.get("parallel") != "data":
        return dict(tensors)
    batch = requested["batch_size"]
    if not isinstance(batch, int) or batch % size():
        raise Refused(f"parallel data: a batch of {batch} cannot be parted evenly over {size()} ranks", ReasonCode.NOT_AS_REQUESTED)
    odd = [name for name, value in tensors.items() if hasattr(value, "shape") and (not value.shape or value.shape[0] != batch)]
    if odd:
        raise Refused(f"parallel data: {', '.join(odd)} is not one entry a sequence, and cannot be parted", ReasonCode.NOT_IN_CLASS)
    each = batch // size()
    own = slice(rank() * each, (rank() + 1) * each)
    return {name: value[own] if hasattr(value, "shape") else value for name, value in tensors.items()}
