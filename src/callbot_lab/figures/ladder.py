"""The ladder: what a call costs before any work is done, against crediting a decoder with a cheaper call."""

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

from .. import wording
from ..worker import EMPTY
from .style import CHARACTER, FILLS, WIDTH, legend_below, one_two_five, style_of, variants, write_around

_LINE = 0.17  # inches that an arm takes


def call_ladder(times: pd.DataFrame, baseline: str, title: str | None = None) -> Figure:
    """Median nanoseconds of a call, rung by rung, a mark for each arm; one panel for each size (log axis).

    `times` comes from summary.call_times. The times are for orientation; the ratios beside them are from the blocks.
    """
    arms = [baseline, *(arm for arm in dict.fromkeys(times["arm"]) if arm not in (baseline, EMPTY))]
    languages = dict(zip(times["arm"], times["language"], strict=True))
    numbers = variants(arms, languages)
    panels = [rows for _, rows in times.groupby(["size", "pool"], sort=False)]
    counts = [rows["operation"].nunique() * (len(arms) + 0.8) for rows in panels]
    heading = textwrap.wrap(title or call_ladder_title(times, baseline), 88)
    caption = textwrap.wrap(
        f"Times are descriptive: the median of all slots, the loop included; line: 10th to 99th percentile. Dotted: "
        f"the same loop around a C function that does nothing. Beside: how many times as fast as {baseline}, with the "
        f"interval over workers. Nothing is subtracted.",
        118,
    )
    top, bottom, gap = 0.05 + 0.19 * len(heading), 0.9 + 0.15 * len(caption), 0.45
    height = top + bottom + sum(count * _LINE + gap for count in counts)
    figure = Figure(figsize=(WIDTH, height))
    left, right = (
        0.25 + CHARACTER * max(len(name) for name in times["operation"]),
        2.5 + CHARACTER * max(map(len, arms)),
    )
    timed = times[["p10", "p50", "p99"]].to_numpy(dtype=float)
    limits = (float(timed.min() / 1.1), float(timed.max() * 1.1))
    y = height - top
    for rows, count in zip(panels, counts, strict=True):
        y -= gap + count * _LINE
        box = (left / WIDTH, y / height, (WIDTH - left - right) / WIDTH, count * _LINE / height)
        axes = figure.add_axes(box)
        _draw_panel(axes, rows, arms, numbers, limits)
        if rows is panels[-1]:
            axes.set_xlabel("ns per call, median (log scale; for orientation)", fontsize=8.5)
    write_around(figure, heading, caption)
    handles = [
        Line2D([], [], linewidth=1.2, label=arm, **_mark(languages[arm], numbers[arm]))
        for arm in arms
        if arm in languages
    ]
    legend_below(figure, handles, caption, columns=6, handletextpad=0.3, columnspacing=1.0)
    return figure


def call_ladder_title(times: pd.DataFrame, baseline: str) -> str:
    """What the cheapest rung is of the dearest, by arm, in one sentence; the first and the last operation decide."""
    if times.empty:
        return "Nothing was measured."
    first, last = times["operation"].iloc[0], times["operation"].iloc[-1]
    parts = []
    for arm in [baseline, *(arm for arm in dict.fromkeys(times["arm"]) if arm not in (baseline, EMPTY))]:
        own = times[times["arm"] == arm].set_index(["operation", "size"])["p50"]
        if first in own.index and last in own.index:
            shares = (own[first] / own[last]).dropna()
            low, high = wording.percent(shares.min(), 0).removesuffix(" %"), wording.percent(shares.max(), 0)
            parts.append(f"{arm} {low + ' to ' if len(shares) > 1 else ''}{high}")
    if not parts:
        return f"No arm was measured in both {first} and {last}."
    return f"A call that does nothing ({first}) takes this share of {last}: {wording.listing(parts)}."


def _draw_panel(
    axes: Axes, rows: pd.DataFrame, arms: list[str], numbers: dict[str, int], limits: tuple[float, float]
) -> None:
    operations = list(dict.fromkeys(rows["operation"]))
    step = len(arms) + 0.8
    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.set_ylim(len(operations) * step - 0.4, -0.6)
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 7.5}
    for index, operation in enumerate(operations):
        members = rows[rows["operation"] == operation].set_index("arm")
        span = [index * step - 0.5, index * step + len(arms) - 0.5]
        if EMPTY in members.index:
            empty = members.loc[EMPTY, "p50"]
            axes.plot([empty, empty], span, color="#888888", linewidth=1.0, linestyle=":", zorder=1)
        for place, arm in enumerate(arms):
            if arm not in members.index:
                axes.text(1.02, index * step + place, f"{arm}: not measured", color="#777777", style="italic", **beside)
                continue
            row, at = members.loc[arm], index * step + place
            mark = _mark(row["language"], numbers[arm])
            axes.plot([row["p10"], row["p99"]], [at, at], color=mark["color"], linewidth=1.0, zorder=2)
            axes.plot(row["p50"], at, markersize=5.5, linestyle="none", zorder=3, gid=f"{arm} {row['cell']}", **mark)
            said = "" if np.isnan(row["ratio"]) else f": {wording.ratio(row['ratio'])} times as fast ({_ends(row)})"
            axes.text(1.02, at, f"{arm}{said or ': the baseline'}", color="#222222", **beside)
    middles = [index * step + (len(arms) - 1) / 2 for index in range(len(operations))]
    axes.set_yticks(middles, operations, fontsize=9)
    axes.xaxis.set_major_locator(FixedLocator(one_two_five(*limits)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    sns.despine(ax=axes, left=True)
    where = wording.cell("", rows["size"].iloc[0], rows["pool"].iloc[0]).removeprefix(", ")
    axes.set_title(where, loc="left", fontsize=8.5, color="#333333", pad=3)


def _mark(language: str, number: int) -> dict[str, Any]:
    style = style_of(language)
    fill = FILLS[number % len(FILLS)]
    return {"color": style.colour, "marker": style.marker, "fillstyle": fill, "markerfacecoloralt": "white"}


def _ends(row: pd.Series) -> str:
    return wording.interval(row["low"], row["high"])
