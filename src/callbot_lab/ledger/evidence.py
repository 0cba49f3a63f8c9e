"""What the claims of the report are held against, and what can become of one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from .. import ablation, wording
from ..analysis import pairwise, slots_of
from ..errors import LabError
from ..probes.recorded import ProbeData
from ..results import RunData
from ..serverlab.summary import ServerData
from ..summary import MEASURED

REPRODUCED = "reproduced"
REFUTED = "refuted"
INCONSISTENT = "inconsistent in itself"
NOT_TESTABLE = "not testable here"
NOT_TESTED = "not tested yet"
VERDICTS = (REPRODUCED, REFUTED, INCONSISTENT, NOT_TESTABLE, NOT_TESTED)

ROUNDING = 0.1
"""Share by which two figures may differ before they contradict each other."""

NONE = float("nan")


class Answer(NamedTuple):
    """What becomes of a claim: the verdict, why, and what this run found (in the claim's unit; NaN where nothing)."""

    verdict: str
    why: str
    ours: float = NONE
    low: float = NONE
    high: float = NONE


class Unanswered(Exception):
    """The run has nothing to answer a claim with; the message says why."""


@dataclass(frozen=True)
class Evidence:
    """What the claims are held against: a run, its summary, and all figures of the report by name."""

    run: RunData
    table: pd.DataFrame
    figures: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    interpreter: str
    servers: ServerData | None = None
    probes: ProbeData | None = None

    @property
    def whole(self) -> ServerData:
        """The run of whole servers; Unanswered without one."""
        if self.servers is None:
            raise Unanswered("no run of whole servers is at hand")
        return self.servers

    def probe(self, name: str) -> tuple[ProbeData, pd.DataFrame]:
        """A run of probes and the rows of one of them; Unanswered without."""
        if self.probes is None or name not in self.probes.rows:
            raise Unanswered(f"no run of {name} is at hand")
        return self.probes, self.probes.rows[name]

    def cell(self, experiment: str, operation: str) -> dict[str, Any]:
        """The cell that times an operation: on a whole pass, as the report did, if there is one."""
        found = [e for e in self.run.note["experiments"] if e["name"] == experiment]
        if not found:
            raise Unanswered(f"this run has no experiment {experiment}")
        cells = [cell for cell in found[0]["cells"] if cell["operation"] == operation]
        if not cells:
            raise Unanswered(f"experiment {experiment} has no cell for {operation} in this run")
        cell = next((cell for cell in cells if cell["pool"] == "pass"), cells[0])
        if not found[0]["arms"]:
            raise Unanswered(f"experiment {experiment} has no arm but its baseline in this run")
        return {**cell, "experiment": experiment, "baseline": found[0]["baseline"], "arm": found[0]["arms"][0]}

    def row(self, cell: dict[str, Any]) -> pd.Series:
        """The row of a cell's first arm; Unanswered with its status if it has no numbers."""
        self._need(cell, cell["baseline"], cell["arm"])
        place = (self.table["experiment"] == cell["experiment"]) & (self.table["cell"] == cell["name"])
        row: pd.Series = self.table[place & (self.table["arm"] == cell["arm"])].iloc[0]
        return row

    def pair(self, cell: dict[str, Any], arm: str, against: str) -> pd.Series:
        """Two named arms of a cell against each other; Unanswered if one has no numbers."""
        self._need(cell, arm, against)
        margin = self.run.experiment(cell["experiment"])["margin"]
        pairs = pairwise(self.run, cell["experiment"], cell["name"], margin)
        found = pairs[(pairs["arm"] == arm) & (pairs["against"] == against)]
        if found.empty:
            raise Unanswered(f"this run has not both {arm} and {against}")
        return found.iloc[0]

    def chain(self, cell: dict[str, Any]) -> ablation.Chain:
        """The steps of a cell of an ablation; Unanswered if they cannot be told."""
        made = ablation.chain(self.run, self.table, self.run.experiment(cell["experiment"]), cell)
        if made is None:
            raise Unanswered(f"experiment {cell['experiment']} has no two steps that were measured")
        return made

    def times(self, cell: dict[str, Any], arm: str) -> pd.Series:
        """Nanoseconds per chunk of every slot of an arm, by worker."""
        self._need(cell, arm)
        slots = slots_of(self.run, cell["experiment"], cell["name"])
        slots = slots[slots["arm"] == arm]
        if slots.empty:
            raise Unanswered(f"this run has no {arm} in {cell['name']}")
        return (slots["wall_ns"] / slots["chunks"]).set_axis(slots["worker"])

    def passes(self, cell: dict[str, Any], side: str) -> pd.Series:
        """Milliseconds of every slot of the baseline or the arm, per pass of as many chunks as the report's."""
        return self.times(cell, cell[side]) * self.figures["chunks"] / 1e6

    def _need(self, cell: dict[str, Any], *arms: str) -> None:
        table = self.table
        place = (table["experiment"] == cell["experiment"]) & (table["cell"] == cell["name"])
        for name in arms:
            lacking = table[place & (table["arm"] == name) & (table["status"] != MEASURED)]
            if len(lacking):
                status, reason = lacking.iloc[0][["status", "reason"]]
                raise Unanswered(f"{name} was not measured ({status}: {wording.short(reason)})")


Rule: TypeAlias = Callable[[pd.Series, dict[str, str], Evidence], Answer]
"""Judges a claim by a row of data/rules.csv."""


def later(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """A claim that another experiment will answer: the one that its rule names, else its own."""
    experiment = rule.get("experiment") or claim["experiment"]
    return Answer(NOT_TESTED, f"Experiment {experiment} will answer it: {claim['metric']}.{note_of(claim)}")


def note_of(claim: pd.Series) -> str:
    """What stands beside a claim in the report, as a sentence of its own; empty if nothing does."""
    note = str(claim["note"]).rstrip(".")
    return f" Note: {note}." if note else ""


def measured(arms: list[str], ask: Callable[[str], Any]) -> tuple[dict[str, Any], list[Unanswered]]:
    """What is found for each arm, in order, and why nothing is for the others."""
    found, lacking = {}, []
    for arm in arms:
        try:
            found[arm] = ask(arm)
        except Unanswered as reason:
            lacking.append(reason)
    return found, lacking


def declared(rule: dict[str, str]) -> tuple[float, float]:
    """The range that a rule declares."""
    found = range_in(rule["range"])
    if found is None:
        raise LabError(f"data/rules.csv: the rule {rule['rule']} needs a range such as '3 to 5', not '{rule['range']}'")
    return found


def place_of(cell: dict[str, Any]) -> dict[str, str]:
    """What wording.cell needs of a cell."""
    return {key: cell[key] for key in ("operation", "size", "pool")}


def met(apart: bool) -> str:
    """Whether two intervals meet, as a sentence."""
    return "The two do not overlap." if apart else "The two overlap."


def range_in(note: str) -> tuple[float, float] | None:
    """The range that a text gives, such as `2.1 to 3.4`; None if it gives none."""
    found = re.search(r"(\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)", note)
    return (float(found[1]), float(found[2])) if found else None
