"""What speaks for each mix, in CPU, in money and in how sure it is, against taking the fastest for the best."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .. import wording
from .flip_map import tint
from .style import WIDTH, write_around

_ROW, _HEAD = 0.36, 0.4  # inches: of a mix, and of the heads of the columns
_LETTER = 0.075
"""Inches that a character of a mix takes, which may be bold."""

_HUE = "#44aa99"
_PALE, _STRONG = 0.06, 0.55
"""The hue of all shading, which is that of no language, and its strength at the worst and the best of a column."""

_COLUMNS = {
    "cpu_saved": "CPU saved\n(95 % interval)",
    "cores": "cores",
    "saved": "cores saved,\n{currency}",
    "owning": "more to own,\n{currency}",
    "net": "net,\n{currency}",
    "probability": "gains enough\nand pays",
}
_LESS_IS_BETTER = ("cores", "owning")


def decision_matrix(table: pd.DataFrame, currency: str, years: float, title: str) -> Figure:
    """A row for each mix, a column for each thing that counts, and the answer of the rule in bold and framed.

    `table` is decision.maps.decision_matrix; its money is over so many years.
    """
    heading = textwrap.wrap(title, 84)
    caption = textwrap.wrap(_caption(table, years), 118)
    left, right = 0.2 + _LETTER * max(map(len, table["mix"])), 0.1
    top, bottom = 0.15 + 0.19 * len(heading), 0.2 + 0.15 * len(caption)
    body = _HEAD + _ROW * len(table)
    height = top + bottom + body
    figure = Figure(figsize=(WIDTH, height))
    box = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, body / height)
    axes = figure.add_axes(box)
    axes.set_axis_off()
    axes.set_xlim(0, len(_COLUMNS))
    axes.set_ylim(len(table), -_HEAD / _ROW)
    strengths = {name: _strengths(table[name], less=name in _LESS_IS_BETTER) for name in _COLUMNS}
    for along, head in enumerate(_COLUMNS.values()):
        said = head.format(currency=currency)
        axes.text(along + 0.5, -0.12, said, ha="center", va="bottom", fontsize=7.5, color="#333333")
    for place, row in enumerate(table.to_dict("records")):
        _draw_row(axes, place, row, {name: found[place] for name, found in strengths.items()})
    write_around(figure, heading, caption)
    return figure


def decision_matrix_title(table: pd.DataFrame, currency: str, years: float) -> str:
    """Which mix needs the least CPU, which brings the most, and what the answer is, in one sentence."""
    base = _baseline(table)
    least, most = (str(table.loc[table[name].idxmax(), "mix"]) for name in ("cpu_saved", "net"))
    best = table.loc[table["mix"] == most].iloc[0]
    chosen = [str(mix) for mix in table.loc[table["answer"], "mix"]]
    said = f"Nothing needs less CPU than {base}" if least == base else f"{least} needs the least CPU"
    said += f", {'and' if least == most else 'but'} over {years:g} years "
    if most == base:
        said += "nothing earns back what it costs to own"
    else:
        said += f"{'it' if least == most else most} brings the most: {_money(best['net'])} {currency} after what it "
        said += "costs to own"
    if not chosen:
        return f"{said}; the rule is undecided."
    if most not in (base, chosen[0]):
        said += f" (with a probability of {best['sure']})" if wording.finite(best["probability"]) else ""
    return f"{said}; the answer is {'to stay with ' if chosen[0] == base else ''}{chosen[0]}."


def _draw_row(axes: Axes, place: int, row: Mapping[str, Any], strengths: Mapping[str, float]) -> None:
    weight = "bold" if row["answer"] else "normal"
    axes.text(-0.07, place + 0.5, row["mix"], ha="right", va="center", fontsize=8, weight=weight, color="#111111")
    for along, name in enumerate(_COLUMNS):
        cell = Rectangle(
            (along, place), 1, 1, facecolor=tint(_HUE, strengths[name]), edgecolor="white", linewidth=1,
            gid=f"{name} of {row['mix']}",
        )  # fmt: skip
        axes.add_patch(cell)
        axes.text(
            along + 0.5, place + 0.5, _said(row, name), ha="center", va="center", fontsize=7.2, weight=weight,
            color="#111111",
        )  # fmt: skip
    if row["answer"]:
        frame = Rectangle(
            (0, place), len(_COLUMNS), 1, fill=False, edgecolor="#111111", linewidth=1.8, clip_on=False, zorder=4,
            gid=f"answer {row['mix']}",
        )  # fmt: skip
        axes.add_patch(frame)


def _strengths(values: pd.Series, *, less: bool) -> list[float]:
    """How strongly the values of a column are shaded, from the worst to the best; what is unknown is white."""
    good = (-values if less else values).to_numpy(float)
    known = good[np.isfinite(good)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    width = high - low if high > low else 1.0
    return [_PALE + (_STRONG - _PALE) * (value - low) / width if np.isfinite(value) else 0.0 for value in good]


def _said(row: Mapping[str, Any], name: str) -> str:
    """What a cell says."""
    if name == "cpu_saved":
        return wording.percent(row[name]) + ("" if np.isnan(row["low"]) else f"\n{_span(row['low'], row['high'])}")
    if name == "cores":
        return wording.number(row[name])
    return textwrap.fill(row["sure"], 10) if name == "probability" else _money(row[name])


def _span(low: float, high: float) -> str:
    """An interval of shares without decimals."""
    if not (wording.finite(low) and wording.finite(high)):
        return "no interval"
    return f"{wording.percent(low, 0)} to {wording.percent(high, 0)}"


def _money(amount: float) -> str:
    """An amount of money without cents; its currency stands elsewhere."""
    return f"{round(float(amount)):,}" if wording.finite(amount) else wording.NO_NUMBER


def _baseline(table: pd.DataFrame) -> str:
    """The mix that has no interval since all others are compared with it."""
    return str(table.loc[table["low"].isna(), "mix"].iloc[0])


def _caption(table: pd.DataFrame, years: float) -> str:
    base = _baseline(table)
    workers = [int(count) for count in table.loc[table["low"].notna(), "workers"]]
    answer = "Bold and framed: the answer." if table["answer"].any() else "No row is framed: the rule is undecided."
    return (
        f"Rows: {base}, to which all are compared; what brings the most; the answer; what needs the least CPU of each "
        f"implementation, and in each server with the implementation of {base}. Interval: 95 % t interval over "
        f"{wording.spread(workers, 'worker')}. Money: over {years:g} years; prices of owning are guesses. Last column: "
        f"probability that it saves more CPU than the threshold and more money than it costs to own. The stronger the "
        f"colour, the better in its column. {answer}"
    )
