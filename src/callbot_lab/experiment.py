"""Experiments as data: which arms are compared, doing what, on which chunks."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from itertools import product
from typing import Any

from . import registry
from .errors import LabError
from .operations import OPERATIONS, name_of, operation_of, spell
from .workload import parse_size

MARGIN = 0.03
"""Ratio within which two arms count as equivalent, for kernels; experiments that decide declare a wider one."""

FIT, CHECK = "fit", "check"
"""What a cell is to the cost model of its experiment; the cells of one model differ in nothing but their size."""


@dataclass(frozen=True)
class Cell:
    """One comparison: an operation on the chunks of a size, out of a pool."""

    operation: str
    size: str
    pool: str
    model: str = ""
    """Whether the experiment's cost model is fitted on it (FIT), held against it (CHECK), or neither."""

    @property
    def name(self) -> str:
        """Short name, such as `append-1280-warm`."""
        return f"{self.operation}-{self.size}-{self.pool}"


@dataclass(frozen=True)
class Step:
    """One arm of an ablation and what it changes against the step before, in a word and in a sentence."""

    arm: str
    change: str
    meaning: str


@dataclass(frozen=True)
class Experiment:
    """A question, the arms that answer it, the baseline they are compared with, and the cells.

    An arm is a name, or NAME@OPERATION for one that does something else than its cell says. An ablation has `steps`:
    the first is the baseline, the others are the arms, in their order; `report` names the two steps that the seed
    report compared. `default` marks what a report measures unless it is told. An experiment on where the boundary to
    native code should run has `against`: the arms that its arms are compared with, the baseline among them. LabError
    for an unknown operation.
    """

    name: str
    question: str
    baseline: str
    arms: tuple[str, ...]
    cells: tuple[Cell, ...]
    margin: float = MARGIN
    open: bool = field(default=False)
    default: bool = field(default=False)
    steps: tuple[Step, ...] = ()
    report: tuple[str, ...] = ()
    against: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for arm, cell in product((self.baseline, *self.arms), self.cells):
            operation_of(arm, cell.operation)

    def as_data(self) -> dict[str, Any]:
        """The experiment as it is written into the results."""
        data: dict[str, Any] = {
            "name": self.name,
            "question": self.question,
            "baseline": self.baseline,
            "arms": list(self.arms),
            "margin": self.margin,
            "cells": [asdict(cell) | {"name": cell.name} for cell in self.cells],
        }
        if self.steps:
            data |= {"steps": [asdict(step) for step in self.steps], "report": list(self.report)}
        if self.against:
            data["against"] = list(self.against)
        return data


def of_data(data: dict[str, Any]) -> Experiment:
    """The experiment that as_data wrote."""
    return Experiment(
        data["name"],
        data["question"],
        data["baseline"],
        tuple(data["arms"]),
        tuple(Cell(c["operation"], c["size"], c["pool"], c["model"]) for c in data["cells"]),
        data["margin"],
        steps=tuple(Step(**step) for step in data.get("steps", ())),
        report=tuple(data.get("report", ())),
        against=tuple(data.get("against", ())),
    )


def known() -> list[str]:
    """Names of the experiments that there are."""
    folder = resources.files(__package__) / "experiments"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def defaults() -> list[str]:
    """Names of the experiments that a report measures unless it is told which."""
    return [name for name in known() if read(name).default]


def read(name: str) -> Experiment:
    """An experiment by name, with the arms that an open one gains from what is installed; LabError if unknown."""
    if name not in known():
        raise LabError(f"unknown experiment '{name}'; there are: {', '.join(known())}")
    text = (resources.files(__package__) / "experiments" / f"{name}.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    cells = tuple(Cell(c["operation"], c["size"], c["pool"], c.get("model", "")) for c in data["cells"])
    steps = tuple(Step(spell(s["arm"], s["operation"]), s["change"], s["meaning"]) for s in data.get("steps", ()))
    baseline, *arms = [step.arm for step in steps] or [data["baseline"], *data["arms"]]
    if data.get("open", False):
        arms += _others({baseline, *arms})
    return Experiment(
        name,
        data["question"],
        baseline,
        tuple(arms),
        cells,
        data.get("margin", MARGIN),
        data.get("open", False),
        data.get("default", False),
        steps,
        tuple(data.get("report", ())),
        tuple(data.get("against", ())),
    )


def comparison(baseline: str, arm: str, sizes: Sequence[str], margin: float) -> Experiment:
    """The experiment of `compare`: two arms, appending and decoding."""
    cells = tuple(Cell(operation, size, "warm") for size in sizes for operation in ("append", "decode"))
    question = f"How does {arm} compare with {baseline}?"
    return Experiment("compare", question, baseline, (arm,), cells, margin)


def narrowed(experiment: Experiment, arms: Iterable[str], sizes: Iterable[str]) -> Experiment:
    """The experiment with only the given arms and sizes (all of them where none are given).

    An arm is taken by its full spelling or by its name alone, whatever it does. The baseline always stays. An arm that
    an open experiment does not name is added. A size that no cell has takes the operations and pools of the
    experiment's cells, but for those of the whole recording. An ablation that lacks an arm is a comparison with its
    baseline, and no chain of steps. LabError for a size that is none.
    """
    wanted, chosen = list(dict.fromkeys(arms)), list(dict.fromkeys(sizes))
    if wanted:
        extra = [name for name in wanted if experiment.open and name not in experiment.arms]
        kept = [arm for arm in (*experiment.arms, *extra) if arm in wanted or name_of(arm) in wanted]
        kept = [arm for arm in kept if arm != experiment.baseline]
        # Steps that are left out would count as what the next one changes; arms that are no chain claim nothing.
        whole = len(kept) == len(experiment.arms)
        steps, report = (experiment.steps, experiment.report) if whole else ((), ())
        experiment = replace(experiment, arms=tuple(kept), steps=steps, report=report)
    if chosen:
        cells: list[Cell] = []
        for size in chosen:
            parse_size(size)
            own = [cell for cell in experiment.cells if cell.size == size]
            kinds = dict.fromkeys((cell.operation, cell.pool) for cell in experiment.cells if cell.pool != "pass")
            cells += own or [Cell(operation, size, pool) for operation, pool in kinds if operation in OPERATIONS]
        experiment = replace(experiment, cells=tuple(cells))
    return experiment


def _others(named: Iterable[str]) -> list[str]:
    """Installed implementations of distributions that none of the named arms is from, if they keep the contract.

    A distribution that is named has chosen its arms there: the variants that it has besides are for other experiments.
    """
    found = registry.find_arms()
    origins = {found[name_of(arm)].origin for arm in named if name_of(arm) in found}
    others = [arm for arm in found.values() if arm.kind == "implementation" and arm.origin not in origins]
    return [row.name for row in map(registry.load, others) if row.contract != "report"]
