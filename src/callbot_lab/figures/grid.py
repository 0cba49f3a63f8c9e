"""Language by algorithm: every kernel in every language, against crediting a language with what its kernel does."""

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
from ..summary import MEASURED, describe
from ..worker import EMPTY, NULL
from .style import CHARACTER, WIDTH, legend_below, ratio_ticks, ratios, style_of, write_around

_ROW = 0.3  # inches


def language_grid(table: pd.DataFrame, pairs: pd.DataFrame, title: str | None = None) -> Figure:
    """How many times as fast as the baseline each kernel is, a row a kernel and a mark a language, cell by cell.

    `table` holds the rows of one experiment from summary.summarise, `pairs` those of summary.same_kernel: they are
    written beside the kernels that two languages have. Marks that lie upon each other are the message.
    """
    shown = table[(table["status"] == MEASURED) & ~table["arm"].isin([NULL, EMPTY])]
    panels = [rows for _, rows in shown.groupby("cell", sort=False)]
    orders = [_kernels(rows) for rows in panels]
    heading = textwrap.wrap(title or language_grid_title(table, pairs), 88)
    caption = _caption(table)
    top, bottom, gap = 0.05 + 0.19 * len(heading), 0.85 + 0.15 * len(caption), 0.42
    height = top + bottom + sum(len(order) * _ROW + gap for order in orders)
    figure = Figure(figsize=(WIDTH, height))
    left = 0.25 + CHARACTER * max((len(kernel) for order in orders for kernel in order), default=5)
    right = 3.0
    limits = _limits(shown)
    y = height - top
    for rows, order in zip(panels, orders, strict=True):
        y -= gap + len(order) * _ROW
        box = (left / WIDTH, y / height, (WIDTH - left - right) / WIDTH, len(order) * _ROW / height)
        axes = figure.add_axes(box)
        _draw_panel(axes, rows, order, limits, pairs[pairs["cell"] == rows["cell"].iloc[0]])
        if rows is panels[-1]:
            axes.set_xlabel(f"times as fast as {rows['baseline'].iloc[0]} (log scale)", fontsize=8.5)
    write_around(figure, heading, caption)
    legend_below(figure, _legend(shown), caption, columns=6, handletextpad=0.3, columnspacing=1.0)
    return figure


def language_grid_title(table: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """What the kernel does and what the language does, in one sentence, from the arms that have a twin."""
    if pairs.empty:
        return "No kernel was measured in two languages."
    by_language = np.exp(np.log(pairs["ratio"]).abs())
    said = f"The same kernel in two languages differs by a factor of {ratios(by_language)}"
    twins = table[table["arm"].isin({*pairs["arm"], *pairs["against"]}) & table["cell"].isin(pairs["cell"])]
    speeds = twins[twins["status"] == MEASURED].groupby(["cell", "language"], sort=False)["ratio"]
    by_kernel = speeds.max() / speeds.min()
    if pairs["kernel"].nunique() < 2:
        return f"{said}; only one kernel was measured in both."
    lead = "The kernel matters more than the language: t" if by_kernel.min() > by_language.max() else "T"
    return f"{lead}{said[1:]}; the fastest and the slowest kernel in one language differ by {ratios(by_kernel)}."


def _draw_panel(
    axes: Axes, rows: pd.DataFrame, order: list[str], limits: tuple[float, float], pairs: pd.DataFrame
) -> None:
    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.plot([1, 1], [-0.6, len(order) - 0.4], color="#333333", linewidth=0.8, zorder=1)
    for place, kernel in enumerate(order):
        members = rows[rows["kernel"] == kernel].sort_values("arm")
        offsets = np.linspace(-0.18, 0.18, len(members)) if len(members) > 1 else [0.0]
        for offset, (_, row) in zip(offsets, members.iterrows(), strict=True):
            style = style_of(row["language"])
            if row["low"] > 0 and np.isfinite(row["high"]):
                ends, at = [row["low"], row["high"]], [place + offset] * 2
                axes.plot(ends, at, color=style.colour, linewidth=1.6, solid_capstyle="butt")
            axes.plot(
                row["ratio"],
                place + offset,
                marker=style.marker,
                markersize=5.5,
                color=style.colour,
                linestyle="none",
                zorder=3,
                gid=f"arm {row['arm']} in {row['cell']}",
            )
        beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 8}
        axes.text(1.02, place, _said(members, pairs[pairs["kernel"] == kernel]), color="#222222", **beside)
    axes.set_yticks(range(len(order)), order, fontsize=9)
    axes.xaxis.set_major_locator(FixedLocator(ratio_ticks(*limits)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
    sns.despine(ax=axes, left=True)
    axes.set_title(describe(rows.iloc[0]), loc="left", fontsize=8.5, color="#333333", pad=3)


def _said(members: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """The languages of a kernel against each other, or the ratio of the only one."""
    if len(pairs):
        return "; ".join(
            f"{pair['language']} / {pair['other']}: {wording.ratio(pair['ratio'])} "
            f"({wording.interval(pair['low'], pair['high'])}) {pair['verdict']}"
            for _, pair in pairs.iterrows()
        )
    return ", ".join(f"{row['arm']}: {wording.ratio(row['ratio'])}" for _, row in members.iterrows())


def _kernels(rows: pd.DataFrame) -> list[str]:
    """The kernels of a cell, the slowest first."""
    return list(rows.groupby("kernel")["ratio"].max().sort_values().index)


def _legend(shown: pd.DataFrame) -> list[Any]:
    return [
        Line2D([], [], color=style_of(name).colour, marker=style_of(name).marker, linewidth=1.6, label=name)
        for name in sorted(set(shown["language"]))
    ]


def _caption(table: pd.DataFrame) -> list[str]:
    lacking = table[(table["status"] != MEASURED) & ~table["arm"].isin([NULL, EMPTY])]
    text = (
        "Line: interval over workers. Beside a kernel that two languages have: how many times as fast the first is as "
        "the second, from the same blocks."
    )
    if len(lacking):
        text += f" Not measured: {wording.listing(list(dict.fromkeys(lacking['arm'])))}."
    return textwrap.wrap(text, 118)


def _limits(shown: pd.DataFrame) -> tuple[float, float]:
    values = np.concatenate([shown[["ratio", "low", "high"]].to_numpy(dtype=float).ravel(), [1.0]])
    values = values[np.isfinite(values) & (values > 0)]
    room = (values.max() / values.min()) ** 0.06 * 1.01
    return float(values.min() / room), float(values.max() * room)
