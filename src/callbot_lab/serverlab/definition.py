"""What the experiment `server` compares, as data (server.toml)."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, replace
from importlib import resources
from typing import Any

from ..errors import LabError
from ..server.formats import FORMATS
from .mix import Mix

NAME = "server"
PACED, FLOOD = "paced", "flood"
LOADS = (PACED, FLOOD)

SLOW, FAST, UNFRAMED, BEST = ROLES = ("slow", "fast", "unframed", "best")
"""Parts that mixes play: the report's two designs, the baseline without its framework, the fastest."""


@dataclass(frozen=True)
class Cell:
    """Mixes compared under one load: messages of a format over so many calls."""

    format: str
    load: str
    calls: int
    arms: tuple[str, ...]

    @property
    def name(self) -> str:
        """Short name, such as `callbot-paced`."""
        return f"{self.format}-{self.load}"


@dataclass(frozen=True)
class Capacity:
    """Mixes of which it is searched how many calls of a format one core carries, with the 99th percentile of the lag
    under so many milliseconds."""

    format: str
    lag_ms: float
    mixes: tuple[str, ...]


@dataclass(frozen=True)
class Boundary:
    """Mixes, one a language, in which compiled code begins at the same place of a message's way."""

    name: str
    mixes: tuple[str, ...]


@dataclass(frozen=True)
class Definition:
    """The experiment; `report` names the mixes that play a part in judging the seed report's claims (ROLES)."""

    question: str
    baseline: str
    margin: float
    cells: tuple[Cell, ...]
    capacity: tuple[Capacity, ...]
    boundaries: tuple[Boundary, ...]
    report: dict[str, str]

    def __post_init__(self) -> None:
        for name in self.mixes:
            Mix.parse(name)
        if set(self.report) != set(ROLES):
            raise LabError(f"an experiment needs a mix for each of {', '.join(ROLES)}")
        for cell in self.cells:
            if cell.load not in LOADS or cell.format not in FORMATS or cell.calls < 1:
                raise LabError(f"the cell {cell.name} with {cell.calls} calls makes no sense")

    @property
    def mixes(self) -> tuple[str, ...]:
        """Every mix that is named anywhere, the baseline first."""
        named = [self.baseline, *(arm for cell in self.cells for arm in cell.arms)]
        named += [mix for capacity in self.capacity for mix in capacity.mixes]
        return tuple(dict.fromkeys(named))

    def as_data(self) -> dict[str, Any]:
        """The experiment as it is written into the results."""
        return asdict(self) | {"name": NAME, "cells": [asdict(cell) | {"name": cell.name} for cell in self.cells]}


def read() -> Definition:
    """The experiment as it ships."""
    data = tomllib.loads((resources.files(__package__) / "server.toml").read_text(encoding="utf-8"))
    return Definition(
        data["question"],
        data["baseline"],
        data["margin"],
        tuple(Cell(c["format"], c["load"], c["calls"], tuple(c["arms"])) for c in data["cells"]),
        tuple(Capacity(c["format"], c["lag_ms"], tuple(c["mixes"])) for c in data["capacity"]),
        tuple(Boundary(b["name"], tuple(b["mixes"])) for b in data["boundaries"]),
        data["report"],
    )


def narrowed(definition: Definition, arms: list[str], formats: list[str]) -> Definition:
    """The experiment with only the given mixes (or those of given implementations) and formats; the baseline stays.

    A mix that no cell names is added to all of them. LabError for something that is neither.
    """
    if arms:
        known = {name for mix in definition.mixes for name in (mix, Mix.parse(mix).implementation)}
        extra = [str(Mix.parse(arm)) for arm in arms if arm not in known]

        def chosen(names: tuple[str, ...]) -> tuple[str, ...]:
            kept = [name for name in names if name in arms or Mix.parse(name).implementation in arms]
            return tuple(name for name in dict.fromkeys([*kept, *extra]) if name != definition.baseline)

        def searched(names: tuple[str, ...]) -> tuple[str, ...]:
            base = (definition.baseline,) if definition.baseline in names else ()
            return tuple(dict.fromkeys([*base, *chosen(names)]))

        definition = replace(
            definition,
            cells=tuple(replace(cell, arms=chosen(cell.arms)) for cell in definition.cells),
            capacity=tuple(replace(part, mixes=searched(part.mixes)) for part in definition.capacity),
        )
    if formats:
        definition = replace(
            definition,
            cells=tuple(cell for cell in definition.cells if cell.format in formats),
            capacity=tuple(part for part in definition.capacity if part.format in formats),
        )
    return replace(definition, cells=tuple(cell for cell in definition.cells if cell.arms))
