"""The order of a run: every worker's median, against taking drift for a property of an arm."""

from __future__ import annotations

import textwrap

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from .. import wording
from ..worker import NULL
from .style import CHARACTER, DASHES, NULL_STYLE, WIDTH, label_ends, one_two_five, percents, style_of, variants


def run_order(medians: pd.DataFrame, title: str | None = None) -> Figure:
    """Median time per chunk of every worker, in the order in which they ran (log axis).

    `medians` comes from summary.worker_medians. Against taking drift or one odd process for a property of an arm.
    """
    order = list(medians.groupby("arm")["ns"].median().sort_values(ascending=False).index)
    height = max(2.8, 1.5 + 0.2 * len(order))
    figure = Figure(figsize=(WIDTH, height))
    names = max((len(name) for name in order), default=5)
    right = 0.75 + CHARACTER * names
    axes = figure.add_axes((0.75 / WIDTH, 0.5 / height, (WIDTH - 0.75 - right) / WIDTH, (height - 1.15) / height))
    languages = dict(zip(medians["arm"], medians["language"], strict=True))
    number = variants([name for name in order if name != NULL], languages)
    dashes = {name: DASHES[number.get(name, 0) % len(DASHES)] for name in order}
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
        dashes=dashes,
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
    axes.yaxis.set_major_locator(FixedLocator(one_two_five(low, high)))
    axes.xaxis.set_major_locator(FixedLocator(sorted(set(medians["worker"]))[:: 1 + medians["worker"].nunique() // 20]))
    axes.set(xlabel="worker, in the order of the run", ylabel="ns per chunk (median)")
    axes.tick_params(labelsize=8)
    step = 0.15 / (axes.get_position().height * height)
    label_ends(axes, medians.sort_values("worker").groupby("arm")["ns"].last(), step)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    sns.despine(ax=axes)
    heading = "\n".join(textwrap.wrap(title or run_order_title(medians), 88))
    figure.text(0.1 / WIDTH, 1 - 0.1 / height, heading, va="top", fontsize=10, weight="bold")
    return figure


def run_order_title(medians: pd.DataFrame) -> str:
    """How far apart the workers are, in one sentence."""
    if medians.empty:
        return "Nothing was measured."
    ends = medians.groupby("arm")["ns"].agg(["min", "max"])
    spread = ends["max"] / ends["min"] - 1
    return (
        f"The slowest of {wording.count(medians['worker'].nunique(), 'worker')} took {percents(spread)} longer than "
        f"the fastest, depending on the arm."
    )
