"""The figures: each a function from a data frame to a matplotlib figure, and each against one way to misread.

They use the object interface only, so that nothing of theirs stays behind in pyplot.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from . import wording
from .analysis import CONFIDENCE
from .summary import MEASURED, competitors, describe
from .worker import EMPTY, NULL


@dataclass(frozen=True)
class Style:
    """How the arms of a language are drawn; the marker repeats what the colour says."""

    colour: str
    marker: str


# Told apart by people who see no red or no green, and in grey: the lightness of every two differs.
STYLES = {
    "python": Style("#004488", "o"),
    "cython": Style("#ddaa33", "s"),
    "rust": Style("#cc6677", "D"),
    "c": Style("#117733", "^"),
}
"""Styles by the language of an arm's BUILD; any other language takes OTHER."""
OTHER = Style("#222222", "v")
NULL_STYLE = Style("#777777", "x")

_WIDTH = 7.6
_ROW = 0.25
_CHARACTER = 0.068  # inches that a character of the 9 point labels takes
_TICKS = (
    (0.001, 0.01, 0.1, 1, 10, 100, 1000),
    (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200),
    (0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15),
    (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3),
    (0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2),
    (0.97, 0.98, 0.99, 1, 1.01, 1.02, 1.03),
)


def style_of(language: str) -> Style:
    """The style of a language; one that nobody foresaw has one too."""
    return STYLES.get(language.lower(), OTHER)


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
    figure = Figure(figsize=(_WIDTH, height))
    names = max((len(arm) for arm in table["arm"]), default=5)
    left, right = 0.25 + _CHARACTER * names, 2.25
    limits = _limits(table)
    y = height - top
    for rows, size in zip(panels, sizes, strict=True):
        y -= gap + size * _ROW
        box = (left / _WIDTH, y / height, (_WIDTH - left - right) / _WIDTH, size * _ROW / height)
        _draw_panel(figure.add_axes(box), rows, limits, last=rows is panels[-1])
    figure.text(0.1 / _WIDTH, 1 - 0.1 / height, "\n".join(heading), va="top", fontsize=10, weight="bold")
    figure.text(0.1 / _WIDTH, 0.08 / height, "\n".join(caption), va="bottom", fontsize=7.5, color="#444444")
    handles = _legend(table)
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.05 / _WIDTH, (0.12 + 0.15 * len(caption)) / height),
        ncols=len(handles),
        frameon=False,
        fontsize=7.5,
        handletextpad=0.3,
        columnspacing=1.0,
    )
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
        return f"{rows['arm'].iloc[0]} is {_range(rows['ratio'])} times as fast as {baseline}: {verdicts}."
    if not (rows["verdict"] == "faster").any():
        return f"No arm is faster than {baseline}{everywhere and ' in any cell'}."
    if leaders["arm"].nunique() == 1:
        return (
            f"{leaders['arm'].iloc[0]} has the highest ratio{everywhere}: "
            f"{_range(leaders['ratio'])} times as fast as {baseline}."
        )
    names = " or ".join(dict.fromkeys(leaders["arm"]))
    return (
        f"Depending on the cell, {names} has the highest ratio: {_range(leaders['ratio'])} times as fast as {baseline}."
    )


