"""Cost against chunk size, against taking the ratio at one size for the ratio at every size."""

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

from .. import costsummary, wording
from ..analysis import CONFIDENCE
from ..costmodel import CostModel
from ..experiment import CHECK
from ..summary import MEASURED
from ..worker import EMPTY, NULL
from ..workload import parse_size
from .style import CHARACTER, WIDTH, Style, label_ends, legend_below, ratio_ticks, style_of, write_around

_UPPER, _LOWER, _GAP = 4.0, 2.6, 0.35  # inches
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
_MARKED = 9  # crossovers that get a number
_NEAR = 1.15  # ratio of sizes within which their numbers would overlap
_RING: dict[str, Any] = {"linestyle": "none", "marker": "o", "markerfacecolor": "none", "markeredgecolor": "black"}


@dataclass(frozen=True)
class _Look:
    """How an arm is drawn: the style of its language, and dashes that no other arm of it has."""

    style: Style
    dashes: Any


def cost(model: CostModel, table: pd.DataFrame, title: str | None = None) -> Figure:
    """What a chunk costs at every size, with the lines of the model, above the ratios to the baseline (log axes).

    `table` holds the rows of the experiment from summary.summarise. Against taking the ratio at one size for the ratio
    at every size, and a fit for a check: the sizes that the lines were not fitted on are hollow.
    """
    arms = list(model.points.groupby("arm")["ns"].max().sort_values(ascending=False).index)
    looks = _looks(model, arms)
    heading = textwrap.wrap(title or costsummary.title(model), 88)
    caption = [line for part in _caption(model) for line in textwrap.wrap(part, 118)]
    top, bottom = 0.2 + 0.19 * len(heading), 1.05 + 0.15 * len(caption)
    height = top + _UPPER + _GAP + _LOWER + bottom
    left, right = 0.75, 0.35 + CHARACTER * max(len(arm) for arm in arms)
    figure = Figure(figsize=(WIDTH, height))

    def panel(y: float, tall: float) -> Axes:
        return figure.add_axes((left / WIDTH, y / height, (WIDTH - left - right) / WIDTH, tall / height))

    upper, lower = panel(bottom + _LOWER + _GAP, _UPPER), panel(bottom, _LOWER)
    _draw_costs(upper, model, looks)
    _draw_ratios(lower, model, table, looks)
    for axes in (upper, lower):
        _size_axis(axes, model, named=axes is lower)
    write_around(figure, heading, caption)
    handles = _legend(model)
    legend_below(figure, handles, caption, columns=len(handles), rise=0.12, handletextpad=0.5, columnspacing=1.2)
    return figure


def _draw_costs(axes: Axes, model: CostModel, looks: dict[str, _Look]) -> None:
    medians = model.points.groupby(["arm", "bytes", "role"])["ns"].median().reset_index()
    fits = model.fits.set_index("arm")
    grid = np.geomspace(*model.ends, 100)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for arm, look in looks.items():
        if arm in fits.index:
            line = fits.loc[arm, "fixed"] + fits.loc[arm, "per_byte"] * grid
            shown = line > 0
            kind: dict[str, Any] = {"color": look.style.colour, "linestyle": look.dashes, "linewidth": 1.2}
            axes.plot(grid[shown], line[shown], gid=f"line {arm}", **kind)
        own = medians[medians["arm"] == arm]
        for held, points in own.groupby(own["role"] == CHECK):
            _mark(axes, points["bytes"], points["ns"], look, hollow=bool(held), gid=f"cost {arm} held {held}")
    near, last = 0, 0.0
    for number, row in enumerate(_marked(model).itertuples(), 1):
        sides = [medians[medians["arm"] == arm].sort_values("bytes") for arm in (row.arm, row.against)]
        logs = [np.interp(np.log(row.bytes), np.log(side["bytes"]), np.log(side["ns"])) for side in sides]
        place = (row.bytes, float(np.exp(np.mean(logs))))
        axes.plot(*place, markersize=11, zorder=5, gid=f"crossing {number}", **_RING)
        # Two arms that cost the same are overtaken at the same size: their numbers stand below each other.
        near = near + 1 if row.bytes < _NEAR * last else 0
        axes.annotate(str(number), place, (8, -12 - 9 * near), textcoords="offset points", fontsize=8, weight="bold")
        last = row.bytes
    axes.set_ylabel("ns per chunk (median; log scale)", fontsize=8.5)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_minor_locator(NullLocator())
    label_ends(axes, medians.sort_values("bytes").groupby("arm")["ns"].last(), 0.15 / _UPPER)


