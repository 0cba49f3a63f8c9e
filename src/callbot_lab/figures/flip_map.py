"""The answer by calls and by what decoding is of a message, against taking one answer for everybody's."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .. import wording
from .style import CHARACTER, NULL_STYLE, WIDTH, legend_below, style_of, variants, write_around

_HEIGHT = 3.3  # inches of the map
_COLUMNS = 2  # of the legend
_STRENGTHS = (0.66, 0.52, 0.4, 0.29, 0.19, 0.1)
"""How strong the colour of a language is, the first of its answers first; black text can be read on all of them."""
_NONE = 0.35
"""The same of the grey where nothing is decided."""

_NEAR = 1
"""Rows of the map around the measured share that bear no name, since the mark has its label there."""


def flip_map(table: pd.DataFrame, calls: float, languages: Mapping[str, str], title: str) -> Figure:
    """The answer by calls at a time (log axis) and by share of decode: a region for each answer, with its number.

    `table` is decision.maps.flip_map, `calls` those of the settings; `languages` has the language of every
    implementation.
    """
    grid = table.pivot(index="share", columns="calls", values="answer")
    answers = _answers(table)
    codes = np.array([[answers.index(answer) for answer in row] for row in grid.to_numpy()])
    x, y = np.exp(_edges(np.log(grid.columns.to_numpy(float)))), _edges(grid.index.to_numpy(float))
    share = float(table.loc[table["measured"], "share"].iloc[0])
    present = list(grid.index).index(share)
    colours = _colours(table, answers, languages)
    named = [f"{number}: {answer}" for number, answer in enumerate(answers, start=1)]
    handles = [
        Patch(facecolor=colour, edgecolor="#333333", linewidth=0.6, label=name)
        for name, colour in zip(named, colours, strict=True)
    ]
    heading = textwrap.wrap(title, 84)
    caption = textwrap.wrap(_caption(table, codes), 118)
    legend_rows = -(-len(handles) // _COLUMNS)
    top, bottom = 0.2 + 0.19 * len(heading), 0.74 + 0.17 * legend_rows + 0.15 * len(caption)
    height = top + bottom + _HEIGHT
    figure = Figure(figsize=(WIDTH, height))
    left, right = 0.7, 0.45
    width = WIDTH - left - right
    axes = figure.add_axes((left / WIDTH, bottom / height, width / WIDTH, _HEIGHT / height))
    axes.set_xscale("log")
    _draw_regions(axes, codes, x, y, colours)
    axes.axhline(share, color="#333333", linewidth=0.8, linestyle=(0, (4, 2)))
    _name_regions(axes, codes, x, y, named, width, present)
    _mark(axes, (calls, share), x)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    tens = 10.0 ** np.arange(np.ceil(np.log10(x[0])), np.floor(np.log10(x[-1])) + 1)
    axes.xaxis.set_major_locator(FixedLocator(tens.tolist()))
    axes.yaxis.set_major_locator(FixedLocator([tick / 5 for tick in range(6)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: wording.percent(value)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.tick_params(labelsize=8)
    axes.set_xlabel("calls at a time (log scale)", fontsize=8.5)
    axes.set_ylabel("decode, buffer and journal in a message", fontsize=8.5)
    sns.despine(ax=axes)
    write_around(figure, heading, caption)
    legend_below(figure, handles, caption, columns=_COLUMNS, columnspacing=1.5)
    return figure


def flip_map_title(table: pd.DataFrame, calls: float) -> str:
    """The answer for so many calls, and which answers come as calls grow, at the share that was measured."""
    rows = table[table["since"].notna()].sort_values("calls")
    turns = rows.drop_duplicates("since")
    answers, since = list(turns["answer"]), [float(value) for value in turns["since"]]
    if len(answers) == 1:
        ends = f"{rows['calls'].min():,.0f} to {rows['calls'].max():,.0f}"
        return f"With any number of calls from {ends} the answer is {answers[0]}."
    begun = [answer for answer, first in zip(answers, since, strict=True) if first <= calls]
    here = begun[-1] if begun else answers[0]
    parts = [f"{answer} up to about {_rounded(end)}" for answer, end in zip(answers[:-1], since[1:], strict=True)]
    said = wording.listing([*parts, f"{answers[-1]} beyond that"])
    return f"With {calls:,.0f} calls the answer is {here}; as calls grow, it is {said}."


def tint(colour: str, strength: float) -> str:
    """A colour mixed with white: the colour itself at a strength of 1, white at 0."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return str(to_hex((red, green, blue)))


def _rounded(calls: float) -> str:
    """Calls with three significant digits: where an answer turns is not known better."""
    return f"{float(f'{calls:.3g}'):,.0f}"


