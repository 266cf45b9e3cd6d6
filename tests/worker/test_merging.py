"""Samples of several ranks as those of one trial."""

from bench.domain.metric import Better, Samples, Unit
from bench.worker.parallel.merging import merged
from tests.support.builders import a_metric, an_amount, samples


def whole(found: list[Samples], name: str) -> tuple[float, ...]:
    (one,) = [some for some in found if some.metric.name == name and some.part is None]
    return one.values


def test_a_call_takes_as_long_as_its_slowest_rank() -> None:
    found = list(merged({0: [samples("forward", [1.0, 5.0])], 1: [samples("forward", [3.0, 2.0])]}, "tensor"))
    assert whole(found, "forward") == (3.0, 5.0)
    assert {one.part: one.values for one in found if one.part} == {"rank=0": (1.0, 5.0), "rank=1": (3.0, 2.0)}


def test_bytes_add_up_and_counts_of_one_model_do_not() -> None:
    own = [samples(an_amount("params.bytes"), 10, "load"), samples(an_amount("params.count", Unit.ONE), 7, "load")]
    found = list(merged({0: own, 1: own}, "data"))
    assert (whole(found, "params.bytes"), whole(found, "params.count")) == ((20,), (7,))


def test_a_pipeline_counts_what_lies_on_two_stages_once() -> None:
    count = an_amount("params.count", Unit.ONE)
    first = [
        samples(count, 7, "load"),
        samples(count, 3, "load", part="component=embeddings"),
        samples(count, 4, "load", part="component=a"),
    ]
    last = [
        samples(count, 7, "load"),
        samples(count, 3, "load", part="component=embeddings"),
        samples(count, 4, "load", part="component=b"),
    ]
    found = list(merged({0: first, 1: last}, "pipeline", copied={None: 3, "component=embeddings": 3}))
    assert whole(found, "params.count") == (11,)
    parts = {one.part: one.values[0] for one in found if one.part is not None and not one.part.startswith("rank=")}
    assert parts == {"component=embeddings": 3, "component=a": 4, "component=b": 4}, "they sum to the whole"


def test_agreement_is_that_of_the_worst_rank() -> None:
    metric = a_metric("parity.top1_agreement", Unit.ONE, better=Better.HIGHER)
    found = list(merged({0: [samples(metric, 1.0, "probe.parity")], 1: [samples(metric, 0.5, "probe.parity")]}, "tensor"))
    assert whole(found, "parity.top1_agreement") == (0.5,)


def test_what_only_one_rank_has_is_told_of_it_alone() -> None:
    found = list(merged({0: [samples("forward", [1.0])], 1: []}, "tensor"))
    assert [one.part for one in found] == ["rank=0"]
    unequal = list(merged({0: [samples("forward", [1.0])], 1: [samples("forward", [1.0, 2.0])]}, "tensor"))
    assert [one.part for one in unequal] == ["rank=0", "rank=1"]
