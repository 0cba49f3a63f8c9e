"""What an implementation costs to own, a panel for each cost, against counting only what it saves when it runs."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import wording
from .style import CHARACTER, WIDTH, style_of, write_around

ABOUT = ("unit", "repetitions")
"""Columns of a table that are no arm."""

_ROW, _HEAD = 0.24, 0.36  # inches: of an arm, and of a panel's title with what is free above it
_COLUMNS = 3
_ROOM = 1.6
"""Length of an axis, in longest bars: the rest is for the number at its end."""


def ownership_costs(table: pd.DataFrame, languages: Mapping[str, str], title: str) -> Figure:
    """A panel for each row of `table`, with a bar for each arm and its value at the end; bars begin at 0.

    `table` is probes.ownership_summary.headlines: indexed by quantity, with the columns ABOUT and one for each arm.
    Against adding up what cannot be added up: every panel has a unit and a scale of its own.
    """
    arms = arms_of(table)
    heading = textwrap.wrap(title, 88)
    caption = textwrap.wrap(_caption(table), 118)
    tall = _ROW * len(arms)
    lines = -(-len(table) // _COLUMNS)
    top, bottom = 0.1 + 0.19 * len(heading), 0.25 + 0.15 * len(caption)
    height = top + bottom + lines * (_HEAD + tall)
    figure = Figure(figsize=(WIDTH, height))
    left, right, gap = 0.25 + CHARACTER * max(map(len, arms), default=5), 0.1, 0.15
    width = (WIDTH - left - right - gap * (_COLUMNS - 1)) / _COLUMNS
    for place, (quantity, row) in enumerate(table.iterrows()):
        line, column = divmod(place, _COLUMNS)
        x, y = left + column * (width + gap), height - top - (line + 1) * (_HEAD + tall)
        axes = figure.add_axes((x / WIDTH, y / height, width / WIDTH, tall / height))
        _draw(axes, str(quantity), row, arms, languages)
        if column:
            axes.set_yticks([])
    write_around(figure, heading, caption)
    return figure


def arms_of(table: pd.DataFrame) -> list[str]:
    """The arms that a table has columns for, in their order."""
    return [str(name) for name in table.columns if name not in ABOUT]


def amount(value: float, unit: str) -> str:
    """A value in words: seconds as s or ms, bytes as B, KiB or MiB, all else as a plain count."""
    if not wording.finite(value):
        return wording.NO_NUMBER
    if unit == "s":
        return f"{wording.number(value)} s" if value >= 1 else f"{wording.number(1000 * value)} ms"
    if unit == "bytes":
        if value < 1024:
            return f"{value:,.0f} B"
        return f"{wording.number(value / 1024)} KiB" if value < 2**20 else f"{wording.number(value / 2**20)} MiB"
    return f"{value:,.0f}"


def _draw(axes: Axes, quantity: str, row: pd.Series, arms: list[str], languages: Mapping[str, str]) -> None:
    values = row[arms].astype(float)
    most = float(values.max())
    axes.set_xlim(0, _ROOM * most if most > 0 else 1)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    for place, arm in enumerate(arms):
        value, end, said = float(values[arm]), 0.0, "no number"
        if np.isfinite(value):
            end, said = value, amount(value, row["unit"])
            colour = style_of(languages.get(arm, "")).colour
            axes.barh(place, value, height=0.62, color=colour, linewidth=0, gid=f"{quantity} of {arm}")
        axes.annotate(
            said, (end, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7.5, color="#222222"
        )
    axes.set_yticks(range(len(arms)), arms, fontsize=9)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0)
    axes.set_title(quantity, loc="left", fontsize=8.5, color="#333333", pad=3)
    sns.despine(ax=axes, bottom=True)


def _caption(table: pd.DataFrame) -> str:
    counts = [f"{quantity} {int(number)}" for quantity, number in table["repetitions"].items()]
    return (
        f"Bars begin at 0; every panel has a scale of its own. A bar is the median over repetitions, at most: "
        f"{wording.listing(counts)}. Times are this machine's, for orientation. Colour: the language that the arm says "
        f"it is built in."
    )
