"""Finding a model that a caller names, without a plan: its facts, and for a preset the checkpoint, written where it is missing."""

from dataclasses import replace

from bench.domain.model import Kind, ModelFacts, ModelRef
from bench.domain.outcome import ReasonCode
from bench.models import cache, facts, presets
from bench.models.digests import Unread
from bench.models.hub import Hub, is_offline
from bench.worker import tasks
from bench.worker.failures import Refused


def find(ref: ModelRef, *, local_files_only: bool = False) -> ModelFacts:
    """Find what is known of REF. Its weights are not read, so that its `content` is no hash of them.

    Raises UsageError where REF names what there is not.
    """
    return facts.find(ref, tasks.declared(), hub=Hub(offline=local_files_only or is_offline()), digests=Unread())


def on_disk(ref: ModelRef, *, local_files_only: bool = False, any_class: bool = False) -> ModelFacts:
    """Find REF with its checkpoint on disk; with ANY_CLASS a task need not be known.

    Raises UsageError where REF names what there is not, Refused where something stands in the way of loading it.
    """
    model = find(ref, local_files_only=local_files_only)
    for refusal in model.refusals:
        if not (any_class and refusal.reason_code is ReasonCode.NO_TASK):
            raise Refused(refusal.reason, refusal.reason_code)
    return _written(model) if model.ref.kind is Kind.PRESET else model


def _written(model: ModelFacts) -> ModelFacts:
    """Write the checkpoint of a preset into the cache, where it is not there yet."""
    from bench.worker import building

    preset = presets.find(model.ref.where)
    folder = cache.folder_of(preset, model.task)
    if not folder.is_dir():
        refusal = cache.lacks_room(preset.name, folder.parent, preset.weight_bytes(model.task))
        if refusal is not None:
            raise Refused(refusal.reason, refusal.reason_code)
        building.write(preset, model.task, folder)
    return replace(model, folder=str(folder))
