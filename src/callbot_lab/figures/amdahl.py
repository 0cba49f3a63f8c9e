"""Amdahl's curve with measured servers on it, against multiplying a whole server by the ratio of a part of it."""

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
from .style import FILLS, WIDTH, ratio_ticks, style_of, write_around

_HEIGHT = 4.6


def amdahl(gains: pd.DataFrame, claimed: float, title: str) -> Figure:
    """Gain of a whole server by the share that decode, buffer and journal have in it (log axis), with the bound.

    `gains` is serverlab.summary.gains with `language` (of the implementation); `claimed` is the seed report's ratio, of
    the part alone. Against multiplying a server by what a loop gained: the claim stands where the share is 1.
    """
    heading = textwrap.wrap(title, 88)
    height = _HEIGHT + 0.19 * len(heading)
    figure = Figure(figsize=(WIDTH, height))
    bottom = 0.62
    axes = figure.add_axes((0.7 / WIDTH, bottom / height, (WIDTH - 3.25) / WIDTH, (_HEIGHT - bottom - 0.15) / height))
    shares = np.linspace(0, 0.999, 400)
    axes.plot(shares, 1 / (1 - shares), color="#222222", linewidth=1.2, label="were the part free (Amdahl's bound)")
    axes.plot(
        shares,
        1 / (1 - shares + shares / claimed),
        color="#777777",
        linewidth=1.0,
        linestyle="--",
        label=f"were the part {wording.ratio(claimed)} times as fast",
    )
    highest = max(float(gains["gain"].max()), claimed) * 1.35
    lowest = min(float(gains["gain"].min()), 1.0) / 1.08
    axes.set_yscale("log")
    axes.set_ylim(lowest, highest)
    axes.set_xlim(0, 1)
    fills = dict(zip(dict.fromkeys(gains["server"]), FILLS * len(gains), strict=False))
    rows = gains.sort_values("gain")
    # One column of names for all servers, right of all marks: shares may lie so near that two would run together.
    ends = rows[["share", "share_high"]].to_numpy(float)
    beside = float(ends[np.isfinite(ends)].max()) + 0.03
    for row, height_of in zip(rows.to_dict("records"), _apart(rows["gain"], axes), strict=True):
        _draw(axes, row, fills[row["server"]], (beside, height_of))
    axes.plot(1.0, claimed, marker="*", markersize=11, color="#222222", linestyle="none", clip_on=False)
    axes.annotate(
        "what the report claims\nof a whole server",
        (1.0, claimed),
        xytext=(-8, 12),
        textcoords="offset points",
        ha="right",
        fontsize=8,
    )
    axes.yaxis.set_major_locator(FixedLocator(ratio_ticks(lowest, highest)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_major_formatter(lambda value, _: wording.percent(value, 0))
    axes.tick_params(labelsize=8)
    axes.set_xlabel("share of decode, buffer and journal in a message's CPU time, Python's", fontsize=8.5)
    axes.set_ylabel("times less CPU per message than with Python's", fontsize=8.5)
    axes.grid(color="#e5e5e5", linewidth=0.6)
    sns.despine(ax=axes)
    figure.legend(
        handles=[*axes.get_legend_handles_labels()[0], *_legend(gains, fills)],
        loc="upper left",
        bbox_to_anchor=((WIDTH - 2.48) / WIDTH, (bottom + _HEIGHT - bottom - 0.1) / height),
        frameon=False,
        fontsize=7.5,
    )
    caption = (
        "Lines through a mark: 95 % t intervals over workers. Star: the report takes the ratio of a loop for a "
        "whole server's."
    )
    write_around(figure, heading, [caption])
    return figure


def _draw(axes: Axes, row: dict[str, Any], fill: Any, place: tuple[float, float]) -> None:
    """A mark with its intervals, and its name at a place where no other name stands."""
    style = style_of(row["language"])
    if np.isfinite([row["share_low"], row["share_high"]]).all():
        axes.plot([row["share_low"], row["share_high"]], [row["gain"]] * 2, color=style.colour, linewidth=0.9)
    if np.isfinite([row["gain_low"], row["gain_high"]]).all():
        axes.plot([row["share"]] * 2, [row["gain_low"], row["gain_high"]], color=style.colour, linewidth=0.9)
    axes.plot(
        row["share"],
        row["gain"],
        marker=style.marker,
        fillstyle=fill,
        markersize=6.5,
        color=style.colour,
        markerfacecoloralt="white",
        linestyle="none",
        gid=f"{row['server']}+{row['implementation']}",
    )
    axes.annotate(
        f"{row['server']}+{row['implementation']} {wording.ratio(row['gain'])}",
        (row["share"], row["gain"]),
        xytext=place,
        va="center",
        fontsize=7.5,
        color="#222222",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
        arrowprops={"arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.6, "shrinkA": 1, "shrinkB": 5},
    )


def _apart(gains: pd.Series, axes: Axes) -> list[float]:
    """Heights for the names of marks, in rising order, a line of text apart."""
    low, high = np.log(axes.get_ylim())
    step = (high - low) * 0.038
    found: list[float] = []
    for value in np.log(gains.to_numpy(float)):
        found.append(max(value, found[-1] + step) if found else value)
    middle = (found[-1] - np.log(float(gains.iloc[-1]))) / 2
    return [float(np.exp(value - middle)) for value in found]


def _legend(gains: pd.DataFrame, fills: dict[str, Any]) -> list[Line2D]:
    """A line for each language, and one for each server."""
    shown: dict[str, Any] = {"linestyle": "none", "markerfacecoloralt": "white", "markersize": 6.5}
    languages = [
        Line2D([], [], marker=style_of(name).marker, color=style_of(name).colour, label=f"in {name}", **shown)
        for name in sorted(set(gains["language"]))
    ]
    servers = [
        Line2D([], [], marker="o", color="#555555", fillstyle=fill, label=f"{server}+...", **shown)
        for server, fill in fills.items()
    ]
    return languages + servers
