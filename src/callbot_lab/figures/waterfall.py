"""The waterfall: an ablation from its first step to its last, against taking a whole gain for that of one step."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .. import wording
from ..ablation import LANGUAGE, label
from ..summary import MEASURED
from .style import CHARACTER, WIDTH, legend_below, ratio_ticks, write_around

_ROW = 0.36  # inches
_FASTER, _SLOWER, _SAME, _TOTAL = "#44aa99", "#bb5566", "#aaaaaa", "#555555"


def waterfall(steps: pd.DataFrame, title: str) -> Figure:
    """How many times as fast each step of an ablation makes it, from the first to the last (log axis).

    `steps` are those of ablation.Chain. A bar goes from what the steps above it come to, to what they come to with
    this one; the line at its end is the interval of the step alone. The last bar is the last step against the first,
    measured directly: where it ends elsewhere, the steps do not add up. A step without numbers is a row with its
    reason.
    """
    heading = textwrap.wrap(title, 88)
    last = steps[steps["status"] == MEASURED].iloc[-1]
    first = steps.iloc[0]
    rows = len(steps)  # the first step is where the bars start, and the whole has a row
    caption = textwrap.wrap(
        f"Each bar is one named change, measured against the arm of the step before, in the same blocks; the first "
        f"is measured against {first['arm']}. Line: interval over workers. Last bar: {last['arm']} against "
        f"{first['arm']} directly.",
        118,
    )
    top, bottom = 0.2 + 0.19 * len(heading), 0.8 + 0.15 * len(caption)
    height = top + bottom + rows * _ROW
    figure = Figure(figsize=(WIDTH, height))
    names = max(0.9 * steps["arm"].str.len().max(), 1.15 * max(len(label(step)) for _, step in steps.iterrows()))
    left, right = 0.3 + CHARACTER * names, 2.55
    axes = figure.add_axes((left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, rows * _ROW / height))
    axes.set_xscale("log")
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xlim(_limits(steps))
    before = first["product"]
    axes.plot([1, 1], [-0.5, rows - 0.5], color="#333333", linewidth=0.8, zorder=1)
    for place, (_, step) in enumerate(steps.iloc[1:].iterrows()):
        if step["status"] == MEASURED:
            _draw_step(axes, place, step, before)
            before = step["product"]
        _name(axes, place, step)
    _draw_whole(axes, rows - 1, last)
    axes.set_yticks([])
    axes.xaxis.set_major_locator(FixedLocator(ratio_ticks(*axes.get_xlim())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="x", labelsize=8)
    axes.set_xlabel(f"times as fast as {first['arm']} (log scale)", fontsize=8.5)
    sns.despine(ax=axes, left=True)
    write_around(figure, heading, caption)
    legend_below(figure, _legend(steps), caption, columns=4, handletextpad=0.4, columnspacing=1.0)
    return figure


def _draw_step(axes: Axes, place: int, step: pd.Series, before: float) -> None:
    after = step["product"]
    marked = _is_language_alone(step)
    axes.barh(
        place,
        after - before,
        left=before,
        height=0.56,
        color=_colour(step["verdict"]),
        edgecolor="#000000" if marked else "none",
        hatch="///" if marked else None,
        linewidth=1.2 if marked else 0,
        zorder=2,
        gid=f"step {step['arm']}",
    )
    axes.plot([after, after], [place, place + 1], color="#888888", linewidth=0.6, zorder=1)
    if step["low"] > 0 and np.isfinite(step["high"]):
        ends = [before * step["low"], before * step["high"]]
        axes.plot(ends, [place, place], color="#111111", linewidth=1.2, solid_capstyle="butt", zorder=3)
    _number(axes, place, step["ratio"], (step["low"], step["high"]), step["verdict"], bold=marked)


def _draw_whole(axes: Axes, place: int, last: pd.Series) -> None:
    axes.barh(place, last["total"] - 1, left=1, height=0.56, color=_TOTAL, zorder=2, gid="whole")
    if last["total_low"] > 0 and np.isfinite(last["total_high"]):
        ends = [last["total_low"], last["total_high"]]
        axes.plot(ends, [place, place], color="#111111", linewidth=1.2, solid_capstyle="butt", zorder=3)
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
    axes.text(-0.02, place, "all steps", fontsize=9, weight="bold", **beside)
    _number(axes, place, last["total"], (last["total_low"], last["total_high"]), "", bold=True)


def _number(axes: Axes, place: int, ratio: float, ends: tuple[float, float], verdict: str, *, bold: bool) -> None:
    text = f"{wording.ratio(ratio)} ({wording.interval(*ends)}) {verdict}".rstrip()
    weight = "bold" if bold else "normal"
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center"}
    axes.text(1.02, place, text, fontsize=8, color="#222222", weight=weight, **beside)


def _name(axes: Axes, place: int, step: pd.Series) -> None:
    """The change and the arm of a step, and the reason of one that has no numbers."""
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right"}
    lacking = step["status"] != MEASURED
    colour = "#555555" if lacking else "#000000"
    weight = "bold" if _is_language_alone(step) else "normal"
    axes.text(-0.02, place - 0.02, label(step), va="bottom", fontsize=9, weight=weight, color=colour, **beside)
    axes.text(-0.02, place + 0.04, step["arm"], va="top", fontsize=7, color="#555555", **beside)
    if lacking:
        reason = textwrap.shorten(
            f"not measured: {step['status']}: {wording.short(step['reason'])}", 70, placeholder=" ..."
        )
        axes.text(
            0.02,
            place,
            reason,
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=7.5,
            style="italic",
            color="#555555",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )


def _is_language_alone(step: pd.Series) -> bool:
    return bool(step["change"] == LANGUAGE and step["status"] == MEASURED and not step["with_it"])


def _colour(verdict: str) -> str:
    return {"faster": _FASTER, "slower": _SLOWER}.get(verdict, _SAME)


def _legend(steps: pd.DataFrame) -> list[Any]:
    handles = [
        Patch(color=_FASTER, label="faster than the step before"),
        Patch(color=_SLOWER, label="slower"),
        Patch(color=_SAME, label="equivalent or undecided"),
    ]
    if steps.apply(_is_language_alone, axis=1).any():
        handles.append(
            Patch(facecolor="white", edgecolor="black", hatch="///", label="one compiled language for the other")
        )
    return handles


def _limits(steps: pd.DataFrame) -> tuple[float, float]:
    values = steps[["product", "total", "total_low", "total_high"]].to_numpy(dtype=float).ravel()
    values = values[np.isfinite(values) & (values > 0)]
    room = (values.max() / values.min()) ** 0.04 * 1.01
    return float(values.min() / room), float(values.max() * room)
