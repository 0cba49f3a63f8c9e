"""Experiments are data: what is written is what is measured, and narrowing takes away only what was not asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from callbot_lab import experiment
from callbot_lab.errors import LabError
from callbot_lab.experiment import Cell, Experiment, Step, narrowed
from callbot_lab.operations import OPERATIONS
from callbot_lab.workload import parse_size

from . import packages

STEPS = (Step("a@process", "start", "."), Step("b@process", "language", "."), Step("b@append", "lookup", "."))
CHAIN = Experiment(
    "chain", "Where from?", "a@process", ("b@process", "b@append"), (Cell("process", "callbot", "warm"),), steps=STEPS
)


@pytest.mark.parametrize("name", experiment.known())
def test_every_experiment_names_what_there_is(name: str) -> None:
    read = experiment.read(name)
    assert read.arms
    assert len(set(read.arms)) == len(read.arms)
    assert len({cell.name for cell in read.cells}) == len(read.cells)
    for cell in read.cells:
        assert cell.operation in OPERATIONS
        parse_size(cell.size)
    assert [step.arm for step in read.steps] in ([], [read.baseline, *read.arms])
    assert len(read.report) == (2 if read.steps else 0)
    assert set(read.report) <= {step.arm for step in read.steps}


def test_a_report_measures_what_is_marked() -> None:
    assert set(experiment.defaults()) < set(experiment.known())
    assert all(experiment.read(name).default for name in experiment.defaults())


def test_an_unknown_operation_of_an_arm_is_one_line() -> None:
    with pytest.raises(LabError, match="unknown operation 'nix' of the arm 'b@nix'"):
        Experiment("e", "?", "a", ("b@nix",), CHAIN.cells)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (["b"], ("b@process", "b@append")),
        (["b@append"], ("b@append",)),
        (["b@append", "b"], ("b@process", "b@append")),
        (["a"], ()),
        (["b@decode"], ()),
    ],
)
def test_narrowing_takes_full_spelling_and_bare_name(asked: list[str], kept: tuple[str, ...]) -> None:
    found = narrowed(CHAIN, asked, [])
    assert found.baseline == "a@process"
    assert found.arms == kept
    whole = kept == CHAIN.arms
    assert (found.steps, found.report) == ((CHAIN.steps, CHAIN.report) if whole else ((), ()))


def test_steps_are_written_into_the_results() -> None:
    data = CHAIN.as_data()
    assert data["steps"][1] == {"arm": "b@process", "change": "language", "meaning": "."}
    assert "steps" not in Experiment("e", "?", "a", ("b",), CHAIN.cells).as_data()


def test_an_open_experiment_gains_other_distributions_and_no_variants(install: Callable[..., Path]) -> None:
    install("newcomer", packages.GOOD)
    install("designs", packages.GOOD + "BUILD['contract'] = 'report'\n")
    arms = experiment.read("best").arms
    assert "newcomer" in arms
    assert "designs" not in arms
    # A distribution that is named has chosen: of its others none comes in.
    others = experiment._others({"python"})
    assert "rust-crate" in others
    assert "python-pybase64" not in others
