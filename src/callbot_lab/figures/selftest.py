"""How often a difference of a known size is found, against taking every difference that is shown for real."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from .. import wording
from ..analysis import CONFIDENCE
from .style import WIDTH, write_around

_HEIGHT = 3.1  # inches

_MARKS = (("#222222", "o"), ("#777777", "s"), ("#777777", "^"), ("#777777", "x"))
"""Colour and marker of each analysis, the instrument's first; none has the colour of a language."""


def power_curve(rates: pd.DataFrame, title: str) -> Figure:
    """Share of comparisons in which a difference was found by the size of the difference, for every analysis.

    `rates` is probes.selftest_summary.rates; at 0 % every find is a false one.
    """
    heading = textwrap.wrap(title, 88)
    caption = textwrap.wrap(_caption(rates), 118)
    top, bottom = 0.2 + 0.19 * len(heading), 0.62 + 0.15 * len(caption)
    height = top + bottom + _HEIGHT
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0.75 / WIDTH, bottom / height, (WIDTH - 0.93) / WIDTH, _HEIGHT / height))
    shares = sorted(set(rates["injected"]))
    places = {share: place for place, share in enumerate(shares)}
    level = 1 - CONFIDENCE
    axes.axhline(level, color="#999999", linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    axes.text(len(shares) - 0.6, level + 0.015, f"{wording.percent(level)}: the level", ha="right", fontsize=7.5)
    for number, (analysis, rows) in enumerate(rates.groupby("analysis", sort=False)):
        colour, marker = _MARKS[min(number, len(_MARKS) - 1)]
        # Side by side, so that no mark hides another.
        at = np.array([places[share] for share in rows["injected"]]) + 0.12 * number
        below, above = rows["found"] - rows["found_low"], rows["found_high"] - rows["found"]
        # An interval never ends inside its value, but for the last bit of a float.
        ends = np.clip([below, above], 0, None)
        axes.errorbar(
            at, rows["found"], yerr=ends, color=colour, marker=marker, markersize=6, linewidth=1.4, elinewidth=1.2,
            fillstyle="full" if number == 0 else "none", linestyle="-" if number == 0 else "none", label=str(analysis),
            gid=f"analysis {analysis}",
        )  # fmt: skip
    axes.set_xticks(range(len(shares)), ["none" if not share else wording.percent(share) for share in shares])
    axes.set_xlim(-0.4, len(shares) - 0.5)
    axes.set_ylim(-0.02, 1.04)
    axes.yaxis.set_major_formatter(lambda value, _: wording.percent(value, 0))
    axes.tick_params(labelsize=8)
    axes.set_xlabel("true difference between two arms", fontsize=8.5)
    axes.set_ylabel("comparisons in which one was found", fontsize=8.5)
    axes.grid(axis="y", color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)
    sns.despine(ax=axes)
    axes.legend(loc="center right", frameon=False, fontsize=8)
    write_around(figure, heading, caption)
    return figure


def _caption(rates: pd.DataFrame) -> str:
    parts = [
        f"{analysis}: {wording.spread(sorted(int(n) for n in rows['comparisons']), 'comparison')} of a size"
        for analysis, rows in rates.groupby("analysis", sort=False)
    ]
    said = "None: identical arms, so that whatever is found is not there."
    return f"Bars: 95 % Wilson intervals. {'; '.join(parts)}. {said}"
