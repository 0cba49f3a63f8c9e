"""The forest: how many times as fast each arm is as the baseline, against reading noise as difference."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .. import wording
from ..analysis import CONFIDENCE
from ..summary import MEASURED, competitors, describe
from ..worker import EMPTY, NULL
from .style import NULL_STYLE, WIDTH, legend_below, ratio_ticks, ratios, style_of, width_of, write_around

_ROW = 0.25  # inches
_NAME = 9  # points of the names of arms


def ratio_forest(table: pd.DataFrame, title: str | None = None) -> Figure:
    """How many times as fast each arm is as the baseline, cell by cell, with intervals (log axis).

    `table` holds the rows of one experiment from summary.summarise. Against reading noise as difference: the band of
    the null arm, the margin and the undecided marks are drawn. Arms without numbers are rows with their reason.
    """
    panels = [rows for _, rows in table.groupby("cell", sort=False)]
    sizes = [len(ordered(rows)) + 0.6 for rows in panels]
    heading = textwrap.wrap(title or forest_title(table), 88)
    caption = [line for part in _caption(table) for line in textwrap.wrap(part, 118)]
    top, bottom = 0.05 + 0.19 * len(heading), 0.95 + 0.15 * len(caption)
    gap = 0.42
    height = top + bottom + sum(sizes) * _ROW + gap * len(panels)
    figure = Figure(figsize=(WIDTH, height))
    left, right = 0.3 + max((width_of(arm, _NAME) for arm in table["arm"]), default=0.5), 2.25
    limits = _limits(table)
    y = height - top
    for rows, size in zip(panels, sizes, strict=True):
        y -= gap + size * _ROW
        box = (left / WIDTH, y / height, (WIDTH - left - right) / WIDTH, size * _ROW / height)
        _draw_panel(figure.add_axes(box), rows, limits, last=rows is panels[-1])
    write_around(figure, heading, caption)
    handles = _legend(table)
    legend_below(figure, handles, caption, columns=len(handles), rise=0.12, handletextpad=0.3, columnspacing=1.0)
    return figure


def forest_title(table: pd.DataFrame) -> str:
    """The message of a forest in one sentence, computed from its rows."""
    if table.empty:
        return "Nothing was measured."
    rows = competitors(table, table["experiment"].iloc[0])
    baseline = table["baseline"].iloc[0]
    if rows.empty:
        return f"No arm could be measured against {baseline}."
    cells = rows["cell"].nunique()
    everywhere = "" if cells == 1 else f" in each of {cells} cells"
    leaders = rows.loc[rows.groupby("cell", sort=False)["ratio"].idxmax()]
    if rows["arm"].nunique() == 1:
        words = rows["verdict"].value_counts(sort=False)
        verdicts = wording.listing([f"{word} in {wording.count(n, 'cell')}" for word, n in words.items()])
        return f"{rows['arm'].iloc[0]} is {ratios(rows['ratio'])} times as fast as {baseline}: {verdicts}."
    if not (rows["verdict"] == "faster").any():
        return f"No arm is faster than {baseline}{everywhere and ' in any cell'}."
    if leaders["arm"].nunique() == 1:
        return (
            f"{leaders['arm'].iloc[0]} has the highest ratio{everywhere}: "
            f"{ratios(leaders['ratio'])} times as fast as {baseline}."
        )
    names = " or ".join(dict.fromkeys(leaders["arm"]))
    return (
        f"Depending on the cell, {names} has the highest ratio: {ratios(leaders['ratio'])} times as fast as {baseline}."
    )


def ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a cell as they are shown: by ratio, then the null arm, the empty call, and the arms without numbers."""
    group = np.select(
        [rows["status"] != MEASURED, rows["arm"] == EMPTY, rows["arm"] == NULL],
        [3, 2, 1],
        default=0,
    )
    return rows.assign(_group=group).sort_values(["_group", "ratio"], ascending=[True, False], kind="stable")


