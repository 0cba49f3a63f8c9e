"""Calls that one core carries, against reading a single search, or another machine's number, as a capacity."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .. import wording
from .style import CHARACTER, WIDTH, legend_below, one_two_five, style_of, write_around

_ROW = 0.32  # inches


def calls_carried(carried: pd.DataFrame, baseline: str, title: str) -> Figure:
    """Calls that one core carries, a row a mix, with the interval over the searches and what was held (log axis).

    `carried` is serverlab.summary.capacities with `language` (of the mix's implementation).
    """
    rows = carried.sort_values("calls", ascending=False).reset_index(drop=True)
    heading = textwrap.wrap(title, 88)
    caption = textwrap.wrap(_caption(rows, baseline), 118)
    top, bottom = 0.25 + 0.19 * len(heading), 0.95 + 0.15 * len(caption)
    height = top + bottom + _ROW * len(rows)
    figure = Figure(figsize=(WIDTH, height))
    left, right = 0.35 + CHARACTER * max(map(len, rows["mix"])), 2.2
    box = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, _ROW * len(rows) / height)
    axes = figure.add_axes(box)
    for place, row in rows.iterrows():
        style = style_of(row["language"])
        if row["low"] > 0 and np.isfinite(row["high"]):
            ends = [row["low"], row["high"]]
            axes.plot(ends, [place] * 2, color=style.colour, linewidth=1.6, solid_capstyle="butt")
        axes.plot(row["calls"], place, marker=style.marker, color=style.colour, markersize=6, gid=f"mix {row['mix']}")
        if np.isfinite(row["held"]):
            axes.plot(row["held"], place, marker="|", color="#222222", markersize=11, markeredgewidth=1.4)
        label = wording.number(row["calls"])
        if row["mix"] != baseline and np.isfinite(row.get("times", np.nan)):
            times = wording.interval(row["times_low"], row["times_high"])
            label += f"; {wording.ratio(row['times'])} times ({times})"
        axes.text(1.02, place, label, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color="#222222")
    values = rows[["calls", "low", "high", "held"]].to_numpy(float).ravel()
    values = values[np.isfinite(values) & (values > 0)]
    limits = (float(values.min()) / 1.15, float(values.max()) * 1.15)
    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), rows["mix"], fontsize=9)
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in one_two_five(*limits) if f"{tick:g}"[:2] != "15"]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("calls that one core carries (log scale)", fontsize=8.5)
    axes.grid(color="#eeeeee", linewidth=0.6)
    sns.despine(ax=axes, left=True)
    write_around(figure, heading, caption)
    handles = [
        Line2D([], [], color=style_of(name).colour, marker=style_of(name).marker, linewidth=1.6, label=str(name))
        for name in sorted(set(rows["language"]))
    ]
    handles.append(
        Line2D([], [], color="#222222", marker="|", markersize=10, linestyle="none", label="held for longer")
    )
    legend_below(figure, handles, caption, columns=len(handles))
    return figure


def _caption(rows: pd.DataFrame, baseline: str) -> str:
    searches = sorted({int(count) for count in rows["searches"]})
    number = str(searches[0]) if len(searches) == 1 else f"{searches[0]} to {searches[-1]}"
    return (
        f"Mark and line: geometric mean and 95 % t interval over {number} searches. Times: against "
        f"{baseline} in the same searches. Calls are this machine's; the ratios travel better."
    )
