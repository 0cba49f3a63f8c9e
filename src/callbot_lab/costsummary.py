"""What can be said about a cost model: sentences, and tables in words for the page."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np

from . import wording
from .costmodel import FAILS, LIMITS, UNCHECKED, UNTOLD, CostModel
from .experiment import CHECK

MOST_CROSSINGS = 3
"""Crossovers that a headline names."""


def title(model: CostModel) -> str:
    """The message of the model in one or two sentences, for the figure."""
    good = sum(holds not in (FAILS, UNTOLD, UNCHECKED) for holds in model.fits["holds"])
    open_ = sum(holds == UNTOLD for holds in model.fits["holds"])
    said = f"A straight line predicts sizes held out within {wording.percent(LIMITS[-1], 0)} for {good or 'none'} of "
    said += wording.count(len(model.fits), "arm")
    return f"{half_line(model)} {said}{f' (too noisy to say for {open_})' if open_ else ''}."


def headline(model: CostModel) -> str:
    """The model's answer: where the call costs as much as the bytes, where a line holds, which arm overtakes which."""
    lines = crossing_lines(model)
    more = len(lines) - MOST_CROSSINGS
    said = [half_line(model), holds_line(model), *lines[:MOST_CROSSINGS]]
    said += [f"And {wording.count(more, 'more crossover')} on the page."] * (more > 0)
    return " ".join(said + [others_line(model)] * (not lines))


def half_line(model: CostModel) -> str:
    """Up to which size the fixed part is the larger one, for the arms at both ends of the range whose line may hold."""
    fits = model.fits[(model.fits["half"] > 0) & (model.fits["holds"] != FAILS)].sort_values("half", kind="stable")
    if fits.empty:
        return "No arm has a line that holds and a fixed cost above 0."
    first, last = ({"arm": row.arm, "half": size_of(row.half)} for row in (fits.iloc[0], fits.iloc[-1]))
    if len(fits) == 1:
        return f"Below {first['half']} more than half of a chunk's cost is the call ({first['arm']})."
    return (
        f"More than half of a chunk's cost is the call below {first['half']} ({first['arm']}) to {last['half']} "
        f"({last['arm']}), depending on the arm."
    )


def holds_line(model: CostModel) -> str:
    """For which arms the line predicts the sizes held out, and where it fails."""
    parts = []
    words = {FAILS: "it does not hold for", UNTOLD: "too noisy to say for", UNCHECKED: "not checked for"}
    order = [f"within {wording.percent(limit, 0)}" for limit in LIMITS] + list(words)
    for holds, rows in groupby(sorted(model.fits.itertuples(), key=lambda row: order.index(row.holds)), _holds):
        arms = [f"{row.arm} ({_worst(model, row.arm)})" if holds == FAILS else row.arm for row in rows]
        parts.append(f"{words.get(holds, f'{holds} for')} {wording.listing(arms)}")
    count = model.errors.loc[model.errors["role"] == CHECK, "bytes"].nunique()
    return f"The line, held against {wording.count(count, 'size')} that it was not fitted on: {'; '.join(parts)}."


def crossing_lines(model: CostModel) -> list[str]:
    """A sentence for every crossover that was measured, in the order of their size."""
    found = model.crossings[model.crossings["from_bytes"].notna()]
    return [_crossing_line(row) for row in found.sort_values("from_bytes", kind="stable").itertuples()]


def others_line(model: CostModel) -> str:
    """The pairs without a crossover in one sentence; empty if every pair has one."""
    if model.others.empty:
        return ""
    parts = []
    for throughout in (True, False):
        rows = model.others[(model.others["throughout"] == throughout) & model.others["told"]]
        for arm, group in rows.groupby("arm", sort=False):
            where = "at every size" if throughout else "where they can be told apart"
            parts.append(f"{arm} is faster than {wording.listing(list(group['against']))} {where}")
    alike = model.others[~model.others["told"]]
    parts += [f"{row.arm} and {row.against} are told apart at no size" for row in alike.itertuples()]
    return f"No crossover from {range_of(model)} between the other pairs: {'; '.join(parts)}."