def _draw_ratios(axes: Axes, model: CostModel, table: pd.DataFrame, looks: dict[str, _Look]) -> None:
    sizes = model.points.drop_duplicates("bytes").set_index("bytes")["role"].sort_index()
    drawn = table[(table["status"] == MEASURED) & (table["arm"] != EMPTY)]
    drawn = drawn.assign(bytes=[parse_size(size).chunk_bytes for size in drawn["size"]])
    drawn = drawn[drawn["bytes"].isin(sizes.index)].sort_values("bytes")
    axes.set_yscale("log")
    axes.set_xscale("log")
    null = drawn[(drawn["arm"] == NULL) & np.isfinite(drawn["high"]) & (drawn["low"] > 0)]
    axes.fill_between(
        null["bytes"], null["low"], null["high"], color="#bbbbbb", alpha=0.6, linewidth=0, gid="null band"
    )
    axes.axhline(1, color="#555555", linewidth=0.8)
    for arm, look in looks.items():
        own = drawn[drawn["arm"] == arm]
        axes.plot(own["bytes"], own["ratio"], color=look.style.colour, linestyle=look.dashes, linewidth=0.9)
        sure = own[np.isfinite(own["high"]) & (own["low"] > 0)]
        axes.vlines(sure["bytes"], sure["low"], sure["high"], color=look.style.colour, linewidth=1.6)
        held = own["bytes"].map(sizes) == CHECK
        for hollow, points in own.groupby(held):
            _mark(axes, points["bytes"], points["ratio"], look, hollow=bool(hollow), gid=f"ratio {arm} held {hollow}")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(FixedLocator(ratio_ticks(low, high)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylabel(f"times as fast\nas {model.baseline} (log scale)", fontsize=8.5)
    last = drawn[drawn["arm"].isin(looks)].groupby("arm")["ratio"].last()
    if len(last):
        label_ends(axes, last, 0.15 / _LOWER)


def _mark(axes: Axes, x: pd.Series, y: pd.Series, look: _Look, *, hollow: bool, gid: str) -> None:
    colour = look.style.colour
    axes.plot(
        x,
        y,
        linestyle="none",
        marker=look.style.marker,
        markersize=4.5,
        markerfacecolor="white" if hollow else colour,
        markeredgecolor=colour,
        markeredgewidth=1.1,
        zorder=3,
        gid=gid,
    )


def _size_axis(axes: Axes, model: CostModel, *, named: bool) -> None:
    sizes = sorted(set(model.points["bytes"]))
    axes.set_xlim(sizes[0] / 1.2, sizes[-1] * 1.2)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.tick_params(labelsize=7.5, labelbottom=named)
    axes.grid(color="#e4e4e4", linewidth=0.5)
    axes.set_axisbelow(True)
    if named:
        axes.set_xlabel("bytes in a chunk, decoded (log scale)", fontsize=8.5)
        for label in axes.get_xticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
    sns.despine(ax=axes)


def _looks(model: CostModel, arms: list[str]) -> dict[str, _Look]:
    """A look for every arm: dashes by the place of an arm in its language, in alphabetical order."""
    languages = dict(zip(model.points["arm"], model.points["language"], strict=True))
    looks = {}
    for arm in arms:
        kin = sorted(other for other in arms if style_of(languages[other]) == style_of(languages[arm]))
        looks[arm] = _Look(style_of(languages[arm]), _DASHES[kin.index(arm) % len(_DASHES)])
    return looks


def _marked(model: CostModel) -> pd.DataFrame:
    """The crossovers that get a number, in the order of their size."""
    return model.crossings[np.isfinite(model.crossings["bytes"])].sort_values("bytes").head(_MARKED)


def _caption(model: CostModel) -> list[str]:
    workers = wording.spread([int(n) for n in model.fits["workers"]], "worker")
    said = [
        f"{workers} (fresh processes). Nanoseconds are this machine's. Below: {wording.percent(CONFIDENCE, 0)} t "
        "intervals over workers. Colour and marker: the language that the arm says it is built in; dashes: its variant."
    ]
    parts = [
        f"{number}: {row.against} overtakes {row.arm} at {costsummary.size_of(row.bytes)}"
        for number, row in enumerate(_marked(model).itertuples(), 1)
    ]
    return said + [f"{'; '.join(parts)}."] * bool(parts)


def _legend(model: CostModel) -> list[Any]:
    dot: dict[str, Any] = {"marker": "o", "linestyle": "none", "markersize": 4.5, "markeredgecolor": "#444444"}
    handles: list[Any] = [
        Line2D([], [], markerfacecolor="#444444", label="size fitted on", **dot),
        Line2D([], [], markerfacecolor="white", label="size held out", **dot),
        Line2D([], [], color="#444444", linewidth=1.2, label="fixed + per byte x size (above)"),
    ]
    if len(_marked(model)):
        handles.append(Line2D([], [], markersize=9, label="crossover", **_RING))
    handles.append(Patch(color="#bbbbbb", alpha=0.6, linewidth=0, label="null arm's interval"))
    return handles
