"""What a message costs by its parts, against taking the decoder for the whole of it."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .. import wording
from .style import CHARACTER, WIDTH, legend_below, style_of, write_around

_ROW = 0.34  # inches
_COLUMNS = 2  # of the legend

GREYS = {"receive": "#555555", "parse": "#aaaaaa"}
"""Colours of the parts that belong to no implementation; the last part has the colour of its language."""

LABELS = {
    "receive": "receive: socket, frame, framework",
    "parse": "parse",
    "store": "decode, buffer, journal",
    "ingest": "message to buffer, journal",
}


def message_parts(parts: pd.DataFrame, totals: pd.DataFrame, title: str) -> Figure:
    """CPU per message of whole servers as shares of the baseline's, a row a mix and a bar a part.

    `parts` has `mix`, `part`, `share`, `low`, `high` and `language` (of the mix's implementation), `totals` has `mix`,
    `share`, `share_low`, `share_high`, `workers`. Parts are differences between servers; a negative one is not drawn.
    """
    order = list(parts.groupby("mix")["share"].sum().sort_values(ascending=False).index)
    whole = totals.set_index("mix")
    heading = textwrap.wrap(title, 88)
    caption = textwrap.wrap(_caption(whole.loc[order]), 118)
    handles = _legend(parts)
    legend_rows = -(-len(handles) // _COLUMNS)
    top, bottom = 0.2 + 0.19 * len(heading), 0.66 + 0.17 * legend_rows + 0.15 * len(caption)
    height = top + bottom + _ROW * len(order)
    figure = Figure(figsize=(WIDTH, height))
    left, right = 0.45 + CHARACTER * max(map(len, order)), 1.7
    box = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, _ROW * len(order) / height)
    axes = figure.add_axes(box)
    for place, mix in enumerate(order):
        start = 0.0
        for _, part in parts[parts["mix"] == mix].iterrows():
            width = max(float(part["share"]), 0.0)
            colour = GREYS.get(part["part"], style_of(part["language"]).colour)
            axes.barh(place, width, left=start, height=0.62, color=colour, gid=f"{part['part']} of {mix}")
            if width > 0.055:
                tint = "#ffffff" if part["part"] != "parse" else "#222222"
                middle = start + width / 2
                axes.text(middle, place, wording.percent(width, 0), ha="center", va="center", fontsize=7.5, color=tint)
            start += width
        row = whole.loc[mix]
        label = wording.percent(row["share"], 0)
        if np.isfinite(row["share_low"]) and np.isfinite(row["share_high"]) and row["share_low"] < row["share_high"]:
            axes.plot([row["share_low"], row["share_high"]], [place + 0.4] * 2, color="#222222", linewidth=1.2)
            label += f" ({wording.percent(row['share_low'], 0)} to {wording.percent(row['share_high'], 0)})"
        axes.text(1.02, place, label, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color="#222222")
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_yticks(range(len(order)), order, fontsize=9)
    ends = whole.loc[order, ["share", "share_high"]].to_numpy(float).ravel()
    axes.set_xlim(0, max(1.0, float(ends[np.isfinite(ends)].max())) * 1.03)
    axes.xaxis.set_major_formatter(lambda value, _: wording.percent(value, 0))
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("CPU time of the server per message, as a share of the baseline's", fontsize=8.5)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    sns.despine(ax=axes, left=True)
    write_around(figure, heading, caption)
    legend_below(figure, handles, caption, columns=_COLUMNS, columnspacing=1.0)
    return figure


def _legend(parts: pd.DataFrame) -> list[Patch]:
    """A patch for each part that is grey, and one for each language."""
    handles = [Patch(color=GREYS[part], label=LABELS[part]) for part in GREYS]
    own = parts.loc[~parts["part"].isin(list(GREYS)), ["part", "language"]].drop_duplicates().sort_values("language")
    for language, found in own.groupby("language"):
        meaning = " or ".join(LABELS[part] for part in LABELS if part in set(found["part"]))
        handles.append(Patch(color=style_of(str(language)).colour, label=f"{language}: {meaning}"))
    return handles


def _caption(whole: pd.DataFrame) -> str:
    workers = [int(count) for count in whole["workers"].dropna()]
    return (
        f"Parts are differences between servers that stop after receiving, after parsing, or do it all. Line below a "
        f"bar: 95 % t interval of the whole over {wording.spread(workers, 'worker')} (fresh servers each)."
    )