def run_order(medians: pd.DataFrame, title: str | None = None) -> Figure:
    """Median time per chunk of every worker, in the order in which they ran (log axis).

    `medians` comes from summary.worker_medians. Against taking drift or one odd process for a property of an arm.
    """
    order = list(medians.groupby("arm")["ns"].median().sort_values(ascending=False).index)
    height = max(2.8, 1.5 + 0.2 * len(order))
    figure = Figure(figsize=(_WIDTH, height))
    names = max((len(name) for name in order), default=5)
    right = 0.75 + _CHARACTER * names
    axes = figure.add_axes((0.75 / _WIDTH, 0.5 / height, (_WIDTH - 0.75 - right) / _WIDTH, (height - 1.15) / height))
    languages = dict(zip(medians["arm"], medians["language"], strict=True))
    styles = {name: NULL_STYLE if name == NULL else style_of(languages[name]) for name in order}
    sns.lineplot(
        medians,
        x="worker",
        y="ns",
        hue="arm",
        style="arm",
        hue_order=order,
        style_order=order,
        palette={name: style.colour for name, style in styles.items()},
        # Seaborn does not mix filled markers with line-art ones such as the null arm's.
        markers={name: "X" if name == NULL else style.marker for name, style in styles.items()},
        dashes=False,
        legend=False,
        estimator=None,
        linewidth=0.8,
        markersize=4.5,
        ax=axes,
    )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_minor_locator(NullLocator())
    low, high = medians["ns"].min() / 1.2, medians["ns"].max() * 1.2
    axes.set_ylim(low, high)
    axes.yaxis.set_major_locator(FixedLocator(_one_two_five(low, high)))
    axes.xaxis.set_major_locator(FixedLocator(sorted(set(medians["worker"]))[:: 1 + medians["worker"].nunique() // 20]))
    axes.set(xlabel="worker, in the order of the run", ylabel="ns per chunk (median)")
    axes.tick_params(labelsize=8)
    step = 0.15 / (axes.get_position().height * height)
    _label_ends(axes, medians, step)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    sns.despine(ax=axes)
    heading = "\n".join(textwrap.wrap(title or run_order_title(medians), 88))
    figure.text(0.1 / _WIDTH, 1 - 0.1 / height, heading, va="top", fontsize=10, weight="bold")
    return figure


def _label_ends(axes: Axes, medians: pd.DataFrame, step: float) -> None:
    """Name every line at its right end, in order, at least `step` (of the axes' height) apart."""
    last = medians.sort_values("worker").groupby("arm")["ns"].last().sort_values()
    low, high = np.log(axes.get_ylim())
    places = (np.log(last.to_numpy()) - low) / (high - low)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + step)
    places[-1] = min(places[-1], 1.0)
    for i in reversed(range(len(places) - 1)):
        places[i] = min(places[i], places[i + 1] - step)
    for arm, place in zip(last.index, places, strict=True):
        axes.text(1.02, place, arm, transform=axes.transAxes, va="center", fontsize=8, color="#222222")


def run_order_title(medians: pd.DataFrame) -> str:
    """How far apart the workers are, in one sentence."""
    if medians.empty:
        return "Nothing was measured."
    ends = medians.groupby("arm")["ns"].agg(["min", "max"])
    spread = ends["max"] / ends["min"] - 1
    return (
        f"The slowest of {wording.count(medians['worker'].nunique(), 'worker')} took {_percents(spread)} longer than "
        f"the fastest, depending on the arm."
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
    axes.set_yticks(range(len(shown)), shown["arm"], fontsize=9)
    axes.xaxis.set_major_locator(FixedLocator(_ticks(*limits)))
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
    word = "null arm" if null else row["verdict"]
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


def _ticks(low: float, high: float) -> list[float]:
    """The coarsest round ticks of which at least four fall within the limits."""
    for candidates in _TICKS:
        inside = [tick for tick in candidates if low <= tick <= high]
        if len(inside) >= 4:
            return inside
    return [low, 1, high] if low < 1 < high else [low, high]


def _one_two_five(low: float, high: float) -> list[float]:
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in (1, 1.5, 2, 3, 5, 7)]
    return [tick for tick in ticks if low <= tick <= high]


def _percents(shares: pd.Series) -> str:
    low, high = wording.percent(shares.min(), 0), wording.percent(shares.max(), 0)
    return low if low == high else f"{low} to {high}"


def _range(values: pd.Series) -> str:
    low, high = wording.ratio(values.min()), wording.ratio(values.max())
    return low if low == high else f"{low} to {high}"
