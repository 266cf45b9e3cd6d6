"""How far the case's outputs are from those of its reference, at the same positions of the same inputs (docs/parity.md).

The reference leaves its outputs in a file and is then asked once more, so that its own row shows what repetition alone changes.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker import metrics
from bench.worker.likeness import distances, forcing, outputs, reference
from bench.worker.material import masks
from bench.worker.probes import Cost, Reading, Subject
from bench.worker.steps import Call, forward_options

COST = Cost.OWN_PASS
PHASE = "probe.parity"
_OF_GENERATION = {
    metrics.PARITY_KL: metrics.PARITY_GENERATION_KL, metrics.PARITY_ERROR: metrics.PARITY_GENERATION_ERROR
}  # fmt: skip


def read(subject: Subject) -> Reading:
    """Compare outputs with those of the reference; where there are none to compare, `parity_missing` says why."""
    parity = subject.parity
    if parity is None:
        return Reading()
    facts: dict[str, Json] = {"parity_reference": parity.reference}
    path = Path(parity.path)
    missing = parity.missing or (_leave(subject, path) if parity.own and not path.exists() else None)
    if missing is None:
        kept = reference.read(path)
        ours = kept.fit(_outputs(subject, kept.tokens, kept.kept)) if kept.mark == reference.mark_of(subject.inputs) else None
        theirs = kept.outputs if ours is None else kept.beside(ours)
        missing = _unlike(ours, theirs)
    if missing is not None or ours is None:
        return Reading(facts={**facts, "parity_missing": missing})
    found = distances.between(ours, theirs)
    facts |= dict(kept.about)
    facts |= {"parity_rows": [0 if ours.scores is None else int(ours.scores.shape[0]), kept.count]}
    values, broken = dict(found.values), found.not_finite
    if kept.tokens is not None:
        apart = _generation(subject, kept)
        if isinstance(apart, str):
            facts["parity_generation_missing"] = apart
        else:
            values |= {_OF_GENERATION[metric]: value for metric, value in apart.values.items() if metric in _OF_GENERATION}
            broken += apart.not_finite
    if broken:
        facts["parity_not_finite"] = broken
    return Reading(samples=tuple(metrics.sample(metric, PHASE, value) for metric, value in values.items()), facts=facts)


def _generation(subject: Subject, kept: reference.Kept) -> distances.Distances | str:
    """Compare what the case's own generation of the reference's tokens gives with what the reference's gave, or say why not."""
    if kept.steps is None:
        return "the reference's generation did not give the scores of each of its steps"
    ours = forcing.generated(forcing.greedy(subject.loaded, subject.inputs, subject.requested), kept.tokens)
    if ours is None:
        return f"the generation of {type(subject.loaded.model).__name__} does not give the scores of each of its steps"
    ours = reference.thinned(ours)
    if ours.shape != kept.steps.shape:
        return f"its steps have another form than the reference's: {_form(ours)} and {_form(kept.steps)}"
    return distances.between(outputs.Outputs(scores=ours), outputs.Outputs(scores=kept.steps))


def _leave(subject: Subject, path: Path) -> str | None:
    """Leave the outputs of the reference at PATH; say why where it has none."""
    tokens = None
    if Trait.GENERATES in subject.traits:
        tokens = forcing.choose(forcing.greedy(subject.loaded, subject.inputs, subject.requested))
    kept = _kept(subject, tokens)
    found = _outputs(subject, tokens, kept)
    if found.is_empty:
        return f"{type(subject.loaded.model).__name__} gives no scores, embeddings, boxes, masks or depths"
    if found.is_broken:
        return "its outputs are no numbers (NaN, or scores beyond its dtype): nothing can be set beside them"
    asked = subject.requested["quantization"]
    about = {
        "parity_reference_dtype": str(subject.loaded.model.dtype).removeprefix("torch."),
        "parity_reference_quantization": str(asked.get("method") if isinstance(asked, dict) else asked),
    }
    left = reference.keep(found, reference.mark_of(subject.inputs), about, kept, tokens)
    if tokens is not None:
        steps = forcing.generated(forcing.greedy(subject.loaded, subject.inputs, subject.requested), tokens)
        if steps is not None and not outputs.Outputs(scores=steps).is_broken:
            left = replace(left, steps=reference.thinned(steps))
    reference.write(path, left)
    return None


def _kept(subject: Subject, tokens: Any) -> Any:
    """Give which positions of the outputs are no padding; None where all count."""
    given = subject.inputs if tokens is None else forcing.forced(subject.inputs, tokens)
    if forcing.DECODER in given or forcing.MASK not in given:
        return None
    return masks.flat(given[forcing.MASK]).bool()


def _outputs(subject: Subject, tokens: Any, kept: Any) -> outputs.Outputs:
    """Call the model once, with TOKENS after the prompt where it generates, and read its outputs where KEPT says."""
    given = subject.inputs if tokens is None else forcing.forced(subject.inputs, tokens)
    call = Call(subject.loaded, given, forward_options(subject.requested))
    call.refresh()
    return outputs.read(call.forward(), None if kept is None else kept.to(subject.loaded.device))


def _unlike(ours: outputs.Outputs | None, theirs: outputs.Outputs) -> str | None:
    """Say why OURS cannot be compared with THEIRS, which were kept."""
    if ours is None:
        return "the reference was given other inputs: its tokens or shapes are not those of this case"
    for name in ("scores", "embeddings"):
        one, other = getattr(ours, name), getattr(theirs, name)
        if (one is None) is not (other is None) or (one is not None and one.shape != other.shape):
            return f"its outputs have another form than the reference's: {name} are {_form(one)} and {_form(other)}"
    for name, other in theirs.values.items():
        one = ours.values.get(name)
        if one is None or one.shape != other.shape:
            return f"its outputs have another form than the reference's: {name} are {_form(one)} and {_form(other)}"
    return None


def _form(tensor: Any) -> str:
    return "missing" if tensor is None else " x ".join(map(str, tensor.shape))
