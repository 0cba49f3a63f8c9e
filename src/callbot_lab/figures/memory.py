"""Resident memory while calls are filled, against taking what is reserved for what is used."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from .. import wording
from .style import CHARACTER, DASHES, FILLS, NULL_STYLE, WIDTH, legend_below, style_of, variants, write_around

_HEIGHT = 1.7  # inches of a panel
_DIAGONAL: dict[str, Any] = {"color": "#999999", "linewidth": 0.9, "linestyle": (0, (4, 2))}
_HELD = "what is held"


def memory_over_time(looks: pd.DataFrame, languages: Mapping[str, str], title: str) -> Figure:
    """Resident KiB for each call by the audio that it holds, a line an arm; columns are storages, rows are calls.

    `looks` is probes.memory_summary.over_time, with at least one row. An arm that `languages` does not have is a
    control arm, and grey.
    """
    names = list(dict.fromkeys(looks["arm"]))
    arms = [name for name in names if name in languages]
    numbers = variants(arms, languages)
    arms += [name for name in names if name not in languages]
    marks = {arm: _mark(languages.get(arm), numbers.get(arm, 0)) for arm in arms}
    storages = list(dict.fromkeys(looks["storage"]))
    calls = sorted(set(looks["calls"]))
    heading = textwrap.wrap(title, 88)
    caption = textwrap.wrap(_caption(looks, languages), 118)
    entry = 0.5 + CHARACTER * max(len(label) for label in (*arms, _HELD))
    columns = max(1, int((WIDTH - 0.2) / entry))
    legend_rows = -(-(len(arms) + 1) // columns)
    top, bottom = 0.42 + 0.19 * len(heading), 0.8 + 0.15 * len(caption) + 0.17 * legend_rows
    left, right, gap, row_gap = 0.75, 0.25, 0.3, 0.36
    inner = len(calls) * (_HEIGHT + row_gap) - row_gap
    height = top + bottom + inner
    figure = Figure(figsize=(WIDTH, height))
    width = (WIDTH - left - right - gap * (len(storages) - 1)) / len(storages)
    limits = _limits(looks)
    for row, number in enumerate(calls):
        for column, storage in enumerate(storages):
            x, y = left + column * (width + gap), bottom + (len(calls) - 1 - row) * (_HEIGHT + row_gap)
            axes = figure.add_axes((x / WIDTH, y / height, width / WIDTH, _HEIGHT / height))
            place = f"{storage}, {wording.count(int(number), 'call')}"
            _draw(axes, looks[(looks["storage"] == storage) & (looks["calls"] == number)], marks, place)
            axes.set_xlim(limits[0])
            axes.set_ylim(limits[1])
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.yaxis.set_major_locator(MaxNLocator(4))
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
            axes.tick_params(labelsize=8, length=2, labelleft=column == 0, labelbottom=row == len(calls) - 1)
            axes.set_title(place, loc="left", fontsize=8.5, color="#333333", pad=3)
    middle = (left + (WIDTH - left - right) / 2) / WIDTH
    figure.text(middle, (bottom - 0.42) / height, "audio held for each call (KiB)", ha="center", fontsize=8.5)
    figure.text(
        0.1 / WIDTH,
        (bottom + inner / 2) / height,
        "resident memory for each call (KiB)",
        rotation=90,
        va="center",
        fontsize=8.5,
    )
    write_around(figure, heading, caption)
    handles = [Line2D([], [], linewidth=1.3, label=arm, **marks[arm]) for arm in arms]
    handles.append(Line2D([], [], label=_HELD, **_DIAGONAL))
    legend_below(
        figure, handles, caption, columns=columns, rise=0.12, handlelength=2.6, handletextpad=0.4, columnspacing=0.8
    )
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, marks: Mapping[str, dict[str, Any]], place: str) -> None:
    most = float(rows["held_kib"].max()) if len(rows) else 0.0
    axes.plot([0, most], [0, most], zorder=1, gid=f"held, {place}", **_DIAGONAL)
    # Lines that lie upon each other all show: the later, the thinner, and each with its marks at other looks.
    widths = np.linspace(2.8, 1.0, len(marks))
    for index, (arm, mark) in enumerate(marks.items()):
        own = rows[rows["arm"] == arm]
        if own.empty:
            continue
        step = max(1, len(own) // 2)
        axes.plot(
            own["held_kib"],
            own["rss_kib"],
            linewidth=float(widths[index]),
            markevery=(step * index // len(marks), step),
            gid=f"arm {arm}, {place}",
            **mark,
        )
    axes.grid(color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)
    sns.despine(ax=axes)


def _limits(looks: pd.DataFrame) -> tuple[tuple[float, float], tuple[float, float]]:
    """Those of x and y, the same in all panels, with room for marks at their ends."""
    held, resident = (looks[name][np.isfinite(looks[name])] for name in ("held_kib", "rss_kib"))
    wide = max(1.0, *held)
    low, high = min(0.0, *resident), max(wide, *resident)
    return (-0.04 * wide, 1.05 * wide), (low - 0.05 * high, 1.06 * high)


def _mark(language: str | None, number: int) -> dict[str, Any]:
    style = NULL_STYLE if language is None else style_of(language)
    dashes = DASHES[number % len(DASHES)]
    return {
        "color": style.colour,
        "marker": style.marker,
        "markersize": 4.5,
        "fillstyle": FILLS[number % len(FILLS)],
        "markerfacecoloralt": "white",
        "linestyle": (0, dashes) if dashes else "-",
    }


def _caption(looks: pd.DataFrame, languages: Mapping[str, str]) -> str:
    number = int(looks.groupby(["arm", "storage", "calls"]).size().max())
    low, high = int(looks["processes"].min()), int(looks["processes"].max())
    processes = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    controls = wording.listing([arm for arm in dict.fromkeys(looks["arm"]) if arm not in languages])
    said = (
        f"{wording.count(number, 'look')} at a process, from open and empty until full: medians over processes, "
        f"{processes} for each line, without bars. Resident: beyond what the process had before there was a buffer. "
        f"Lines upon each other take the same."
    )
    return f"{said} {controls} holds nothing: its mark stays at the left." if controls else said
