"""The stage ledger: where the time of one request goes, from raw input in hand to the answer.

Passes of their own, since hooks and synchronisation between stages cost something: how much is measured beside them, in passes
without hooks that alternate with these. Stages are exclusive and in the order of the data. Of a generation, what happens before
the first token outside every other stage (its preparation, the merging of modalities) counts as `prefill.language`, and
everything after the first token, the loop included, as `decode`. Of another model that has stages inside, the rest of its
forward counts as `head`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.domain.task import Trait
from bench.domain.values import Json
from bench.worker.loads.loading import Loaded, synchronize
from bench.worker.loads.stages import Stopwatch
from bench.worker.material import parts
from bench.worker.network import anatomy, answers
from bench.worker.steps import Call, forward_options, generation_options


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The way of one request: from raw input through `process` to the host, through `move` to the device, and into the model.

    `decode` comes before it where media are encoded; what it decodes is what `process` works on, made once. Of a sub-model by
    itself there is no such way: `part` gives its call, with fresh arguments, and `stage` is what it is in the whole model's ledger.
    `raw` is the input in hand, for those who count what goes along.
    """

    loaded: Loaded
    traits: frozenset[Trait]
    requested: Mapping[str, Json]
    decode: Callable[[], object] | None = None
    process: Callable[[], Any]
    move: Callable[[Any], dict[str, Any]]
    part: Callable[[], Callable[[], object]] | None = None
    stage: str = anatomy.WHOLE
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One pass: seconds by stage, by part of a stage (`processor/image`), and of the whole, timed apart from them."""

    stages: Mapping[str, float]
    parts: Mapping[str, float]
    end_to_end_s: float


@dataclass(slots=True)
class _Pass:
    """One pass in the making."""

    way: Way
    watch: Stopwatch = field(default_factory=Stopwatch)
    parts: Stopwatch = field(default_factory=Stopwatch)
    decoding: ExitStack = field(default_factory=ExitStack)
    is_decoding: bool = False

    def run(self) -> Entry:
        """Carry one request from raw input to answer."""
        way = self.way
        if way.part is not None:
            return self._alone(way.part())
        start = time.perf_counter()
        if way.decode is not None:
            with self.watch.stage("media_decode"):
                way.decode()
        with self.watch.stage("processor"):
            host = way.process()
        with self.watch.stage("h2d"):
            tensors = way.move(host)
            synchronize(way.loaded.device)
        if Trait.GENERATES in way.traits:
            with self.watch.stage(anatomy.LANGUAGE):
                tokens = self._generate(tensors)
            if answers.can_write(way.loaded):
                with self.watch.stage("detokenize"):
                    answers.detokenize(way.loaded, tokens)
        else:
            with self.watch.stage("head" if anatomy.is_composed(way.loaded.model, way.traits) else anatomy.WHOLE):
                outputs = Call(way.loaded, {}, forward_options(way.requested), tensors).forward()
                synchronize(way.loaded.device)
            if answers.can_answer(outputs):
                with self.watch.stage("post"):
                    answers.answer(way.loaded, outputs, tensors)
        return Entry(stages=self.watch.seconds, parts=self.parts.seconds, end_to_end_s=time.perf_counter() - start)

    def _alone(self, call: Callable[[], object]) -> Entry:
        """Make the CALL of a sub-model by itself."""
        start = time.perf_counter()
        with self.watch.stage(self.way.stage):
            call()
            synchronize(self.way.loaded.device)
        return Entry(stages=self.watch.seconds, parts={}, end_to_end_s=time.perf_counter() - start)

    def _generate(self, tensors: dict[str, Any]) -> Any:
        from transformers import StoppingCriteriaList

        call = Call(self.way.loaded, {}, generation_options(self.way.loaded, self.way.requested), tensors)
        with self.decoding:
            tokens = call.generate(stopping_criteria=StoppingCriteriaList([self._token]))
            synchronize(self.way.loaded.device)
        return tokens

    def _token(self, input_ids: Any, _scores: Any, **_options: Any) -> Any:
        """Hear of a token: with the first one, where others follow, the decoding begins."""
        if not self.is_decoding and self.way.requested["new_tokens"] != 1:
            input_ids[:, -1].tolist()
            self.is_decoding = True
            self.decoding.enter_context(self.watch.stage("decode"))
        return input_ids.new_zeros(input_ids.shape[0], dtype=bool)

    @contextmanager
    def hooked(self, timed: Mapping[str, str]) -> Iterator[None]:
        """Time the modules TIMED, by name and stage, and the parts of the processor, while the block runs."""
        from unittest.mock import patch

        modules = dict(self.way.loaded.model.named_modules())
        with ExitStack() as undo:
            for name, stage in timed.items():
                for hook in self._hooks(modules[name], stage):
                    undo.callback(hook.remove)
            for called, kind in parts.classes(self.way.loaded.processor).items():
                undo.enter_context(patch.object(called, "__call__", self.parts.around(called.__call__, kind)))
            yield

    def _hooks(self, module: Any, stage: str) -> tuple[Any, Any]:
        device = self.way.loaded.device
        open_stages: list[ExitStack] = []

        def before(*_: Any) -> None:
            stack = ExitStack()
            if not self.is_decoding:
                synchronize(device)
                stack.enter_context(self.watch.stage(stage))
            open_stages.append(stack)

        def after(*_: Any) -> None:
            if not self.is_decoding:
                synchronize(device)
            open_stages.pop().close()

        return module.register_forward_pre_hook(before), module.register_forward_hook(after, always_call=True)


def find_stages(way: Way) -> tuple[dict[str, str], tuple[str, ...]]:
    """Run one untimed request and give the modules to be timed, by name and stage, and the stages that were not observed."""
    model = way.loaded.model
    stage = anatomy.stage_of(model, way.traits)
    timed: dict[str, str] = {}
    with anatomy.seen(model, stage, timed):
        _Pass(way).run()
    return timed, () if way.part is not None else anatomy.expected(model, stage, timed)


def enter(way: Way, timed: Mapping[str, str]) -> Entry:
    """Run one request with the modules TIMED."""
    one = _Pass(way)
    with one.hooked(timed):
        return one.run()


def plain_s(way: Way) -> float:
    """Run one request without a hook and give its seconds."""
    return _Pass(way).run().end_to_end_s
