"""Cost by boundary and language, against putting down to a language what the place of the boundary does."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .style import FILLS, WIDTH, legend_below, ratio_ticks, style_of, variants, write_around

_HEIGHT = 2.7  # inches of a panel
_SPREAD = 0.62
"""Of the distance of two boundaries, what the marks of one take."""


def boundary_costs(marks: pd.DataFrame, baseline: str, title: str) -> Figure:
    """Cost of a message as a share of the baseline's (log axis) by boundary and arm, one panel beside the other.

    `marks` has the columns boundary.MARKS. An interval that is not known is not drawn.
    """
    arms = list(dict.fromkeys(marks["arm"]))
    languages = dict(zip(marks["arm"], marks["language"], strict=True))
    numbers = variants(arms, languages)
    boundaries = list(dict.fromkeys(marks["boundary"]))
    panels = list(dict.fromkeys(marks["panel"]))
    heading = textwrap.wrap(title, 88)
    caption = textwrap.wrap(
        f"Mark and line: cost with its interval, as a share of that of {baseline}, which is the line at 1; grey: how "
        f"far that reaches against itself (null band). From left to right an arm does more by itself: what stands "
        f"below and all that stands to the left of it. Lines join the same arm.",
        118,
    )
    columns = 6
    legend_rows = -(-len(arms) // columns)
    top, bottom = 0.42 + 0.19 * len(heading), 0.72 + 0.15 * len(caption) + 0.17 * legend_rows
    height = top + bottom + _HEIGHT
    figure = Figure(figsize=(WIDTH, height))
    left, right, gap = 0.75, 0.1, 0.15
    width = (WIDTH - left - right - gap * (len(panels) - 1)) / max(len(panels), 1)
    limits = _limits(marks)
    for place, panel in enumerate(panels):
        start = left + place * (width + gap)
        axes = figure.add_axes((start / WIDTH, bottom / height, width / WIDTH, _HEIGHT / height))
        _draw(axes, marks[marks["panel"] == panel], boundaries, arms, numbers)
        axes.set_yscale("log")
        axes.set_ylim(limits)
        axes.yaxis.set_major_locator(FixedLocator(ratio_ticks(*limits)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.tick_params(axis="both", labelsize=8, length=2)
        axes.set_title(str(panel), loc="left", fontsize=9, color="#333333", pad=3)
        if place:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("cost of a message, share of the baseline's (log scale)", fontsize=8)
    middle = (left + (WIDTH - left - right) / 2) / WIDTH
    place_below = (bottom - 0.4) / height
    figure.text(
        middle, place_below, "boundary, from Python outwards: what the arm does by itself", ha="center", fontsize=8.5
    )
    write_around(figure, heading, caption)
    handles = [Line2D([], [], linewidth=1.2, label=arm, **_mark(languages[arm], numbers[arm])) for arm in arms]
    legend_below(figure, handles, caption, columns=columns, rise=0.12, handletextpad=0.3, columnspacing=0.8)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, boundaries: list[str], arms: list[str], numbers: dict[str, int]) -> None:
    band, panel = rows["null_band"].max(), rows["panel"].iloc[0]
    if np.isfinite(band):
        reach = float(np.exp(-band)), float(np.exp(band))
        axes.axhspan(*reach, color="#dddddd", linewidth=0, zorder=0, gid=f"null band of {panel}")
    axes.axhline(1, color="#888888", linewidth=0.8, zorder=1)
    for index, arm in enumerate(arms):
        own = rows[rows["arm"] == arm]
        if own.empty:
            continue
        shift = _SPREAD * ((index + 0.5) / len(arms) - 0.5)
        at = [boundaries.index(name) + shift for name in own["boundary"]]
        mark = _mark(own["language"].iloc[0], numbers[arm])
        name = f"join {arm} of {panel}"
        axes.plot(at, 1 / own["ratio"], color=mark["color"], linewidth=0.7, alpha=0.5, zorder=2, gid=name)
        for x, (_, row) in zip(at, own.iterrows(), strict=True):
            if row["low"] > 0 and np.isfinite(row["high"]):
                ends = [1 / row["high"], 1 / row["low"]]
                axes.plot([x, x], ends, color=mark["color"], linewidth=1.6, solid_capstyle="butt", zorder=3)
            name = f"arm {arm} at {row['boundary']} of {panel}"
            axes.plot(x, 1 / row["ratio"], markersize=5.5, linestyle="none", zorder=4, gid=name, **mark)
    axes.set_xlim(-0.5, len(boundaries) - 0.5)
    axes.set_xticks(range(len(boundaries)), [f"+ {name}" if place else name for place, name in enumerate(boundaries)])
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)
    sns.despine(ax=axes)


def _limits(marks: pd.DataFrame) -> tuple[float, float]:
    """What the axis has to hold: all marks, their intervals where there are any, and 1."""
    shares = 1 / marks[["ratio", "low", "high"]].where(lambda values: values > 0).to_numpy(float).ravel()
    shares = shares[np.isfinite(shares) & (shares > 0)]
    return float(min(1.0, *shares) / 1.15), float(max(1.0, *shares) * 1.15)


def _mark(language: str, number: int) -> dict[str, Any]:
    style = style_of(language)
    fill = FILLS[number % len(FILLS)]
    return {"color": style.colour, "marker": style.marker, "fillstyle": fill, "markerfacecoloralt": "white"}
