"""How figures look: the style of a language, sizes, and the marks of an axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from .. import wording


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

WIDTH = 7.6
"""Width of a figure, in inches."""
CHARACTER = 0.068
"""Inches that a character of the 9 point labels takes."""

FILLS = ("full", "left", "right", "top", "bottom", "none")
"""How the markers of arms of one language are filled, the first arm first."""
DASHES = ((), (4, 1.5), (1, 1), (4, 1, 1, 1), (7, 2), (2, 2))
"""How their lines are broken."""

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


def variants(arms: Iterable[str], languages: Mapping[str, str]) -> dict[str, int]:
    """Number of every arm among those of its language, in order, so that arms of one colour can be told apart.

    Take it modulo the length of FILLS or DASHES.
    """
    seen: dict[Style, int] = {}
    found = {}
    for arm in arms:
        style = style_of(languages[arm])
        found[arm] = seen.get(style, 0)
        seen[style] = found[arm] + 1
    return found


def width_of(text: str, points: float) -> float:
    """Inches that a text takes in a size of letters: names may be all wide ones."""
    return float(TextPath((0, 0), text, size=points).get_extents().width) / 72


def write_around(figure: Figure, heading: Sequence[str], caption: Sequence[str]) -> None:
    """Write the lines of the title above a figure, and those of the caption below it."""
    height = figure.get_figheight()
    figure.text(0.1 / WIDTH, 1 - 0.1 / height, "\n".join(heading), va="top", fontsize=10, weight="bold")
    figure.text(0.1 / WIDTH, 0.08 / height, "\n".join(caption), va="bottom", fontsize=7.5, color="#444444")


def legend_below(
    figure: Figure,
    handles: Sequence[Artist],
    caption: Sequence[str],
    *,
    columns: int,
    rise: float = 0.1,
    **spacing: float,
) -> None:
    """Put a legend between the axes of a figure and its caption, `rise` inches above that one."""
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.05 / WIDTH, (rise + 0.15 * len(caption)) / figure.get_figheight()),
        ncols=columns,
        frameon=False,
        fontsize=7.5,
        **spacing,
    )


def ratio_ticks(low: float, high: float) -> list[float]:
    """The coarsest round ticks of which at least four fall within the limits."""
    for candidates in _TICKS:
        inside = [tick for tick in candidates if low <= tick <= high]
        if len(inside) >= 4:
            return inside
    return [low, 1, high] if low < 1 < high else [low, high]


def one_two_five(low: float, high: float) -> list[float]:
    """Round ticks of every decade within the limits."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in (1, 1.5, 2, 3, 5, 7)]
    return [tick for tick in ticks if low <= tick <= high]


def label_ends(axes: Axes, values: pd.Series, step: float) -> None:
    """Name lines at their right ends, in order, at least `step` (of the axes' height) apart; the y axis is logarithmic.

    `values` holds the last value of every line by its name.
    """
    last = values.sort_values()
    low, high = np.log(axes.get_ylim())
    places = (np.log(last.to_numpy()) - low) / (high - low)
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + step)
    places[-1] = min(places[-1], 1.0)
    for i in reversed(range(len(places) - 1)):
        places[i] = min(places[i], places[i + 1] - step)
    for name, place in zip(last.index, places, strict=True):
        axes.text(1.02, place, name, transform=axes.transAxes, va="center", fontsize=8, color="#222222")


def percents(shares: pd.Series) -> str:
    """The range of shares as percentages, in words."""
    low, high = wording.percent(shares.min(), 0), wording.percent(shares.max(), 0)
    return low if low == high else f"{low} to {high}"


def ratios(values: pd.Series) -> str:
    """The range of ratios, in words."""
    low, high = wording.ratio(values.min()), wording.ratio(values.max())
    return low if low == high else f"{low} to {high}"