def _draw_panel(axes: Axes, rows: pd.DataFrame, limits: tuple[float, float], *, last: bool) -> None:
    shown = ordered(rows).reset_index(drop=True)
    first = shown.iloc[0]
    measured = shown[shown["status"] == MEASURED]
    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    # Band and lines end where the numbers do: words follow below.
    numbers = int((measured["arm"] != EMPTY).sum())
    margin, extent = 1 + first["margin"], (-0.6, numbers - 0.5)
    if numbers:
        low, high = measured["null_low"].iloc[0], measured["null_high"].iloc[0]
        if low > 0 and np.isfinite(high):
            axes.fill_betweenx(extent, low, high, color="#bbbbbb", alpha=0.6, linewidth=0, zorder=0)
        for edge in (1 / margin, margin):
            axes.plot([edge, edge], extent, color="#888888", linewidth=0.7, linestyle=":", zorder=1)
        axes.plot([1, 1], extent, color="#333333", linewidth=0.8, zorder=1)
    for place, row in shown.iterrows():
        _draw_row(axes, place, row, limits)
    axes.set_yticks(range(len(shown)), shown["arm"], fontsize=_NAME)
    axes.xaxis.set_major_locator(FixedLocator(ratio_ticks(*limits)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="x", labelsize=8, labelbottom=True)
    axes.tick_params(axis="y", length=0)
    sns.despine(ax=axes, left=True)
    workers = [int(n) for n in measured.loc[measured["arm"] != EMPTY, "workers"]]
    size = f" ({wording.spread(workers, 'worker')})" if workers else ""
    axes.set_title(f"{describe(first)}{size}", loc="left", fontsize=8.5, color="#333333", pad=3)
    if last:
        axes.set_xlabel(f"times as fast as {first['baseline']} (log scale; right of 1 is faster)", fontsize=8.5)


def _draw_row(axes: Axes, place: Any, row: pd.Series, limits: tuple[float, float]) -> None:
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 8}
    if row["status"] != MEASURED:
        reason = textwrap.shorten(
            f"not measured: {row['status']}: {wording.short(row['reason'])}", 104, placeholder=" ..."
        )
        axes.text(0.01, place, reason, color="#555555", style="italic", **{**beside, "fontsize": 7.5})
        return
    if row["arm"] == EMPTY:
        bound = f"a call that does nothing, once a chunk: {wording.ratio(row['ratio'])}"
        axes.text(0.99, place, f"{bound}  \N{RIGHTWARDS ARROW}", ha="right", color="#555555", **beside)
        axes.text(1.02, place, "a bound, no arm", color="#555555", **beside)
        return
    null, undecided = row["arm"] == NULL, row["verdict"] == "undecided"
    style = NULL_STYLE if null else style_of(row["language"])
    colour = "#777777" if undecided else style.colour
    if row["low"] > 0 and np.isfinite(row["high"]):
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
    axes.plot(
        row["ratio"],
        place,
        marker=style.marker,
        markersize=6,
        markerfacecolor="white" if undecided else colour,
        markeredgecolor=colour,
        markeredgewidth=1.3,
        linestyle="none",
        zorder=3,
        gid=f"arm {row['arm']} in {row['cell']}",
    )
    word = "null arm" if null else "a bound" if row["bound"] else row["verdict"]
    label = f"{wording.ratio(row['ratio'])} ({wording.interval(row['low'], row['high'])}) {word}"
    axes.text(1.02, place, label, color="#222222", **beside)


def _legend(table: pd.DataFrame) -> list[Any]:
    measured = table[(table["status"] == MEASURED) & ~table["arm"].isin([NULL, EMPTY])]
    handles: list[Any] = []
    for language in sorted(set(measured["language"])):
        style = style_of(language)
        handles.append(
            Line2D([], [], color=style.colour, marker=style.marker, linewidth=1.6, label=language or "unknown")
        )
    grey = NULL_STYLE.colour
    if (measured["verdict"] == "undecided").any():
        marks: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": grey, "markeredgewidth": 1.3}
        handles.append(Line2D([], [], color=grey, marker="o", linewidth=1.6, label="undecided", **marks))
    handles.append(Patch(color="#bbbbbb", alpha=0.6, linewidth=0, label="null arm's interval"))
    margin = wording.margin(table["margin"].iloc[0]) if len(table) else ""
    handles.append(Line2D([], [], color="#888888", linewidth=0.7, linestyle=":", label=f"margin of {margin}"))
    return handles


def _caption(table: pd.DataFrame) -> list[str]:
    measured = table[(table["status"] == MEASURED) & (table["arm"] != EMPTY)]
    workers = wording.spread([int(n) for n in measured["workers"]], "worker")
    blocks = wording.spread([int(n) for n in measured["blocks"]], "block")
    kind = f"{wording.percent(CONFIDENCE, 0)} t interval over workers"
    return [
        f"{workers} (fresh processes); {blocks} in all for each arm of a cell. Line: {kind}. "
        "Colour and marker: the language that the arm says it is built in."
    ]


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Ends of the axis: every arm and interval, the margin, the null band; the empty call would squeeze the rest."""
    drawn = table[(table["status"] == MEASURED) & (table["arm"] != EMPTY)]
    margin = 1 + (table["margin"].max() if len(table) else 0.1)
    values = np.concatenate([drawn[["ratio", "low", "high"]].to_numpy().ravel(), [1 / margin, margin]])
    values = values[np.isfinite(values) & (values > 0)]
    room = (values.max() / values.min()) ** 0.06
    return float(values.min() / room), float(values.max() * room)
