"""Inputs of a forward pass that reads on where a reference went: the prompt, and after it the tokens that the reference chose.

So every case is asked for the same positions, whatever it would have chosen itself, and one early difference cannot grow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.worker.material import beside, masks
from bench.worker.steps import Call, generation_options

DECODER, TEXT, MASK = beside.DECODER, "input_ids", "attention_mask"


@dataclass(slots=True)
class Choices:
    """A stopping criterion that stops nothing: it keeps every token as it is chosen."""

    chosen: list[Any] = field(default_factory=list)

    def __call__(self, input_ids: Any, _scores: Any, **_options: Any) -> Any:
        """Keep the newest token of each sequence, and let the generation go on."""
        self.chosen.append(input_ids[:, -1].clone())
        return input_ids.new_zeros(input_ids.shape[0], dtype=bool)


def choose(call: Call) -> Any:
    """Generate greedily as CALL says and give the tokens chosen, items x tokens."""
    import torch
    from transformers import StoppingCriteriaList

    choices = Choices()
    call.refresh()
    call.generate(stopping_criteria=StoppingCriteriaList([choices]))
    return torch.stack(choices.chosen, dim=1)


@dataclass(slots=True)
class Forced:
    """A processor of logits that has TOKENS (items x tokens) chosen one by one, whatever is likeliest."""

    tokens: Any
    begins: int | None = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Leave the token whose turn it is as the only one possible."""
        import torch

        self.begins = int(input_ids.shape[1]) if self.begins is None else self.begins
        at = int(input_ids.shape[1]) - self.begins
        turn = self.tokens[:, at : at + 1].to(scores.device)
        return torch.full_like(scores, -torch.inf).scatter(1, turn, 0.0) if turn.numel() else scores


def generated(call: Call, tokens: Any) -> Any:
    """Have CALL generate TOKENS, through its cache and in its chunks, and give the scores of its steps: a row each, item by item.

    They are those before anything is ruled out. None where the class does not give those of each of TOKENS.
    """
    import torch
    from transformers import LogitsProcessorList

    call.refresh()
    forces = LogitsProcessorList([Forced(tokens)])
    said = call.generate(logits_processor=forces, output_logits=True, return_dict_in_generate=True)
    logits = getattr(said, "logits", None)
    if not logits or len(logits) != tokens.shape[1]:
        return None
    return torch.stack(tuple(logits), dim=1).flatten(0, 1)


def greedy(loaded: Any, inputs: Mapping[str, Any], requested: Mapping[str, Any]) -> Call:
    """Give the generation of the case that chooses the likeliest token each time, however the case chooses."""
    options = dict(generation_options(loaded, requested))
    config = options["generation_config"]
    config.do_sample, config.num_beams, config.num_return_sequences = False, 1, 1
    options.pop("assistant_model", None)
    return Call(loaded, inputs, options, generates=True)


def forced(inputs: Mapping[str, Any], tokens: Any) -> dict[str, Any]:
    """Give INPUTS that go on with TOKENS: a decoder of its own reads them after its start token, another after the prompt."""
    import torch

    tokens = tokens.to(next(iter(inputs.values())).device)
    if beside.DECODER in inputs:
        read = torch.cat([inputs[beside.DECODER][:, :1], tokens[:, :-1]], dim=1)
        return {**inputs, beside.DECODER: read}
    if TEXT not in inputs:
        return dict(inputs)
    text, mask = inputs[TEXT], masks.flat(inputs.get(MASK))
    longer: dict[str, Any] = {}
    for name, tensor in inputs.items():
        if name == MASK:
            whole = torch.cat([mask, mask.new_ones(tokens.shape)], dim=1)
            longer[name] = masks.like(tensor, whole)
        elif getattr(tensor, "shape", None) == text.shape and not tensor.is_floating_point():
            more = tokens if name == TEXT else torch.zeros_like(tokens)
            longer[name] = torch.cat([tensor, more.to(tensor.dtype)], dim=1)
        else:
            longer[name] = tensor
    return longer
