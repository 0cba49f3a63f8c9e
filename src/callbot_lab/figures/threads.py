"""Two threads against one by chunk size, and how long another waits, against taking native code for parallel code."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .. import wording
from ..analysis import CONFIDENCE
from ..probes.threads import MACHINE
from .style import DASHES, FILLS, NULL_STYLE, WIDTH, legend_below, ratio_ticks, style_of, variants, write_around

_UPPER, _LOWER, _GAP = 2.8, 2.4, 0.25  # inches
_LEFT, _RIGHT = 0.75, 1.05
_SMALL = 0.062
"""Inches that a character of the 7.5 point labels takes."""
_STEP = 0.03
"""Decades of size by which the marks of two arms stand apart at most."""
_LINEAR = 0.1
"""Milliseconds around 0 within which the axis of the waits is linear: a wait may be nought or less."""

_Look = dict[str, Any]
"""How the line of an arm is drawn."""


def thread_scaling(scaled: pd.DataFrame, waits: pd.DataFrame, languages: Mapping[str, str], title: str) -> Figure:
    """Throughput of two threads over that of one by size, above how much later another thread comes back (log axes).

    `scaled` and `waits` are those of probes.threads_summary; `languages` has that of every arm, and the control is
    grey. An interval that is not known is not drawn; without waits there is no second panel.
    """
    arms = sorted(set(scaled["arm"]) | set(waits["arm"]))
    looks = _looks(arms, languages)
    sizes = sorted({int(size) for size in scaled["size"]} | {int(size) for size in waits["size"]})
    shifts = _shifts(arms, sizes)
    heading = textwrap.wrap(title, 88)
    caption = textwrap.wrap(_caption(scaled), 118)
    columns = max(1, int((WIDTH - 0.2) / (0.55 + _SMALL * max(map(len, arms)))))
    legend_rows = -(-len(arms) // columns)
    top, bottom = 0.25 + 0.19 * len(heading), 0.75 + 0.15 * len(caption) + 0.17 * legend_rows
    below = _LOWER + _GAP if len(waits) else 0.0
    height = top + _UPPER + below + bottom
    figure = Figure(figsize=(WIDTH, height))

    def panel(y: float, tall: float) -> Axes:
        return figure.add_axes((_LEFT / WIDTH, y / height, (WIDTH - _LEFT - _RIGHT) / WIDTH, tall / height))

    upper = panel(bottom + below, _UPPER)
    _draw_scaling(upper, scaled, looks, shifts)
    _size_axis(upper, sizes, named=not len(waits))
    if len(waits):
        lower = panel(bottom, _LOWER)
        _draw_waits(lower, waits, looks, shifts)
        _size_axis(lower, sizes, named=True)
    write_around(figure, heading, caption)
    legend_below(
        figure,
        [Line2D([], [], linewidth=1.2, markersize=5, label=arm, **looks[arm]) for arm in arms],
        caption,
        columns=columns,
        rise=0.12,
        handlelength=2.6,
        handletextpad=0.4,
        columnspacing=1.0,
    )
    return figure


def processes(scaled: pd.DataFrame) -> str:
    """How many processes an arm has at a size: a number, or a range."""
    counts = sorted({int(count) for count in scaled["processes"]})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _draw_scaling(axes: Axes, scaled: pd.DataFrame, looks: dict[str, _Look], shifts: dict[str, float]) -> None:
    values = scaled[["ratio", "low", "high"]].to_numpy(float).ravel()
    values = np.append(values[np.isfinite(values) & (values > 0)], [0.5, 2.1])
    limits = (float(values.min()) / 1.08, float(values.max()) * 1.05)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(limits)
    axes.yaxis.set_major_locator(FixedLocator(ratio_ticks(*limits)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _reference(axes, 1, "1: no more\nthan one thread")
    _reference(axes, 2, "2: both CPUs\nin full")
    _draw_arms(axes, scaled, "ratio", "scaling", looks, shifts)
    axes.set_ylabel("two threads, times what one does\n(log scale)", fontsize=8.5)


def _draw_waits(axes: Axes, waits: pd.DataFrame, looks: dict[str, _Look], shifts: dict[str, float]) -> None:
    values = waits[["ms", "low", "high"]].to_numpy(float).ravel()
    values = np.append(values[np.isfinite(values)], [0.0, 2 * _LINEAR])
    # Below nought too, so that no mark lies on the edge.
    low, high = float(values.min()) * 1.3 - 0.3 * _LINEAR, float(values.max()) * 1.5
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=_LINEAR, linscale=0.5)
    axes.set_ylim(low, high)
    steps = [digit * 10.0**decade for decade in range(-1, 6) for digit in (1, 2, 5)]
    ticks = [0.0, *steps, *(-step for step in steps)]
    axes.yaxis.set_major_locator(FixedLocator(sorted(tick for tick in ticks if low <= tick <= high)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    _reference(axes, 0, "0: as beside\nnobody")
    _draw_arms(axes, waits, "ms", "wait", looks, shifts)
    axes.set_ylabel("wait of another thread, ms\n(log scale, linear near 0)", fontsize=8.5)


def _draw_arms(
    axes: Axes, table: pd.DataFrame, value: str, name: str, looks: dict[str, _Look], shifts: dict[str, float]
) -> None:
    for arm, look in looks.items():
        own = table[(table["arm"] == arm) & np.isfinite(table[value].to_numpy(float))].sort_values("size")
        if own.empty:
            continue
        at, ends = own["size"].to_numpy(float) * shifts[arm], own[["low", "high"]].to_numpy(float)
        sure = np.isfinite(ends).all(axis=1)
        axes.vlines(at[sure], ends[sure, 0], ends[sure, 1], color=look["color"], linewidth=1.4, zorder=2)
        drawn: _Look = {"linewidth": 1.0, "markersize": 5, "zorder": 3, "gid": f"{name} {arm}"}
        axes.plot(at, own[value].to_numpy(float), **drawn, **look)


def _reference(axes: Axes, value: float, meaning: str) -> None:
    """A line to compare with, named to the right of the panel, where nothing is drawn."""
    axes.axhline(value, color="#999999", linewidth=0.8, zorder=1)
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 7.5}
    axes.text(1.015, value, meaning, color="#444444", **beside)


def _size_axis(axes: Axes, sizes: Sequence[int], *, named: bool) -> None:
    """The measured sizes as ticks, each with its number unless that would touch the one before."""
    low, high = sizes[0] / 1.4, sizes[-1] * 1.4
    inches = (WIDTH - _LEFT - _RIGHT) / float(np.log10(high / low))
    labels: list[str] = []
    end = -np.inf
    for size in sizes:
        label = f"{size:,}"
        middle, half = inches * float(np.log10(size / low)), _SMALL * len(label) / 2
        fits = middle - half > end + 0.04
        labels.append(label if fits else "")
        end = middle + half if fits else end
    axes.set_xlim(low, high)
    axes.set_xticks(sizes, labels)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="y", labelsize=8)
    axes.tick_params(axis="x", labelsize=7.5, labelbottom=named)
    if named:
        axes.set_xlabel("bytes of PCM in a chunk (log scale)", fontsize=8.5)
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)
    sns.despine(ax=axes)


def _shifts(arms: Sequence[str], sizes: Sequence[int]) -> dict[str, float]:
    """Factors of size by which arms stand side by side, so that no mark hides another, nor meets the next size."""
    gap = float(np.diff(np.log10(sizes)).min()) if len(sizes) > 1 else 1.0
    step = min(_STEP, 0.6 * gap / len(arms))
    return {arm: 10 ** (step * (place - (len(arms) - 1) / 2)) for place, arm in enumerate(arms)}


def _looks(arms: Sequence[str], languages: Mapping[str, str]) -> dict[str, _Look]:
    spoken = {arm: languages.get(arm, "") for arm in arms if arm != MACHINE}
    numbers = variants(spoken, spoken)
    looks: dict[str, _Look] = {}
    for arm in arms:
        if arm == MACHINE:
            looks[arm] = {"color": NULL_STYLE.colour, "marker": NULL_STYLE.marker, "linestyle": "-"}
            continue
        style, dashes = style_of(spoken[arm]), DASHES[numbers[arm] % len(DASHES)]
        looks[arm] = {
            "color": style.colour,
            "marker": style.marker,
            "fillstyle": FILLS[numbers[arm] % len(FILLS)],
            "markerfacecoloralt": "white",
            "linestyle": (0, dashes) if dashes else "-",
        }
    return looks


def _caption(scaled: pd.DataFrame) -> str:
    bars = f"bar: {wording.percent(CONFIDENCE, 0)} t interval over processes"
    bars = bars if np.isfinite(scaled["high"].to_numpy(float)).any() else "no bars: too few processes for an interval"
    return (
        f"Mark: mean over fresh processes ({processes(scaled)} at a size); {bars}. Marks of one size stand side by "
        f"side. Wait: how much later a thread comes back from a sleep than beside nobody. Grey: the control {MACHINE}, "
        f"which shares nothing; where it stays well below 2 the machine was busy, and nothing at that size can be "
        f"trusted."
    )
