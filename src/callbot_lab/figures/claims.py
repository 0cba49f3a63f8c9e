"""The report's figures beside ours, claim by claim, against taking one refuted figure for all of them."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from .. import wording
from .style import CHARACTER, WIDTH, write_around

_ROW = 0.26  # inches

_MARKS = {
    "reproduced": ("#222222", "o", "full"),
    "refuted": ("#222222", "X", "full"),
    "inconsistent in itself": ("#222222", "^", "none"),
}
"""Colour, marker and filling of verdicts; none has the colour of a language, and all others are hollow and grey."""
_OTHER = ("#888888", "o", "none")


def with_figures(claims: pd.DataFrame) -> pd.DataFrame:
    """The claims of ledger.ledger of which the report and we have a figure, with `share`, `share_low` and `share_high`:
    ours as a multiple of the report's. In order of the verdicts, then of the ledger."""
    found = claims[(claims["reported"] > 0) & (claims["ours"] > 0)].copy()
    for name, ours in (("share", "ours"), ("share_low", "low"), ("share_high", "high")):
        found[name] = found[ours] / found["reported"]
    order = {verdict: place for place, verdict in enumerate(_MARKS)}
    return found.sort_values("verdict", key=lambda column: column.map(order).fillna(len(order)), kind="stable")


def claims_table(claims: pd.DataFrame, title: str) -> Figure:
    """What we found as a multiple of what the report says, for every claim of ledger.ledger with both figures.

    Absolute times are another machine's: they are hollow, and how far they are from 1 says nothing.
    """
    rows = with_figures(claims)
    heading = textwrap.wrap(title, 88)
    caption = textwrap.wrap(_caption(claims, rows), 118)
    labels = [f"{row['id']} ({row['unit']})" for row in rows.to_dict("records")]
    left = 0.25 + CHARACTER * max(map(len, labels), default=0)
    right = 0.25 + CHARACTER * max(map(len, rows["verdict"]), default=0)
    top, bottom = 0.25 + 0.19 * len(heading), 0.65 + 0.15 * len(caption)
    body = _ROW * (len(rows) + 1)
    height = top + body + bottom
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, body / height))
    axes.set_xscale("log")
    axes.axvline(1, color="#999999", linewidth=0.9)
    for place, row in enumerate(rows.to_dict("records")):
        colour, marker, fill = _MARKS.get(row["verdict"], _OTHER)
        if np.isfinite([row["share_low"], row["share_high"]]).all() and row["share_low"] > 0:
            axes.plot([row["share_low"], row["share_high"]], [place, place], color=colour, linewidth=1.4)
        axes.plot(
            row["share"], place, color=colour, marker=marker, fillstyle=fill, markersize=6, linestyle="none",
            gid=f"claim {row['id']}",
        )  # fmt: skip
        axes.text(
            1.02, place, row["verdict"], transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=colour
        )
    ends = rows[["share", "share_low", "share_high"]].to_numpy(dtype=float)
    ends = ends[np.isfinite(ends) & (ends > 0)]
    low, high = (min(ends.min(), 0.5) / 1.3, max(ends.max(), 2) * 1.3) if len(ends) else (0.5, 2)
    axes.set_xlim(low, high)
    ticks = [tick for tick in (0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 1000) if low <= tick <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{tick:g}" for tick in ticks])
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(labelsize=8)
    axes.set_xlabel("what we found, as a multiple of what the report says", fontsize=8.5)
    axes.grid(axis="x", color="#eeeeee", linewidth=0.6)
    axes.set_axisbelow(True)
    sns.despine(ax=axes, left=True)
    write_around(figure, heading, caption)
    return figure


def claims_title(claims: pd.DataFrame) -> str:
    """The message: how many claims have which verdict."""
    counts = claims["verdict"].value_counts()
    order = [verdict for verdict in dict.fromkeys([*_MARKS, *counts.index]) if verdict in counts]
    parts = [f"{counts[verdict]} {'is' if counts[verdict] == 1 else 'are'} {verdict}" for verdict in order]
    return f"Of {wording.count(len(claims), 'claim')} of the report {wording.listing(parts)}"


def _caption(claims: pd.DataFrame, rows: pd.DataFrame) -> str:
    return (
        f"The {len(rows)} of {len(claims)} claims that have a figure in the report and one here. Lines: our 95 % "
        f"intervals, or p10 to p99 of absolute times. Grey and hollow: times, rates and calls of another machine, for "
        f"orientation only. A spread or a saving is judged as a share of the mean, so that it may lie far from 1 "
        f"and be reproduced."
    )
