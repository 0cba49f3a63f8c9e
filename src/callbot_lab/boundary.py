"""Where the boundary between Python and native code should run: what each step of moving it buys, in each language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd

from . import analysis, summary, wording
from .ablation import Estimate
from .figures import style
from .operations import BOUNDARIES, name_of, operation_of
from .results import RunData

MARKS = ["panel", "boundary", "arm", "language", "native", "ratio", "low", "high", "null_band"]
"""Columns of a table of marks, from which weigh, title and figures.boundary_costs are made.

`panel`: what is compared within it, such as a format. `boundary`: by the last thing that lies inside it; from Python
outwards, in the order in which the rows first name them. `arm`: the same name at every boundary. `language`, and
`native`: whether the arm is an implementation in native code; only those are weighed. `ratio`, `low`, `high`: how many
times as fast the arm is as the baseline, with the interval, as in analysis.analyse_cell. `null_band`: how far the null
arm's interval reaches from 1, as a logarithm.
"""

BOUNDARY, LANGUAGE = "boundary", "language"


def marks(table: pd.DataFrame, experiment: dict[str, Any]) -> pd.DataFrame:
    """The measured arms of an experiment on the boundary, as MARKS; `table` is summary.summarise of its run."""
    rows = table[(table["experiment"] == experiment["name"]) & (table["status"] == summary.MEASURED)]
    places = {arm: place for place, arm in enumerate(experiment["arms"])}
    rows = rows[rows["arm"].isin(places)].sort_values("arm", key=lambda arms: arms.map(places), kind="stable")
    found = [
        {
            "panel": row["size"],
            "boundary": operation_of(row["arm"], row["operation"]).boundary,
            "arm": name_of(row["arm"]),
            "language": row["language"],
            "native": row["kind"] == "implementation" and row["binding"] != "none",
            **{key: row[key] for key in ("ratio", "low", "high", "null_band")},
        }
        for row in rows.to_dict("records")
    ]
    found.sort(key=lambda row: BOUNDARIES.index(row["boundary"]))
    return pd.DataFrame(found, columns=MARKS)


@dataclass(frozen=True)
class Weight:
    """What two boundaries in one language, and two languages at one boundary, typically make of the cost of a message.

    Medians of ratios, the larger cost over the smaller, over all such pairs; None if there is no pair. The intervals
    hold whenever those of all marks do: no noise cancels in them. `more` says which of the two moves the cost more,
    BOUNDARY or LANGUAGE, if the intervals are further apart than the null band; else it is empty.
    """

    boundary: Estimate | None
    language: Estimate | None
    languages: list[str]
    more: str


def weigh(found: pd.DataFrame) -> Weight:
    """Weigh boundary against language in a table of MARKS; of a language at a boundary the fastest arm counts."""
    native = found[found["native"].astype(bool)].sort_values("ratio", ascending=False, kind="stable")
    best = native.drop_duplicates(["panel", "boundary", "language"])
    by_boundary = _typical(rows for _, rows in best.groupby(["panel", "language"]))
    by_language = _typical(rows for _, rows in best.groupby(["panel", "boundary"]))
    more = ""
    if by_boundary and by_language:
        band = np.exp(native["null_band"].max())
        if by_boundary.low > by_language.high * band:
            more = BOUNDARY
        elif by_language.low > by_boundary.high * band:
            more = LANGUAGE
    return Weight(by_boundary, by_language, sorted(set(native["language"])), more)


def _typical(groups: Iterable[pd.DataFrame]) -> Estimate | None:
    """Median over all pairs within the groups of the ratio of their costs, the larger over the smaller."""
    pairs = []
    for group in groups:
        with np.errstate(divide="ignore"):  # too few workers for an interval: it begins at 0
            logs = np.log(group[["ratio", "low", "high"]].to_numpy(float))
        for (one, one_low, one_high), (other, other_low, other_high) in combinations(logs, 2):
            ends = (one_low - other_high, one_high - other_low)
            least = 0.0 if ends[0] <= 0 <= ends[1] else min(map(abs, ends))
            pairs.append((abs(one - other), least, max(map(abs, ends))))
    return Estimate(*map(float, np.exp(np.median(np.array(pairs), axis=0)))) if pairs else None


def title(found: pd.DataFrame) -> str:
    """Which moves the cost of a message more, the boundary or the language, in one sentence."""
    weight = weigh(found)
    unknown = "Which moves the cost of a message more, the boundary or the language, cannot be told here"
    if weight.boundary is None:
        return f"{unknown}: no language with native code was measured at two boundaries."
    if weight.language is None:
        return f"{unknown}: no two languages with native code were measured at the same boundary."
    said = {
        BOUNDARY: f"two boundaries in one language differ by a factor of {_factor(weight.boundary)}",
        LANGUAGE: f"two languages ({wording.listing(weight.languages)}) at one boundary by {_factor(weight.language)}",
    }
    ends = f"{said[BOUNDARY]}, {said[LANGUAGE]}, in the median"
    if not weight.more:
        return f"{unknown}: {ends}."
    less = LANGUAGE if weight.more == BOUNDARY else BOUNDARY
    return f"The {weight.more} moves the cost of a message more than the {less} does: {ends}."


def _factor(found: Estimate) -> str:
    return f"{wording.ratio(found.value)} ({wording.interval(found.low, found.high)})"


def ratios(run: RunData, experiment: dict[str, Any]) -> pd.DataFrame:
    """What the arms of an experiment on the boundary are against those that it names, and against their step before.

    A row for every two such arms in every cell: the columns of analysis.pairwise, `cell`, `boundary` of the arm, and
    `inwards`: of a step the boundary that the same arm has in `against`, the next one further in that was measured;
    empty in a row against an arm that the experiment names.
    """
    tables = []
    for cell in experiment["cells"]:
        pairs = analysis.pairwise(run, experiment["name"], cell["name"], experiment["margin"])
        pairs = pairs.assign(cell=cell["name"], boundary=pairs["arm"].map(boundary_of), inwards="")
        tables.append(pairs[pairs["against"].isin(experiment["against"])])
        measured = [arm for arm in experiment["arms"] if arm in set(pairs["arm"])]
        for steps in _by_name(measured):
            for before, after in pairwise(steps):
                own = pairs[(pairs["arm"] == after) & (pairs["against"] == before)]
                tables.append(own.assign(inwards=boundary_of(before)))
    return pd.concat(tables, ignore_index=True)


def boundary_of(arm: str) -> str:
    """The boundary of an arm that is spelled with its operation."""
    return operation_of(arm, "").boundary


def _by_name(arms: Iterable[str]) -> list[list[str]]:
    """Spellings of the same arm together, from Python outwards."""
    names: dict[str, list[str]] = {}
    for arm in arms:
        names.setdefault(name_of(arm), []).append(arm)
    return [sorted(spelled, key=lambda arm: BOUNDARIES.index(boundary_of(arm))) for spelled in names.values()]


def lines(table: pd.DataFrame, found: pd.DataFrame, experiment: dict[str, Any]) -> list[str]:
    """What an experiment on the boundary found, in sentences: what moves the cost more, each step, the last step.

    `table` is summary.summarise of its run, `found` is what ratios gives.
    """
    here = marks(table, experiment)
    said = [title(here)]
    for (inwards, boundary), rows in found[found["inwards"] != ""].groupby(["inwards", "boundary"], sort=False):
        arms = rows.groupby(rows["arm"].map(name_of), sort=False)
        each = [f"{name} {style.ratios(own['ratio'])}" for name, own in arms]
        said.append(
            f"How many times as fast an arm is with the boundary at {boundary} instead of {inwards}: "
            f"{wording.listing(each)}."
        )
    native = set(here.loc[here["native"].astype(bool), "arm"])
    measured = [arm for arm in experiment["arms"] if arm in set(found["arm"]) and name_of(arm) in native]
    for *_, furthest in _by_name(measured):
        own = found[(found["arm"] == furthest) & (found["inwards"] == "")]
        pairs = [(other, own[own["against"] == other]) for other in experiment["against"]]
        tallies = [f"against {other} {summary.tally(rows)}" for other, rows in pairs if len(rows)]
        said.append(f"{furthest}: {'; '.join(tallies)}.")
    return said


def furthest_table(found: pd.DataFrame, experiment: dict[str, Any]) -> str:
    """Every arm, with the boundary as far out as it goes, against each arm that the experiment names, in Markdown.

    A row a cell and arm: how many times as fast. `found` is what ratios gives.
    """
    named = found[found["inwards"] == ""]
    furthest = [steps[-1] for steps in _by_name(arm for arm in experiment["arms"] if arm in set(named["arm"]))]
    rows = []
    for cell in experiment["cells"]:
        for arm in (name for name in furthest if name not in experiment["against"]):
            own = named[(named["cell"] == cell["name"]) & (named["arm"] == arm)].set_index("against")
            ratios_of = [own.loc[other] if other in own.index else None for other in experiment["against"]]
            said = [
                "" if one is None else f"{wording.ratio(one['ratio'])} ({wording.interval(one['low'], one['high'])})"
                for one in ratios_of
            ]
            rows.append([cell["size"], f"`{arm}`", *said])
    return wording.table(["messages", "arm", *(f"against `{other}`" for other in experiment["against"])], rows)


def rows_of(table: pd.DataFrame, found: pd.DataFrame, experiment: dict[str, Any]) -> list[dict[str, Any]]:
    """The ratios in words, for a table: `where` and `rows` of every cell.

    A row has `arm`, `boundary`, `cells` (against each of the arms that the experiment names, and last against its own
    step before), each with `ratio`, `interval`, `verdict`, or None; and `reason` if the arm was not measured.
    """
    cells = []
    for cell in experiment["cells"]:
        here = found[found["cell"] == cell["name"]]
        rows = []
        for arm in experiment["arms"]:
            own = here[here["arm"] == arm]
            against = [own[(own["against"] == other) & (own["inwards"] == "")] for other in experiment["against"]]
            entries = [_entry(one) for one in (*against, own[own["inwards"] != ""])]
            about = table[(table["experiment"] == experiment["name"]) & (table["cell"] == cell["name"])]
            status = about[about["arm"] == arm].iloc[0]
            lacking = status["status"] != summary.MEASURED
            reason = f"{status['status']}: {wording.short(status['reason'])}" if lacking else ""
            rows.append({"arm": arm, "boundary": boundary_of(arm), "cells": entries, "reason": reason})
        cells.append({"where": wording.cell("", cell["size"], cell["pool"]).removeprefix(", "), "rows": rows})
    return cells


def _entry(rows: pd.DataFrame) -> dict[str, str] | None:
    if rows.empty:
        return None
    row = rows.iloc[0]
    interval = wording.interval(row["low"], row["high"])
    return {"ratio": wording.ratio(row["ratio"]), "interval": interval, "verdict": str(row["verdict"])}
