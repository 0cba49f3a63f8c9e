"""Experiments as data: which arms are compared, doing what, on which chunks."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from typing import Any

from . import registry
from .errors import LabError
from .operations import OPERATIONS
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
class Experiment:
    """A question, the arms that answer it, the baseline they are compared with, and the cells."""

    name: str
    question: str
    baseline: str
    arms: tuple[str, ...]
    cells: tuple[Cell, ...]
    margin: float = MARGIN
    open: bool = field(default=False)

    def as_data(self) -> dict[str, Any]:
        """The experiment as it is written into the results."""
        return {
            "name": self.name,
            "question": self.question,
            "baseline": self.baseline,
            "arms": list(self.arms),
            "margin": self.margin,
            "cells": [asdict(cell) | {"name": cell.name} for cell in self.cells],
        }


def known() -> list[str]:
    """Names of the experiments that there are."""
    folder = resources.files(__package__) / "experiments"
    return sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))


def read(name: str) -> Experiment:
    """An experiment by name, with the arms that an open one gains from what is installed; LabError if unknown."""
    if name not in known():
        raise LabError(f"unknown experiment '{name}'; there are: {', '.join(known())}")
    text = (resources.files(__package__) / "experiments" / f"{name}.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    cells = tuple(Cell(c["operation"], c["size"], c["pool"], c.get("model", "")) for c in data["cells"])
    arms = list(data["arms"])
    if data.get("open", False):
        arms += [name for name in _conforming() if name not in arms and name != data["baseline"]]
    return Experiment(
        name,
        data["question"],
        data["baseline"],
        tuple(arms),
        cells,
        data.get("margin", MARGIN),
        data.get("open", False),
    )


def comparison(baseline: str, arm: str, sizes: Sequence[str], margin: float) -> Experiment:
    """The experiment of `compare`: two arms, appending and decoding."""
    cells = tuple(Cell(operation, size, "warm") for size in sizes for operation in ("append", "decode"))
    question = f"How does {arm} compare with {baseline}?"
    return Experiment("compare", question, baseline, (arm,), cells, margin)


def narrowed(experiment: Experiment, arms: Iterable[str], sizes: Iterable[str]) -> Experiment:
    """The experiment with only the given arms and sizes (all of them where none are given).

    The baseline always stays. An arm that an open experiment does not name is added. A size that no cell has takes the
    operations and pools of the experiment's cells, but for those of the whole recording. LabError for a size that is
    none.
    """
    wanted, chosen = list(dict.fromkeys(arms)), list(dict.fromkeys(sizes))
    if wanted:
        extra = [name for name in wanted if experiment.open and name not in experiment.arms]
        kept = tuple(name for name in (*experiment.arms, *extra) if name in wanted and name != experiment.baseline)
        experiment = replace(experiment, arms=kept)
    if chosen:
        cells: list[Cell] = []
        for size in chosen:
            parse_size(size)
            own = [cell for cell in experiment.cells if cell.size == size]
            kinds = dict.fromkeys((cell.operation, cell.pool) for cell in experiment.cells if cell.pool != "pass")
            cells += own or [Cell(operation, size, pool) for operation, pool in kinds if operation in OPERATIONS]
        experiment = replace(experiment, cells=tuple(cells))
    return experiment


def _conforming() -> list[str]:
    """Names of the installed implementations, but for those that say they do not keep the contract."""
    arms = [arm for arm in registry.find_arms().values() if arm.kind == "implementation"]
    return [row.name for row in map(registry.load, arms) if row.contract != "report"]
