"""Amdahl's curve with measured servers on it, against multiplying a whole server by the ratio of a part of it."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .. import wording
from .style import FILLS, WIDTH, ratio_ticks, style_of

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
    axes = figure.add_axes((0.7 / WIDTH, bottom / height, (WIDTH - 3.1) / WIDTH, (_HEIGHT - bottom - 0.15) / height))
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
    servers = list(dict.fromkeys(gains["server"]))
    for _, row in gains.iterrows():
        style = style_of(row["language"])
        fill: Any = FILLS[servers.index(row["server"]) % len(FILLS)]
        for low, high, flat in (("share_low", "share_high", True), ("gain_low", "gain_high", False)):
            if np.isfinite([row[low], row[high]]).all():
                ends = [row[low], row[high]]
                at = [row["gain" if flat else "share"]] * 2
                axes.plot(*((ends, at) if flat else (at, ends)), color=style.colour, linewidth=0.9)
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
    axes.plot(1.0, claimed, marker="*", markersize=11, color="#222222", linestyle="none", clip_on=False)
    axes.annotate(
        "what the report claims\nof a whole server",
        (1.0, claimed),
        xytext=(-8, 12),
        textcoords="offset points",
        ha="right",
        fontsize=8,
    )
    highest = max(float(gains["gain"].max()), claimed) * 1.35
    lowest = min(float(gains["gain"].min()), 1.0) / 1.08
    axes.set_yscale("log")
    axes.set_ylim(lowest, highest)
    axes.set_xlim(0, 1)
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
        handles=[*axes.get_legend_handles_labels()[0], *_legend(gains, servers)],
        loc="upper left",
        bbox_to_anchor=((WIDTH - 2.3) / WIDTH, (bottom + _HEIGHT - bottom - 0.1) / height),
        frameon=False,
        fontsize=7.5,
    )
    figure.text(0.1 / WIDTH, 1 - 0.1 / height, "\n".join(heading), va="top", fontsize=10, weight="bold")
    caption = "Lines through a mark: 95 % t intervals over workers. A mark above the bound is within the noise of both."
    figure.text(0.1 / WIDTH, 0.08 / height, caption, va="bottom", fontsize=7.5, color="#444444")
    return figure


def _legend(gains: pd.DataFrame, servers: list[str]) -> list[Line2D]:
    handles = []
    for _, row in gains.iterrows():
        style, fill = style_of(row["language"]), FILLS[servers.index(row["server"]) % len(FILLS)]
        handles.append(
            Line2D(
                [],
                [],
                marker=style.marker,
                fillstyle=fill,  # type: ignore[arg-type]
                color=style.colour,
                markerfacecoloralt="white",
                linestyle="none",
                label=f"{row['server']}+{row['implementation']}",
            )
        )
    return handles