def fit_rows(model: CostModel) -> list[dict[str, str]]:
    """The fits in words, a row an arm: what a table of the page shows."""
    rows = []
    for row in model.fits.to_dict("records"):
        # Bytes per nanosecond are gigabytes per second; the ends of the interval change places.
        speed = [1 / row[name] if row[name] > 0 else float("nan") for name in _ends("per_byte")]
        line = {"arm": row["arm"], "holds": row["holds"], "workers": str(row["workers"])}
        line |= {"speed": wording.number(speed[0]), "speed_span": wording.span(speed[2], speed[1])}
        for name in ("fixed", "per_byte", "half"):
            value, low, high = (row[end] for end in _ends(name))
            line |= {name: wording.number(value), f"{name}_span": wording.span(low, high)}
        for name in ("fixed_ratio", "per_byte_ratio"):
            value, low, high = (row[end] for end in _ends(name))
            shown = wording.finite(value)
            line |= {name: wording.ratio(value), f"{name}_span": wording.interval(low, high) if shown else ""}
        line["residual"] = f"{signed(row['residual'])} at {size_of(row['residual_bytes'])}"
        rows.append(line)
    return rows


def error_table(model: CostModel) -> dict[str, Any]:
    """The errors at the sizes held out: `sizes`, and `rows` with the arm and a cell for each (`-` if not measured)."""
    held = model.errors[model.errors["role"] == CHECK]
    sizes = sorted(set(held["bytes"]))
    found = {(row.arm, row.bytes): row for row in held.itertuples()}
    rows = []
    for arm in model.fits["arm"]:
        cells = [found.get((arm, size)) for size in sizes]
        rows.append({"arm": arm, "cells": [_error(cell) if cell else wording.NO_NUMBER for cell in cells]})
    return {"sizes": [size_of(size) for size in sizes], "rows": rows}


def crossing_rows(model: CostModel) -> list[dict[str, str]]:
    """The crossovers in words, a row each: what was measured and what the lines say."""
    return [
        {
            "arm": row.arm,
            "against": row.against,
            "measured": _place(row.bytes, row.low, row.high, row.crossing, row.workers),
            "between": f"{size_of(row.from_bytes)} and {size_of(row.to_bytes)}"
            if wording.finite(row.from_bytes)
            else wording.NO_NUMBER,
            "lines": _place(row.line_bytes, row.line_low, row.line_high, row.line_crossing, row.line_workers),
        }
        for row in model.crossings.sort_values("from_bytes", kind="stable").itertuples()
    ]


def range_of(model: CostModel) -> str:
    """The range of the sizes, in words."""
    return " to ".join(map(size_of, model.ends))


def alternative(model: CostModel) -> str:
    """What the figure shows, for those who do not see it."""
    parts = [
        f"{row['arm']}: {row['fixed']} ns and {row['per_byte']} ns per byte, {row['holds']}." for row in fit_rows(model)
    ]
    return " ".join(
        [f"Cost per chunk from {range_of(model)}.", *parts, *crossing_lines(model), others_line(model)]
    ).strip()


def size_of(size: float) -> str:
    """A size in bytes, in words."""
    return f"{wording.number(size) if size < 10 else f'{size:,.0f}'} B"


def span_of(low: float, high: float) -> str:
    """An interval of sizes in bytes, in words."""
    return f"{size_of(low).removesuffix(' B')} to {size_of(high)}" if wording.finite(low) else "no interval"


def signed(share: float) -> str:
    """A relative error as a percentage with its sign."""
    text = wording.percent(abs(share))
    return text if text == wording.percent(0) else f"{'+' if share > 0 else '-'}{text}"


def _ends(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def _holds(row: Any) -> str:
    return str(row.holds)


def _worst(model: CostModel, arm: str) -> str:
    """The size held out at which an arm's line is furthest off."""
    held = model.errors[(model.errors["arm"] == arm) & (model.errors["role"] == CHECK)]
    worst = held.loc[held["error"].abs().idxmax()]
    side = "too much" if worst["error"] > 0 else "too little"
    return f"at {size_of(worst['bytes'])} it says {wording.percent(abs(worst['error']), 0)} {side}"


def _error(row: Any) -> str:
    if not np.isfinite(row.low):
        return f"{signed(row.error)} (no interval)"
    return f"{signed(row.error)} ({signed(row.low)} to {signed(row.high)})"


def _crossing_line(row: Any) -> str:
    if wording.finite(row.bytes):
        place = f"at {size_of(row.bytes)} ({span_of(row.low, row.high)})"
    else:
        place = f"in {row.crossing} of {wording.count(row.workers, 'worker')}"
    return (
        f"{row.arm} is faster than {row.against} at {size_of(row.from_bytes)} and slower at {size_of(row.to_bytes)}: "
        f"they cross {place}."
    )


def _place(value: float, low: float, high: float, crossing: int, workers: int) -> str:
    """A crossing with its interval, or in how many workers there is one."""
    if wording.finite(value):
        return f"{size_of(value)} ({span_of(low, high)})"
    return "none" if not crossing else f"in {crossing} of {wording.count(workers, 'worker')}"
