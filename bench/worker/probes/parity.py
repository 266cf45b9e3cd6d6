"""How far the case's outputs are from those of its reference, at the same positions of the same inputs (docs/parity.md).

The reference leaves its outputs in a file and is then asked once more, so that its own row shows what repetition alone changes.
"""

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
    if found.not_finite:
        facts["parity_not_finite"] = found.not_finite
    samples = tuple(metrics.sample(metric, PHASE, value) for metric, value in found.values.items())
    return Reading(samples=samples, facts=facts)


def _leave(subject: Subject, path: Path) -> str | None:
    """Leave the outputs of the reference at PATH; say why where it has none."""
    tokens = None
    if Trait.GENERATES in subject.traits:
        tokens = forcing.choose(forcing.greedy(subject.loaded, subject.inputs, subject.requested))
    kept = _kept(subject, tokens)
    found = _outputs(subject, tokens, kept)
    if found.is_empty:
        return f"{type(subject.loaded.model).__name__} gives neither scores nor embeddings"
    asked = subject.requested["quantization"]
    about = {
        "parity_reference_dtype": str(subject.loaded.model.dtype).removeprefix("torch."),
        "parity_reference_quantization": str(asked.get("method") if isinstance(asked, dict) else asked),
    }
    reference.write(path, reference.keep(found, reference.mark_of(subject.inputs), about, kept, tokens))
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
    return None


def _form(tensor: Any) -> str:
    return "missing" if tensor is None else " x ".join(map(str, tensor.shape))
