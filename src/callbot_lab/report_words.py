"""The parts of a run as the tables of the report page have them: rows of words, computed from its frames."""

from __future__ import annotations

from typing import Any

import pandas as pd

from . import ablation, costsummary, figures, summary, wording
from .costmodel import CostModel
from .worker import EMPTY, NULL


def rows_of(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a cell for the table: competitors by ratio, then the null arm, the empty call, the lacking."""
    worded = []
    for row in figures.ordered(rows).to_dict("records"):
        measured = row["status"] == summary.MEASURED
        line = {"arm": row["arm"], "status": row["status"], "reason": row["reason"], "measured": measured}
        if measured:
            kind = {NULL: "null arm", EMPTY: "a bound, no arm"}.get(row["arm"], "a bound" if row["bound"] else None)
            line |= {
                "language": row["language"],
                "ratio": wording.ratio(row["ratio"]),
                "interval": wording.interval(row["low"], row["high"]),
                "bootstrap": wording.interval(row["boot_low"], row["boot_high"]),
                "verdict": kind or row["verdict"],
                "competes": kind is None,
                "detected": "yes" if row["detected"] else "no",
                "matters": "yes" if row["matters"] else "no",
                "smallest": wording.effect(row["smallest"]),
                "workers": int(row["workers"]),
                "times": [wording.number(row[name]) for name in ("p10", "p50", "p99")],
            }
        worded.append(line)
    return worded


def steps_of(made: ablation.Chain) -> list[dict[str, Any]]:
    """The steps of an ablation for their table; the first is where it starts."""
    worded = []
    for step in made.steps.to_dict("records"):
        measured = step["status"] == summary.MEASURED
        line = {key: step[key] for key in ("arm", "change", "meaning", "status", "reason", "against")}
        line |= {"measured": measured, "label": ablation.label(step), "ratio": "", "interval": "", "verdict": ""}
        if measured:
            line["total"] = wording.ratio(step["total"])
            line["total_interval"] = wording.interval(step["total_low"], step["total_high"])
        if measured and step["against"]:
            line |= {"ratio": wording.ratio(step["ratio"]), "verdict": step["verdict"]}
            line["interval"] = wording.interval(step["low"], step["high"])
        worded.append(line)
    return worded


def model_of(model: CostModel) -> dict[str, Any]:
    """A cost model in words: its tables and sentences."""
    return {
        "fits": costsummary.fit_rows(model),
        "errors": costsummary.error_table(model),
        "crossings": costsummary.crossing_rows(model),
        "lines": [costsummary.holds_line(model), *filter(None, [costsummary.others_line(model)])],
    }


def matrix_of(pairs: pd.DataFrame, ranked: pd.DataFrame, baseline: str) -> dict[str, Any]:
    """Pairs as a matrix, both ways ordered from fast to slow."""
    ratios = {baseline: 1.0, **dict(zip(ranked["arm"], ranked["ratio"], strict=True))}
    names = sorted(ratios, key=lambda name: -ratios[name])
    cells = {
        (row["arm"], row["against"]): {
            "ratio": wording.ratio(row["ratio"]),
            "interval": wording.interval(row["low"], row["high"]),
            "verdict": row["verdict"],
        }
        for row in pairs.to_dict("records")
    }
    return {"names": names, "cells": cells}


def alternative(rows: pd.DataFrame) -> str:
    """What a forest shows, for those who do not see it."""
    parts = []
    for _, row in rows.iterrows():
        if row["arm"] in (NULL, EMPTY):
            continue
        if row["status"] == summary.MEASURED:
            interval = wording.interval(row["low"], row["high"])
            said = f"{wording.ratio(row['ratio'])} ({interval}), {row['verdict']}"
        else:
            said = f"not measured, {row['status']}"
        parts.append(f"{summary.describe(row)}: {row['arm']} {said}.")
    return " ".join(parts)
