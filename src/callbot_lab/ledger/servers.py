"""Rules for claims that a run of whole servers answers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import wording
from ..serverlab.summary import ServerData, capacities, ratio_of_costs
from .evidence import NOT_TESTABLE, NOT_TESTED, REFUTED, REPRODUCED, Answer, Evidence, Rule, Unanswered, met


def _carried(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """Calls that one core carries. The number is a machine's, so that of the faster side is judged by the ratio."""
    run, roles = evidence.whole, evidence.whole.note["definition"]["report"]
    mix = roles[rule["side"]]
    table = capacities(run, roles[rule["against"]] if rule["against"] else "")
    found = table[table["mix"] == mix] if len(table) else table
    if found.empty:
        raise Unanswered(f"no run searched for what a core carries with {mix}")
    row = found.iloc[0]
    numbers = (row["calls"], row["low"], row["high"])
    said = f"One core carries {wording.number(row['calls'])} calls ({wording.span(row['low'], row['high'])}) with {mix}"
    if not rule["against"]:
        why = (
            f"A figure of another machine, of which neither CPU nor number of cores is given. {said} here, for "
            f"orientation only."
        )
        return Answer(NOT_TESTABLE, why, *numbers)
    low, high = evidence.ranges[rule["spread"]]
    if "times" not in row or not np.isfinite([row["times_low"], row["times_high"]]).all():
        return Answer(NOT_TESTED, f"{said}; too few searches for an interval.", row["calls"])
    why = (
        f"{said}, {wording.ratio(row['times'])} times as many "
        f"({wording.interval(row['times_low'], row['times_high'])}, {int(row['searches'])} searches) as with "
        f"{roles[rule['against']]}. The report multiplies its calls by the ratio of a loop, whose own spread allows "
        f"{low:.1f} to {high:.1f}."
    )
    apart = row["times_high"] < low or row["times_low"] > high
    takes = _takes(run, float(claim["value"]))
    return Answer(REFUTED if apart else REPRODUCED, f"{why} {met(apart)}{takes}{_from(run)}", *numbers)


def _takes(run: ServerData, calls: float) -> str:
    """What it takes to carry so many calls here: the mix that held the most."""
    held = [rung for rung in run.note["held"] if rung["passed"] and rung["format"] == _main_format(run)]
    if not held:
        return ""
    most = max(held, key=lambda rung: int(rung["calls"]))
    carried = f"{wording.number(most['calls'])} calls for {most['seconds']:.0f} s with nothing lost"
    if most["calls"] >= calls:
        return f" What it takes to carry {wording.number(calls)} is {most['mix']}: that held {carried}."
    return f" Nothing here held {wording.number(calls)}: the most was {carried}, with {most['mix']}."


def _main_format(run: ServerData) -> str:
    """The format whose calls are meant where none is named: the first that was searched."""
    return str(run.note["definition"]["capacity"][0]["format"])


def _message(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """CPU per message of one whole server through that of another."""
    run, definition = evidence.whole, evidence.whole.note["definition"]
    mix = definition["report"][rule["side"]]
    against = definition["report"][rule["against"]] if rule["against"] else run.baseline
    cells = [cell["name"] for cell in definition["cells"]]
    found = {cell: times for cell in cells if (times := ratio_of_costs(run, cell, mix, against))}
    if not found:
        raise Unanswered(f"no run has both {mix} and {against}")
    said = [
        f"{wording.ratio(times[0])} times ({wording.interval(times[1], times[2])}) in {cell}"
        for cell, times in found.items()
    ]
    why = f"A message costs {against} so many times the CPU that it costs {mix}: {wording.listing(said)}."
    ratio, low, high = next(iter(found.values()))
    if not np.isfinite(high):
        return Answer(NOT_TESTED, f"{why} Too few workers for an interval.", ratio)
    if rule["spread"]:
        least, most = evidence.ranges[rule["spread"]]
        apart = high < least or low > most
        why = f"{why} The report's own spread allows {least:.1f} to {most:.1f}. {met(apart)}{_from(run)}"
        return Answer(REFUTED if apart else REPRODUCED, why, ratio, low, high)
    # A claim without a figure is that there is a difference: one that matters, beyond the margin.
    edge = 1 + definition["margin"]
    why = f"{why} Taken for a difference is more than {wording.margin(definition['margin'])}.{_from(run)}"
    verdict = REPRODUCED if low > edge else REFUTED if high < edge else NOT_TESTED
    return Answer(verdict, why, ratio, low, high)


def _from(run: ServerData) -> str:
    """Which run of whole servers says so, and of which machine."""
    return f" From {run.folder.name}, {run.note['environment']['cpu']['name']}."


RULES: dict[str, Rule] = {"carried": _carried, "message": _message}
"""By the name in data/rules.csv."""
