"""bitsandbytes: weights of 8 bits by rows, and of 4 bits by blocks. It takes GPT-2's Conv1D too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.domain.values import Json
from bench.worker.precision.layers import Layer
from bench.worker.quantization import Choice, Needs
from bench.worker.quantizers.plain import Plain

_TAKEN = frozenset({"Linear", "Conv1D"})
_BLOCK = 64
_ROWS = 32


@dataclass(frozen=True, kw_only=True)
class Bnb(Plain):
    """What all methods of bitsandbytes share."""

    meaning: str

    def takes(self, layer: Layer) -> bool:
        """Take Linear and Conv1D, and none of their subclasses."""
        return layer.kind in _TAKEN

    def _needs(self, *, computes: bool) -> Needs:
        places = {"cpu": "slow kernels", "cuda": "", "xpu": ""}
        return Needs(meaning=self.meaning, packages=("bitsandbytes",), extra="bitsandbytes", devices=places, computes=computes)


@dataclass(frozen=True, kw_only=True)
class EightBit(Bnb):
    """LLM.int8()."""

    def needs(self, stored: Mapping[str, Json] | None) -> Needs:
        """Need bitsandbytes."""
        del stored
        return self._needs(computes=False)

    def options(self, choice: Choice) -> Mapping[str, Any]:
        """Load in 8 bits."""
        from transformers import BitsAndBytesConfig

        keep = None if choice.keep is None else list(choice.keep)
        return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True, llm_int8_skip_modules=keep)}

    @property
    def pieces(self) -> tuple[tuple[str, str], ...]:
        """Quantize weight by weight while the file is read."""
        return (("transformers.integrations.bitsandbytes:Bnb8bitQuantize", "convert"),)

    def recognises(self, module: Any) -> bool:
        """Recognise a layer whose weights are bytes."""
        return type(module).__name__ == "Linear8bitLt" and str(module.weight.dtype) == "torch.int8"


@dataclass(frozen=True, kw_only=True)
class FourBit(Bnb):
    """4 bits of `kind` nf4 or fp4, in blocks of 64, whose scales are quantized once more where `double` is set."""

    kind: str
    double: bool = False

    def needs(self, stored: Mapping[str, Json] | None) -> Needs:
        """Need bitsandbytes."""
        del stored
        return self._needs(computes=True)

    def objection(self, layer: Layer, device: str) -> str | None:
        """Object to what the kernel for AVX-512 BF16 cannot pack, on the first call on a CPU that has it."""
        if layer.inputs * layer.outputs % 2:
            return "two weights share a byte: their number has to be even"
        if device != "cpu":
            return None
        from bitsandbytes import functional

        if not functional.has_avx512bf16() or not (layer.outputs % _ROWS or layer.inputs % _BLOCK):
            return None
        return f"this CPU's kernel takes a multiple of {_BLOCK} inputs and of {_ROWS} outputs"

    def options(self, choice: Choice) -> Mapping[str, Any]:
        """Load in 4 bits."""
        import torch
        from transformers import BitsAndBytesConfig

        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=self.kind,
            bnb_4bit_use_double_quant=self.double,
            bnb_4bit_compute_dtype=getattr(torch, choice.compute_dtype),
            llm_int8_skip_modules=None if choice.keep is None else list(choice.keep),
        )
        return {"quantization_config": config}

    @property
    def pieces(self) -> tuple[tuple[str, str], ...]:
        """Quantize weight by weight while the file is read."""
        return (("transformers.integrations.bitsandbytes:Bnb4bitQuantize", "convert"),)

    def recognises(self, module: Any) -> bool:
        """Recognise a layer by the state of its weights."""
        state = getattr(getattr(module, "weight", None), "quant_state", None) if type(module).__name__ == "Linear4bit" else None
        return state is not None and (state.quant_type, bool(state.nested)) == (self.kind, self.double)
