"""The tail of single chunks, against reading a mean as what every call takes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .. import wording
from ..analysis import CONFIDENCE, MIN_WORKERS
from ..probes.latency import CONTROLS
from .style import (
    CHARACTER,
    DASHES,
    FILLS,
    NULL_STYLE,
    WIDTH,
    legend_below,
    one_two_five,
    style_of,
    variants,
    write_around,
)

_HEIGHT = 3.2  # inches of a panel
_PANELS = 3
_SPREAD = 0.5
"""Of the distance of two percentiles, what the marks of one take."""


def latency_tail(quantiles: pd.DataFrame, languages: Mapping[str, str], title: str) -> Figure:
    """Nanoseconds of a chunk (log axis) from the median to the greatest time, a line an arm, one panel an operation.

    `quantiles` is probes.latency_summary.quantiles; of more than three operations the first three are drawn. Control
    arms are grey. An interval that is not known is not drawn.
    """
    panels = [rows for _, rows in quantiles.groupby(["operation", "size"], sort=False)][:_PANELS]
    shown = pd.concat(panels) if panels else quantiles
    looks = _looks(shown, languages)
    places = {quantile: place for place, quantile in enumerate(sorted(set(shown["quantile"])))}
    limits = _limits(shown)
    heading = textwrap.wrap(title, 88)
    caption = textwrap.wrap(_caption(shown), 118)
    columns = max(1, int((WIDTH - 0.2) / (0.45 + CHARACTER * max(map(len, looks), default=5))))
    legend_rows = -(-len(looks) // columns)
    top, bottom = 0.42 + 0.19 * len(heading), 0.72 + 0.15 * len(caption) + 0.17 * legend_rows
    height = top + bottom + _HEIGHT
    figure = Figure(figsize=(WIDTH, height))
    left, right, gap = 0.95, 0.1, 0.2
    width = (WIDTH - left - right - gap * (len(panels) - 1)) / max(len(panels), 1)
    for place, rows in enumerate(panels):
        start = left + place * (width + gap)
        axes = figure.add_axes((start / WIDTH, bottom / height, width / WIDTH, _HEIGHT / height))
        _draw(axes, rows, places, looks)
        axes.set_yscale("log")
        axes.set_ylim(limits)
        axes.yaxis.set_major_locator(FixedLocator(_ticks(*limits)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.tick_params(labelsize=8, length=2)
        operation, size = rows["operation"].iloc[0], rows["size"].iloc[0]
        name = operation if shown["size"].nunique() == 1 else f"{operation}, {size}"
        axes.set_title(name, loc="left", fontsize=8.5, color="#333333", pad=3)
        if place:
            axes.tick_params(labelleft=False)
        else:
            axes.set_ylabel("ns of a chunk, timed alone (log scale)", fontsize=8.5)
    middle = (left + (WIDTH - left - right) / 2) / WIDTH
    said = "percentile of the times of an arm's chunks (evenly spaced, not to scale)"
    figure.text(middle, (bottom - 0.4) / height, said, ha="center", fontsize=8.5)
    write_around(figure, heading, caption)
    legend_below(
        figure,
        [Line2D([], [], label=arm, **look) for arm, look in looks.items()],
        caption,
        columns=columns,
        rise=0.12,
        handletextpad=0.4,
        columnspacing=1.0,
    )
    return figure


def label(quantile: float) -> str:
    """A quantile as it is named: `p99.9`, or `max` for the greatest time."""
    return "max" if quantile == 1 else f"p{100 * quantile:g}"


def processes(numbers: Iterable[int]) -> str:
    """`20 processes`, or `18 to 20 processes`; there has to be at least one number."""
    found = sorted({int(number) for number in numbers})
    if found == [1]:
        return "1 process"
    span = f"{found[0]:,}" if len(found) == 1 else f"{found[0]:,} to {found[-1]:,}"
    return f"{span} processes"


def _draw(axes: Axes, rows: pd.DataFrame, places: Mapping[float, int], looks: Mapping[str, dict[str, Any]]) -> None:
    where = f"{rows['operation'].iloc[0]}, {rows['size'].iloc[0]}"
    for index, (arm, look) in enumerate(looks.items()):
        own = rows[rows["arm"] == arm].sort_values("quantile")
        if own.empty:
            continue
        # Side by side, so that no interval hides another.
        shift = _SPREAD * ((index + 0.5) / len(looks) - 0.5)
        at = [places[quantile] + shift for quantile in own["quantile"]]
        ns = own["ns"].astype(float)
        over = 2 if arm in CONTROLS else 3
        # A coarse clock may see no time at all, which a log axis does not have.
        axes.plot(at, ns.where(ns > 0).to_numpy(), zorder=over, gid=f"tail {arm} of {where}", **look)
        for x, low, high in zip(at, own["low"], own["high"], strict=True):
            if low > 0 and np.isfinite(high):
                line: dict[str, Any] = {"color": look["color"], "linewidth": 1.8, "solid_capstyle": "butt"}
                axes.plot([x, x], [low, high], zorder=over, gid=f"interval {arm} of {where}", **line)
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set_xticks(range(len(places)), [label(quantile) for quantile in places])
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)
    sns.despine(ax=axes)


def _looks(shown: pd.DataFrame, languages: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """How each arm is drawn, control arms first: the style of its language, its variant by fill and dashes."""
    there = set(shown["arm"])
    controls = [arm for arm in CONTROLS if arm in there]
    others = sorted(there - set(controls))
    known = {arm: languages.get(arm, "") for arm in others}
    numbers = {**{arm: place for place, arm in enumerate(controls)}, **variants(others, known)}
    looks: dict[str, dict[str, Any]] = {}
    for arm, number in numbers.items():
        style = style_of(known[arm]) if arm in known else NULL_STYLE
        dashes = DASHES[number % len(DASHES)]
        looks[arm] = {
            "color": style.colour,
            "marker": style.marker,
            "markersize": 4.0,
            "markerfacecoloralt": "white",
            "fillstyle": FILLS[number % len(FILLS)] if arm in known else "full",
            "linewidth": 0.9,
            "linestyle": (0, dashes) if dashes else "-",
        }
    return looks


def _limits(shown: pd.DataFrame) -> tuple[float, float]:
    """Ends of the axis: all times and intervals that there are."""
    values = shown[["ns", "low", "high"]].to_numpy(float).ravel()
    values = values[np.isfinite(values) & (values > 0)]
    return (float(values.min() / 1.3), float(values.max() * 1.3)) if len(values) else (1.0, 10.0)


def _ticks(low: float, high: float) -> list[float]:
    """Decades where there are enough of them, else round ticks of each."""
    ends = int(np.ceil(np.log10(low))), int(np.floor(np.log10(high)))
    decades = [10.0**decade for decade in range(ends[0], ends[1] + 1)]
    return decades if len(decades) >= 3 else one_two_five(low, high)


def _caption(shown: pd.DataFrame) -> str:
    if shown.empty:
        return "Nothing was measured."
    sizes = [wording.cell("", size, "").strip(", ") for size in dict.fromkeys(shown["size"])]
    chunks = wording.spread([int(number) for number in shown["chunks"]], "chunk")
    bars = f"Bars: {wording.percent(CONFIDENCE, 0)} intervals over processes; max has none."
    if shown["processes"].max() < MIN_WORKERS:
        bars = "There are too few processes for an interval."
    return (
        f"{chunks} of {wording.listing(sizes)} for every arm and operation, from {processes(shown['processes'])}. "
        f"{bars} p99.9: one chunk in a thousand takes longer. Grey: control arms, which only read the clock or wait. "
        f"Nanoseconds are this machine's, for orientation; the clock's cost is contained in them. Colour and marker: "
        f"the language that the arm says it is built in; fill and dashes: its variant."
    )
