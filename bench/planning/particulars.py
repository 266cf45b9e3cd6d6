"""The keys of a suite that belong to one scenario each: what they say of every case, and where they make no sense."""

from collections.abc import Iterator, Mapping

from bench.domain.axes import AXES
from bench.domain.plan import Suite
from bench.domain.scenario import Scenario
from bench.domain.values import Json
from bench.planning import data_sets, requests
from bench.planning.tree import Node
from bench.planning.wording import unknown_value
from bench.protocol.codec import to_json

Finding = tuple[int, str]

KEYS: Mapping[str, Scenario] = {
    "capacity": Scenario.CAPACITY,
    "endurance": Scenario.ENDURANCE,
    "requests": Scenario.REQUESTS,
}
_EXAMPLES = {
    "capacity": "capacity: {over: batch_size, max: 256}",
    "endurance": "endurance: {minutes: 5}",
    "requests": "requests: {count: 100, prompt_tokens: {uniform: [8, 40]}, new_tokens: {uniform: [4, 24]}}",
}
_MINUTE_S = 60.0


def of_cases(suite: Suite) -> dict[str, Json]:
    """Give what every case of SUITE requests beside its axes: part of what the case is."""
    said = ((key, getattr(suite, key)) for key, scenario in KEYS.items() if scenario is suite.scenario)
    return {key: _given(to_json(value)) for key, value in said if value is not None}


def _given(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    given = {key: _given(one) for key, one in value.items() if one is not None}
    return {key: one for key, one in given.items() if one != {}}


def dropped(suite: Suite) -> frozenset[str]:
    """Give the axes that no case of SUITE has, since their values are what is sought, or since its data decide them."""
    if suite.data is not None:
        still = not data_sets.trains(suite) and suite.scenario is Scenario.DATA
        return frozenset(axis.name for axis in AXES if axis.of_data or (still and Scenario.TRAIN_STEP in axis.scenarios))
    if suite.scenario is Scenario.REQUESTS:
        return requests.DROPPED
    return frozenset({suite.capacity.over}) if suite.scenario is Scenario.CAPACITY and suite.capacity else frozenset()


def findings(suite: Suite, root: Node) -> Iterator[Finding]:
    """Give what SUITE says wrongly of its scenario, with its line in the file that ROOT was read from."""
    for key, scenario in KEYS.items():
        given = getattr(suite, key) is not None
        if given and suite.scenario is not scenario:
            yield root.line_of_key((key,)), f"{key} is for scenario: {scenario.value}, and this suite's is {suite.scenario.value}"
        if not given and suite.scenario is scenario:
            yield root.line_of_key(("scenario",)), f"scenario {scenario.value} needs its own key, such as {_EXAMPLES[key]}"
    yield from _of_choices(suite, root)
    yield from data_sets.findings(suite, root)
    if suite.endurance is not None:
        yield from ((root.line_of_key(("endurance",)), said) for said in _of_endurance(suite))
    yield from requests.findings(suite.requests, root)
    if suite.capacity is not None and suite.scenario is Scenario.CAPACITY:
        yield from _of_capacity(suite, suite.capacity.over, root)


def _of_choices(suite: Suite, root: Node) -> Iterator[Finding]:
    """Say which values of SUITE's axes belong to another scenario."""
    for axis in AXES:
        own = axis.within(suite.scenario)
        for index, value in enumerate(suite.axes.get(axis.name, ()) if suite.scenario in axis.choices_in else ()):
            if not own.knows(value):
                yield root.line_of(("axes", axis.name, index)), unknown_value(own, value)
        for part in ("include", "exclude"):
            for index, entry in enumerate(getattr(suite, part) if suite.scenario in axis.choices_in else ()):
                if axis.name in entry and not own.knows(entry[axis.name]):
                    yield root.line_of((part, index)), unknown_value(own, entry[axis.name])


def _of_endurance(suite: Suite) -> Iterator[str]:
    asked, limit_s = suite.endurance, suite.procedure.time_limit_s
    if asked is None:
        return
    if (asked.minutes is None) == (asked.steps is None):
        yield "endurance takes either minutes or steps"
    if asked.minutes is not None and asked.minutes * _MINUTE_S >= limit_s:
        yield f"endurance of {asked.minutes:g} minutes does not fit into time_limit_s, which is {limit_s:g} s for a whole trial"


def _of_capacity(suite: Suite, over: str, root: Node) -> Iterator[Finding]:
    for part in ("include", "exclude"):
        for index, entry in enumerate(getattr(suite, part)):
            if over in entry:
                yield root.line_of((part, index)), f"{part} names {over}, whose largest value is what this capacity seeks"
