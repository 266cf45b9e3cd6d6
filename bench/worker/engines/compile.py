"""torch.compile over the model's forward: of a generation every pass, the prefill and each step.

Transformers compiles by itself where a static cache meets an accelerator, the steps only and nothing on a CPU; that is switched off
in every generation, so that `eager` is eager and `compile` is this.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, cast

from bench.domain.metric import Samples
from bench.domain.outcome import ReasonCode
from bench.domain.values import Json
from bench.worker.engines import Engaged, Work, replace_forward
from bench.worker.failures import Refused
from bench.worker.metrics import COMPILE_GRAPH_BREAKS, sample

NEEDS = "a C++ compiler (on an accelerator triton)"
DEVICES = ("cpu", "cuda", "xpu")
OPTIONS = ("mode", "dynamic", "fullgraph")
_OF_ACCELERATORS = frozenset({"reduce-overhead"})


def engage(work: Work) -> Engaged:
    """Compile the forward of WORK's model, which happens with its first call. Raises Refused where no compiler is there."""
    import torch

    options, device = work.options, work.loaded.device
    _refuse(options, device)
    torch._dynamo.config.fail_on_recompile_limit_hit = True  # noqa: SLF001 -- else what is compiled too often runs eagerly, unsaid
    torch._dynamo.utils.counters.clear()  # noqa: SLF001
    watch = _Watch(options)
    compiled = torch.compile(
        work.loaded.model.forward,
        backend=watch.backend,
        dynamic=cast("bool | None", options.get("dynamic")),
        fullgraph=options.get("fullgraph") is True,
    )
    replace_forward(work.loaded.model, compiled)
    return Engaged(
        observe=lambda: watch.facts(work),
        samples=watch.samples,
        graphs=lambda: watch.graphs,
        explain=_explain,
    )


class _Watch:
    """Inductor with someone beside it: what it was given to compile, how often, and with which sizes left open."""

    def __init__(self, options: Mapping[str, Json]) -> None:
        self.options = options
        self.graphs = 0
        self.symbolic = False

    def backend(self, graph: Any, inputs: list[Any], **more: Any) -> Any:
        """Compile GRAPH as torch's own backend does."""
        import torch
        from torch._inductor import list_mode_options
        from torch._inductor.compile_fx import compile_fx

        self.graphs += 1
        self.symbolic |= any(isinstance(one, torch.SymInt) for one in inputs)
        mode = self.options.get("mode", "default")
        patches = list_mode_options(str(mode)) if mode != "default" else None
        return compile_fx(graph, inputs, config_patches=patches, **more)

    def facts(self, work: Work) -> Mapping[str, Json]:
        """Tell what was compiled. Raises Refused where nothing was."""
        from torch._dynamo.utils import counters

        if not self.graphs:
            name = type(work.loaded.model).__name__
            msg = f"compile did not apply: the forward of {name} that was compiled is not what its first call went through"
            raise Refused(msg, ReasonCode.NOT_AS_REQUESTED)
        skipped = int(counters["inductor"]["cudagraph_skips"])
        return {
            "engine": self._spelled(work.requested["engine"]),
            "compile_graphs": self.graphs,
            "compile_dynamic": self.symbolic,
            "compile_break_reasons": sorted(str(reason)[:200] for reason in counters["graph_break"]),
            **({"cudagraph_skips": skipped} if skipped else {}),
        }

    def _spelled(self, asked: Json) -> Json:
        """Spell what was seen as ASKED: sizes left open, no break, the mode that inductor was given."""
        if not isinstance(asked, Mapping):
            return "compile"
        seen: dict[str, Json] = {"name": "compile", "mode": self.options.get("mode"), "dynamic": self.symbolic}
        seen["fullgraph"] = not _breaks() if asked.get("fullgraph") is True else False
        return {key: seen[key] for key in asked}

    def samples(self) -> tuple[Samples, ...]:
        """Give the breaks of the first call."""
        return (sample(COMPILE_GRAPH_BREAKS, "first_call", _breaks()),)


def _explain(error: Exception) -> Refused | None:
    """Make an answer of what dynamo says that it cannot compile as asked; None where the error is another one."""
    from torch._dynamo.exc import FailOnRecompileLimitHit, Unsupported

    if not isinstance(error, FailOnRecompileLimitHit | Unsupported):
        return None
    said = " ".join(str(error).split())[:300]
    what = (
        "would run eagerly, for it was compiled too often" if isinstance(error, FailOnRecompileLimitHit) else "cannot be one graph"
    )
    return Refused(f"engine compile: the forward {what}: {said}", ReasonCode.NOT_IN_CLASS)


def _breaks() -> int:
    from torch._dynamo.utils import counters

    return sum(int(count) for count in counters["graph_break"].values())


def _refuse(options: Mapping[str, Json], device: str) -> None:
    """Refuse what would compile nothing, or something else, and where the compiler is missing."""
    mode = options.get("mode")
    if device != "cpu":
        if find_spec("triton") is None:
            raise Refused(f"engine compile needs triton on {device}, which is not installed", ReasonCode.MISSING_PACKAGE)
        return
    if mode in _OF_ACCELERATORS:
        raise Refused(f"engine compile: mode {mode} records CUDA graphs, and there are none on a CPU", ReasonCode.NO_DEVICE)
    from torch._inductor import cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except exc.InvalidCxxCompiler as error:
        msg = "engine compile needs a C++ compiler, and none works here: install g++ or name one in CXX"
        raise Refused(msg, ReasonCode.MISSING_PACKAGE) from error
