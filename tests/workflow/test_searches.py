"""Probes of a search, kept in a run's directory: they are found again by their trial, and are no records of trials."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.domain.errors import RecordsError
from bench.domain.plan import Trial
from bench.execution.trial import origin
from bench.store import select
from bench.workflow.searches import FILE, Searches
from tests.support.builders import a_record
from tests.support.cases import a_trial


def a_probe(trial: Trial, number: int = 0) -> object:
    return replace(a_record(trial.planned.case), suite=origin(trial.planned.suite), trial=number)


def test_probes_are_found_again_by_their_trial(tmp_path: Path) -> None:
    searches, trial = Searches(directory=tmp_path), a_trial()
    assert searches.of(trial) == []
    for number in (0, 1, 0):
        searches.keep(a_probe(trial, number))  # type: ignore[arg-type]
    assert len(searches.of(trial)) == 2
    assert len(searches.of(replace(trial, number=1))) == 1


def test_a_torn_probe_is_left_out(tmp_path: Path) -> None:
    searches, trial = Searches(directory=tmp_path), a_trial()
    searches.keep(a_probe(trial))  # type: ignore[arg-type]
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"schema": 2, "run')
    assert len(searches.of(trial)) == 1
    searches.keep(a_probe(trial))  # type: ignore[arg-type]
    assert len(searches.of(trial)) == 2


def test_probes_are_no_rows_of_a_report(tmp_path: Path) -> None:
    Searches(directory=tmp_path).keep(a_probe(a_trial()))  # type: ignore[arg-type]
    with pytest.raises(RecordsError):
        select.read([tmp_path])
