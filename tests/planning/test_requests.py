"""Streams of requests in a suite: what they are part of, and what contradicts itself."""

from pathlib import Path

import pytest

from bench.domain.particulars import PagedCache, Requests, Targets
from tests.support.suites import HEAD, a_file, planned, problems

SCENARIO = HEAD + "scenario: requests\n"
STREAM = "count: 3, prompt_tokens: {uniform: [40, 8]}, new_tokens: 4"


def told(folder: Path, text: str) -> list[str]:
    return [said for _, said in problems(folder, text)]


def test_a_stream_is_part_of_what_its_cases_are(tmp_path: Path) -> None:
    text = SCENARIO + f"requests: {{{STREAM.replace('40, 8', '8, 40')}}}\ncache: {{page_size: 16}}\nslo: {{ttft: 0.5}}\n"
    plan = planned(a_file(tmp_path, text))
    assert plan.suites[0].requests == Requests(
        count=3, prompt_tokens={"uniform": [8, 40]}, new_tokens=4, cache=PagedCache(page_size=16), slo=Targets(ttft=0.5)
    )
    requested = plan.cases[0].case.requested
    assert requested["requests"] == {
        "count": 3, "prompt_tokens": {"uniform": [8, 40]}, "new_tokens": 4, "arrival": "all", "seed": 0,
        "cache": {"page_size": 16}, "slo": {"ttft": 0.5},
    }  # fmt: skip
    assert not requested.keys() & {"prompt_tokens", "new_tokens", "cache", "depth", "mask"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (SCENARIO, "scenario requests needs its own key, such as requests: {count: 100"),
        (HEAD + f"requests: {{{STREAM.replace('40, 8', '8, 40')}}}\n", "requests is for scenario: requests"),
        (HEAD + "slo: {ttft: 1.0}\n", "slo is for scenario: requests, beside its requests"),
        (SCENARIO + f"requests: {{{STREAM}}}\n", "prompt_tokens uniform takes the shortest and the longest length"),
        (SCENARIO + "requests: {count: 3, prompt_tokens: 0, new_tokens: 4}\n", "prompt_tokens takes a whole number of tokens"),
        (SCENARIO + "requests: {count: 3, prompt_tokens: {normal: [1, 2]}, new_tokens: 4}\n", "takes uniform and choice, not"),
        (SCENARIO + "requests: {count: 0, prompt_tokens: 8, new_tokens: 4}\n", "count 0 cannot be used"),
        (SCENARIO + "requests: {count: 3, arrival: poisson, prompt_tokens: 8, new_tokens: 4}\n", "need their rate"),
        (SCENARIO + "requests: {count: 3, rate: 2.0, prompt_tokens: 8, new_tokens: 4}\n", "have no rate: all are there at once"),
        (
            SCENARIO + "requests: {count: 3, prompt_tokens: 30, new_tokens: 4}\ncache: {page_size: 16, num_blocks: 2}\n",
            "the cache holds 32 tokens, and the longest request has 34",
        ),
    ],
)
def test_what_makes_no_sense_is_told(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in one for one in told(tmp_path, text)), told(tmp_path, text)
