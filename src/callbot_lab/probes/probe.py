"""What one such experiment is: a definition, which is data, and a module that plans its jobs and performs one."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module, resources
from types import ModuleType
from typing import Any, Protocol, cast

import pyarrow as pa
from rich.table import Table

from ..errors import LabError
from ..registry import Loaded

Job = dict[str, Any]
"""What one process is to do, as JSON. `arm` is the arm it is about, or missing; `pinned` (true unless it says
otherwise) whether the process is bound to one CPU; the rest is the probe's own."""

Row = dict[str, Any]
"""A row of what was measured, by the names of the probe's columns."""


@dataclass(frozen=True)
class Definition:
    """A probe's question and what it is asked of, as NAME.toml says; `data` is all of that file."""

    name: str
    question: str
    arms: tuple[str, ...]
    data: dict[str, Any]

    @property
    def in_all(self) -> bool:
        """Whether it is measured where all experiments are; one that says `apart = true` has a time of its own."""
        return not self.data.get("apart", False)


class Probe(Protocol):
    """What a probe's module offers."""

    COLUMNS: pa.Schema
    """Columns of its rows, each with its type; the codebook says what they mean."""

    def jobs(self, definition: Definition, rows: Sequence[Loaded], profile: str) -> list[Job]:
        """Everything that is to be done, with those arms, in the profile `glance`, `quick` or `full`."""

    def perform(self, job: Job, say: Callable[[str], None]) -> list[Row]:
        """Do one job in this process, which does nothing else; `say` tells the user what is being done."""

    def table(self, rows: Any) -> Table:
        """What a data frame of all rows says, for the terminal."""


def known() -> list[str]:
    """Names of the probes that there are: each has a NAME.toml here, and a module NAME."""
    found = resources.files(__package__).iterdir()
    return sorted(item.name.removesuffix(".toml") for item in found if item.name.endswith(".toml"))


def read(name: str) -> Definition:
    """The definition of a probe; LabError if there is none of that name."""
    if name not in known():
        raise LabError(f"unknown probe '{name}'; there are: {', '.join(known())}")
    data = tomllib.loads((resources.files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))
    return Definition(name, data["question"], tuple(data.get("arms", ())), data)


def module(name: str) -> Probe:
    """The module of a probe; imported only when it is needed, so that a process is as bare as can be."""
    found: ModuleType = import_module(f".{name}", __package__)
    return cast(Probe, found)
