"""What is not alike in base and head besides the numbers: machine, libraries, settings, code, procedure, and what was observed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.analysis.sides import Pair, Side
from bench.analysis.summarize import READINGS, merged
from bench.domain.comparison import Unlike
from bench.domain.record import Record
from bench.domain.values import Json, canonical
from bench.protocol.codec import to_json

OF_A_TRIAL = frozenset({"nursery", "cores", "start_method_reason"})
"""Facts of the environment that differ from trial to trial by design."""
OF_THE_INPUTS = frozenset({"inputs", "environment"})
"""Observed facts that follow from others, or that the environment tells already."""


def unlike(base: Side, head: Side, pairs: Sequence[Pair]) -> tuple[Unlike, ...]:
    """List what differs between BASE and HEAD: first of the environments, then what was observed of the cases, PAIRS of them."""
    return (*between(base.counted, head.counted), *_observed(pairs))


def between(base: Sequence[Record], head: Sequence[Record]) -> tuple[Unlike, ...]:
    """List what differs between the environments, commits and procedures of BASE and HEAD, nested facts with a point between."""
    first, second = _facts(base), _facts(head)
    return tuple(
        Unlike(what=name, base=first.get(name), head=second.get(name))
        for name in dict.fromkeys((*first, *second))
        if canonical(first.get(name)) != canonical(second.get(name))
    )


def _facts(records: Sequence[Record]) -> dict[str, Json]:
    """Merge what is known of all RECORDS; what differs among them is the list of its values."""
    about = (
        {
            **dict(_flat("", {name: value for name, value in record.environment.items() if name not in OF_A_TRIAL})),
            "suite.commit": record.suite.commit,
            "procedure_version": record.procedure_version,
            **dict(_flat("procedure.", _mapping(to_json(record.procedure)))),
        }
        for record in records
    )
    found, differing = merged(about)
    return {name: _sorted(value) if name in differing else value for name, value in found.items()}


def _sorted(values: Json) -> Json:
    """Put the VALUES of several trials into one order, since the trials have none that means something."""
    return sorted(values, key=canonical) if isinstance(values, list) else values


def _mapping(value: Json) -> Mapping[str, Json]:
    assert isinstance(value, Mapping)  # noqa: S101 -- the codec makes objects of dataclasses
    return value


def _flat(prefix: str, facts: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value


def _observed(pairs: Iterable[Pair]) -> Iterator[Unlike]:
    """Give the observed facts that differ, those with the same values once with the cases that they concern."""
    concerned: dict[tuple[str, str, str], list[str]] = {}
    values: dict[tuple[str, str, str], Unlike] = {}
    for pair in pairs:
        if pair.base is None or pair.head is None or not (pair.base.observed and pair.head.observed):
            continue
        for one in differing(pair.base.observed, pair.head.observed):
            key = (one.what, canonical(one.base), canonical(one.head))
            concerned.setdefault(key, []).append(pair.head.case.label)
            values[key] = one
    for key, labels in concerned.items():
        yield Unlike(what=values[key].what, base=values[key].base, head=values[key].head, cases=tuple(labels))


def differing(base: Mapping[str, Json], head: Mapping[str, Json]) -> Iterator[Unlike]:
    """Give the observed facts that differ between BASE and HEAD, readings of the machine left out."""
    for name in dict.fromkeys((*base, *head)):
        if name not in READINGS | OF_THE_INPUTS and canonical(base.get(name)) != canonical(head.get(name)):
            yield Unlike(what=f"observed.{name}", base=base.get(name), head=head.get(name))
