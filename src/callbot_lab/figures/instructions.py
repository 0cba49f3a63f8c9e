"""Instructions of a call and of its native part, against taking a count of the one for a count of the other."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .. import wording
from .style import CHARACTER, WIDTH, legend_below, one_two_five, style_of, write_around

FOCUS = ("append", "callbot")
"""Operation and size of the cell that is drawn."""

_ROW = 0.25  # inches
_SMALL = 0.063
"""Inches that a character of the 7.5 point labels takes."""


def instruction_counts(counted: pd.DataFrame, languages: Mapping[str, str], title: str) -> Figure:
    """Instructions of a chunk in one cell, a row an arm, the fewest first: in all (filled) and natively (log axis).

    `counted` is probes.instructions_summary.per_chunk, with at least one row; the cell is that of `cell_of`. Against
    crediting native code with what the interpreter does around it, and the other way round.
    """
    cell = cell_of(counted)
    rows = counted[(counted["operation"] == cell[0]) & (counted["size"] == cell[1])]
    rows = rows.sort_values(["instructions", "arm"]).reset_index(drop=True)
    labels = [_label(row) for row in rows.to_dict("records")]
    heading = textwrap.wrap(title, 88)
    caption = textwrap.wrap(_caption(rows), 118)
    top, bottom = 0.45 + 0.19 * len(heading), 0.95 + 0.15 * len(caption)
    height = top + bottom + _ROW * len(rows)
    figure = Figure(figsize=(WIDTH, height))
    left, right = 0.3 + CHARACTER * max(map(len, rows["arm"])), 0.2 + _SMALL * max(map(len, labels))
    box = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, _ROW * len(rows) / height)
    axes = figure.add_axes(box)
    for place, row in enumerate(rows.to_dict("records")):
        style, native = style_of(languages.get(row["arm"], "")), row["native_instructions"]
        shown: dict[str, Any] = {"marker": style.marker, "color": style.colour, "linestyle": "none", "zorder": 3}
        if native > 0:
            axes.plot([native, row["instructions"]], [place] * 2, color=style.colour, linewidth=0.8, zorder=2)
            axes.plot(native, place, markersize=6, markerfacecolor="white", gid=f"native {row['arm']}", **shown)
        axes.plot(row["instructions"], place, markersize=6, gid=f"all {row['arm']}", **shown)
        beside = axes.get_yaxis_transform()
        axes.text(1.02, place, labels[place], transform=beside, va="center", fontsize=7.5, color="#222222")
    values = rows[["instructions", "native_instructions"]].to_numpy(float).ravel()
    values = values[np.isfinite(values) & (values > 0)]
    limits = (float(values.min()) / 1.25, float(values.max()) * 1.25)
    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), rows["arm"], fontsize=9)
    axes.xaxis.set_major_locator(FixedLocator(_ticks(*limits)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.number(value)))
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("instructions of a chunk (log scale)", fontsize=8.5)
    axes.set_title(where(*cell), loc="left", fontsize=8.5, color="#333333", pad=3)
    axes.grid(color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)
    sns.despine(ax=axes, left=True)
    write_around(figure, heading, caption)
    handles = _legend({languages.get(arm, "") for arm in rows["arm"]})
    legend_below(figure, handles, caption, columns=len(handles), handletextpad=0.3, columnspacing=1.0)
    return figure


def cell_of(counted: pd.DataFrame, wanted: tuple[str, str] = FOCUS) -> tuple[str, str]:
    """Operation and size of the cell to look at: the wanted one, or the first that was counted if that was not."""
    cells = sorted(set(zip(counted["operation"], counted["size"], strict=True)))
    return wanted if wanted in cells else cells[0]


def where(operation: str, size: str) -> str:
    """A cell in words, without its pool, which moves no count."""
    return wording.cell(operation, size, "").removesuffix(", ")


def _label(row: Mapping[str, Any]) -> str:
    """What stands beside the marks of an arm."""
    native = row["native_instructions"]
    part = f"native {wording.number(native)}" if native > 0 else "none native" if native == 0 else "native not told"
    return f"{row['kernel']}: {wording.number(row['instructions'])}, {part} ({row['method']})"


def _ticks(low: float, high: float) -> list[float]:
    """Round ticks within the limits, no more than there is room for."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5)):
        ticks = [digit * 10.0**decade for decade in decades for digit in digits]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) >= 3:
            return inside
    return one_two_five(low, high) or [low, high]


def _caption(rows: pd.DataFrame) -> str:
    counts = wording.spread([int(number) for number in rows["repetitions"]], "repetition")
    return (
        f"Filled: all that is executed in user mode. Hollow: the part in the packages' own shared objects, where there "
        f"is one and the method can tell. Counts in all by different methods are not to be compared, native ones may "
        f"be. Medians over {counts}; a count has no noise to speak of, so there are no intervals."
    )


def _legend(languages: set[str]) -> list[Line2D]:
    """A mark for each language, and how the two counts are drawn."""
    handles = []
    for name in sorted(languages):
        style = style_of(name)
        mark: dict[str, Any] = {"color": style.colour, "marker": style.marker, "linestyle": "none"}
        handles.append(Line2D([], [], label=name or "unknown", **mark))
    grey: dict[str, Any] = {"color": "#555555", "marker": "o", "linestyle": "none"}
    handles.append(Line2D([], [], label="in all", **grey))
    handles.append(Line2D([], [], label="in native code", markerfacecolor="white", **grey))
    return handles