def _answers(table: pd.DataFrame) -> list[str]:
    """All answers, in the order in which they come as calls and share grow."""
    order = (table["calls"] * table["share"]).sort_values(kind="stable").index
    return list(dict.fromkeys(table.loc[order, "answer"]))


def _colours(table: pd.DataFrame, answers: Sequence[str], languages: Mapping[str, str]) -> list[str]:
    """A colour for every answer: that of its language, paler from one to the next; grey where there is none."""
    implementations = dict(zip(table["answer"], table["implementation"], strict=True))
    known = {answer: languages.get(implementations[answer], "") for answer in answers if implementations[answer]}
    numbers = variants(known, known)
    return [
        tint(style_of(known[answer]).colour, _STRENGTHS[numbers[answer] % len(_STRENGTHS)])
        if answer in known
        else tint(NULL_STYLE.colour, _NONE)
        for answer in answers
    ]


def _edges(points: np.ndarray) -> np.ndarray:
    """The edges of cells around points."""
    middles = (points[1:] + points[:-1]) / 2
    edges: np.ndarray = np.concatenate([[2 * points[0] - middles[0]], middles, [2 * points[-1] - middles[-1]]])
    return edges


def _runs(row: np.ndarray) -> list[tuple[int, int, int]]:
    """Code, begin and end of every stretch of cells that have the same answer."""
    ends = [0, *(int(place) + 1 for place in np.flatnonzero(np.diff(row))), len(row)]
    return [(int(row[begin]), begin, end) for begin, end in pairwise(ends)]


def _draw_regions(axes: Axes, codes: np.ndarray, x: np.ndarray, y: np.ndarray, colours: Sequence[str]) -> None:
    for place, row in enumerate(codes):
        # One cell for each stretch: a drawing of all cells is many times as large and looks the same.
        runs = _runs(row)
        axes.pcolormesh(
            np.array([*(x[begin] for _, begin, _ in runs), x[-1]]),
            y[place : place + 2],
            np.array([[code for code, _, _ in runs]]),
            cmap=ListedColormap(list(colours)),
            vmin=-0.5,
            vmax=len(colours) - 0.5,
            # Without an edge of its own colour a white seam shows between rows.
            edgecolors="face",
            linewidth=0.4,
        )
    sides = [
        ((x[along + 1], y[up]), (x[along + 1], y[up + 1])) for up, along in np.argwhere(codes[:, 1:] != codes[:, :-1])
    ]
    sides += [((x[along], y[up + 1]), (x[along + 1], y[up + 1])) for up, along in np.argwhere(codes[1:] != codes[:-1])]
    axes.add_collection(LineCollection(sides, colors="#333333", linewidths=0.9, capstyle="projecting"), autolim=False)


def _name_regions(
    axes: Axes, codes: np.ndarray, x: np.ndarray, y: np.ndarray, named: Sequence[str], width: float, present: int
) -> None:
    """Write into every region what it is called, or its number, in a row of the map in which there is room for it."""
    inches = width / np.log(x[-1] / x[0])
    for code, name in enumerate(named):
        places = [
            (up, begin, end)
            for up, row in enumerate(codes)
            for own, begin, end in _runs(row)
            if own == code and abs(up - present) > _NEAR
        ]
        for text in (name, str(code + 1)):
            room = CHARACTER * len(text) + 0.1
            wide = [place for place in places if inches * np.log(x[place[2]] / x[place[1]]) >= room]
            if wide:
                up, begin, end = wide[len(wide) // 2]
                middle = np.sqrt(x[begin] * x[end]), (y[up] + y[up + 1]) / 2
                axes.text(*middle, text, ha="center", va="center", fontsize=8, color="#111111")
                break


def _mark(axes: Axes, now: tuple[float, float], x: np.ndarray) -> None:
    """Where the settings are, with a label on the side on which there is more room."""
    axes.plot(*now, marker="X", markersize=9, color="#111111", markeredgecolor="white", linestyle="none", gid="now")
    before = now[0] < np.sqrt(x[0] * x[-1])
    axes.annotate(
        f"now: {now[0]:,.0f} calls",
        now,
        xytext=(9 if before else -9, 0),
        textcoords="offset points",
        ha="left" if before else "right",
        va="center",
        fontsize=8,
        color="#111111",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
    )


def _caption(table: pd.DataFrame, codes: np.ndarray) -> str:
    shares, calls = codes.shape
    measured = wording.percent(table.loc[table["measured"], "share"].iloc[0])
    return (
        f"{calls} numbers of calls by {shares} shares, the rule asked for each; "
        f"{wording.count(int(table['workers'].iloc[0]), 'worker')}. Broken line: the share that was measured, "
        f"{measured} of the baseline's message. On the other lines decode, buffer and journal are dearer or cheaper by "
        f"one factor in every implementation, with all else as it was measured. Prices are guesses. How sure an answer "
        f"is, is not drawn."
    )
