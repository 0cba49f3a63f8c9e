"""What the counts of `ownership` say: what an arm takes to build, to ship, to import, to read, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .. import wording
from ..analysis import BOOTSTRAPS, CONFIDENCE, MIN_WORKERS
from ..embed import Embedded, embed
from ..figures.ownership import ABOUT, amount, arms_of, ownership_costs
from .ownership import ORDER
from .shown import Shown, ShownTable

VERSION = "version"
"""Unit of what has a text and no number."""

HEADLINES: dict[str, tuple[str, ...]] = {
    "clean build": ("clean build",),
    "wheel": ("wheel",),
    "import": ("import",),
    "lines in all": ("lines in all",),
    "build requirements and crates": ("build requirements, all", "crates, all"),
    "tools": ("tools",),
}
"""What is drawn, by name, each the sum of quantities; what an arm does not have, such as crates, adds nothing."""

_TITLE = {"clean build": "takes {} times as long to build as", "lines in all": "has {} times the lines of"}
"""What the title says of a ratio, by quantity."""

_EXPECTED = ("clean build", "import", "lines in all", "run-time requirements, all", "tools")
"""A quantity of every job that an arm has: without it the job brought nothing."""

_NEEDED = {
    "packages to build": "build requirements, all",
    "crates": "crates, all",
    "crates for tests only": "crates for tests only",
    "packages at run time": "run-time requirements, all",
}

_HAZARDS = {
    "lines in unsafe code": ("unsafe blocks", "unsafe functions", "unsafe impls"),
    "lines in C-level functions": ("C-level functions",),
}
"""Lines where memory safety is up to the author, and the places that they are in."""

NO_LIKE_FOR_LIKE = (
    "These two are no like for like: a C-level function counts whole, head included, of unsafe code only what stands "
    "between the braces"
)


def by_quantity(rows: pd.DataFrame) -> pd.DataFrame:
    """Medians over repetitions: a row for each quantity, in the order of what it is about, and a column for each arm.

    NaN is what an arm does not have or what could not be had, and all versions, which are texts. Before the arms, by
    name, stand `unit` and `repetitions` (of the arm that has most).
    """
    numbers = rows.assign(value=rows["value"].astype(float))
    place = {quantity: number for number, quantity in enumerate(ORDER)}
    quantities = sorted(set(rows["quantity"]), key=lambda name: (place.get(name, len(place)), name))
    groups = numbers.groupby(["quantity", "arm"])["value"]
    table = groups.median().unstack("arm").reindex(quantities)
    units = rows.drop_duplicates("quantity").set_index("quantity")["unit"]
    table.insert(0, "unit", units.reindex(quantities))
    table.insert(1, "repetitions", groups.size().groupby("quantity").max().reindex(quantities))
    return table


def headlines(table: pd.DataFrame) -> pd.DataFrame:
    """HEADLINES of a table of by_quantity, in its columns; without those that no arm has a number for."""
    arms, names, made = arms_of(table), [], []
    for name, parts in HEADLINES.items():
        own = table[table.index.isin(parts)]
        sums = own[arms].sum(min_count=1)
        if sums.notna().any():
            names.append(name)
            about = {"unit": own["unit"].iloc[0], "repetitions": int(own["repetitions"].max())}
            made.append(about | sums.to_dict())
    return pd.DataFrame(made, index=names, columns=[*ABOUT, *arms])


def shown(rows: pd.DataFrame, definition: Mapping[str, Any], languages: Mapping[str, str]) -> Shown:
    """The sentences, one table of all quantities, and a figure of the main ones."""
    if rows.empty:
        return Shown(["Nothing was counted."])
    table = by_quantity(rows)
    planned = [arm for arm in definition["arms"] if arm in arms_of(table)]
    table = table[[*ABOUT, *planned, *(arm for arm in arms_of(table) if arm not in planned)]]
    main = headlines(table)
    said = lines(rows, table, definition["arms"])
    figures: list[Embedded] = []
    if len(main):
        message = title(main)
        drawn, data = ownership_costs(main, languages, message), main.rename_axis("quantity").reset_index()
        figures = [embed(drawn, "ownership-costs", message, alternative(main), data)]
    return Shown(said, figures, [_table(rows, table)])


def title(main: pd.DataFrame) -> str:
    """The message of the figure: what the dearest takes against the cheapest, to build and to read."""
    said = []
    for quantity, words in _TITLE.items():
        values = _values(main, quantity)
        if len(values) > 1 and 0 < values.min() < values.max():
            ratio = wording.ratio(values.max() / values.min())
            said.append(f"{values.idxmax()} {words.format(ratio)} {values.idxmin()}")
    return f"{'; '.join(said)}." if said else "What each implementation costs to own, as far as it could be counted."


def alternative(main: pd.DataFrame) -> str:
    """What the figure shows, for those who do not see it."""
    return " ".join(f"{quantity}: {wording.listing(_each(main, quantity))}." for quantity in main.index)


def lines(rows: pd.DataFrame, table: pd.DataFrame, planned: Sequence[str]) -> list[str]:
    """What the rows say, in sentences; `table` is by_quantity of them, `planned` the arms that were asked for."""
    said = [
        _least(headlines(table)),
        _building(rows, table),
        _shipping(table),
        _reading(table),
        _hazards(table),
        _tools(rows, table),
        _requirements(table),
        _importing(rows, table),
        _missing(rows, table, planned),
    ]
    return [line for line in said if line]


def median_interval(values: np.ndarray, seed: int = 1) -> tuple[float, float]:
    """Percentile interval of the median over resampled values; NaN below MIN_WORKERS of them."""
    if len(values) < MIN_WORKERS:
        return float("nan"), float("nan")
    drawn = np.median(np.random.default_rng(seed).choice(values, (BOOTSTRAPS, len(values))), axis=1)
    tail = (1 - CONFIDENCE) / 2
    return float(np.quantile(drawn, tail)), float(np.quantile(drawn, 1 - tail))


def _least(main: pd.DataFrame) -> str:
    """Which arm costs the least of what."""
    found: dict[str, list[str]] = {}
    for quantity in main.index:
        values = _values(main, quantity)
        if len(values) > 1:
            least = wording.listing(list(values.index[values == values.min()]))
            found.setdefault(least, []).append(str(quantity))
    parts = [f"{names} in {wording.listing(quantities)}" for names, quantities in found.items()]
    return f"The least, by medians: {'; '.join(parts)}." if parts else ""


def _building(rows: pd.DataFrame, table: pd.DataFrame) -> str:
    timed = _timed(rows, table, "clean build", "build")
    if not timed:
        return ""
    cpu = wording.listing(_each(table, "clean build, CPU time"))
    return (
        f"A clean build takes: {timed}{_against(table, 'clean build')}. Seconds are this machine's, on all CPUs, and "
        f"for orientation only{f'; in CPU time {cpu}' if cpu else ''}. What is built is all that the wheel holds, the "
        f"arms of the experiments too."
    )


def _shipping(table: pd.DataFrame) -> str:
    wheels = _each(table, "wheel")
    if not wheels:
        return ""
    stripped = _each(table, "compiled modules, stripped")
    more = f"; its compiled modules without symbols for a debugger: {wording.listing(stripped)}" if stripped else ""
    return f"The wheel to ship: {wording.listing(wheels)}{_against(table, 'wheel')}{more}."


def _reading(table: pd.DataFrame) -> str:
    counts = _each(table, "lines in all")
    if not counts:
        return ""
    return (
        f"Lines of code to read: {wording.listing(counts)}{_against(table, 'lines in all')}. Tests are left out, and "
        f"what only the experiments need."
    )


def _hazards(table: pd.DataFrame) -> str:
    """Lines where memory safety is up to the author, as a share of all, by arm."""
    every = _values(table, "lines in all")
    parts, kinds, met = [], set(), set()
    for quantity, places in _HAZARDS.items():
        for arm, count in _values(table, quantity).items():
            named = [f"{place} {_values(table, place)[arm]:,.0f}" for place in places if arm in _values(table, place)]
            share = f"{wording.percent(count / every[arm])} of its lines; " if every.get(arm, 0) > 0 else ""
            parts.append(f"{arm} {count:,.0f} {quantity} ({share}{', '.join(named)})")
            kinds.add(quantity)
            met.add(arm)
    if not parts:
        return ""
    without = [arm for arm in every.index if arm not in met]
    neither = f"; {wording.listing(without)}: none that could be counted" if without else ""
    caution = f" {NO_LIKE_FOR_LIKE}." if len(kinds) > 1 else ""
    return f"Where memory safety is up to the author: {'; '.join(parts)}{neither}.{caution}"


def _tools(rows: pd.DataFrame, table: pd.DataFrame) -> str:
    own = rows[rows["quantity"] == "tools"].drop_duplicates("arm")
    texts = dict(zip(own["arm"], own["text"], strict=True))
    parts = [f"{arm} {count:,.0f} ({texts[arm]})" for arm, count in _values(table, "tools").items()]
    return f"Tools that a build needs: {'; '.join(parts)}." if parts else ""


def _requirements(table: pd.DataFrame) -> str:
    found = {name: _each(table, quantity) for name, quantity in _NEEDED.items()}
    parts = [f"{name}: {wording.listing(counts)}" for name, counts in found.items() if counts]
    return f"From elsewhere, with all that it needs in turn: {'; '.join(parts)}." if parts else ""


def _importing(rows: pd.DataFrame, table: pd.DataFrame) -> str:
    timed = _timed(rows, table, "import", "fresh interpreter")
    if not timed:
        return ""
    bare = _values(table, "process that imports nothing")
    beside = ""
    if len(bare):
        ends = list(dict.fromkeys([amount(bare.min(), "s"), amount(bare.max(), "s")]))
        beside = f" A process that imports nothing takes {' to '.join(ends)} from its start to its end."
    return (
        f"The import takes: {timed}{_against(table, 'import')}. Those of one arm follow each other, so how the "
        f"machine's pace drifts from arm to arm is not in an interval.{beside}"
    )


def _missing(rows: pd.DataFrame, table: pd.DataFrame, planned: Sequence[str]) -> str:
    """What has no number, and why, as far as the rows tell."""
    parts = []
    arms = arms_of(table)
    if absent := [arm for arm in planned if arm not in arms]:
        parts.append(f"anything of {wording.listing(absent)} (not in this run, or no job of it brought anything)")
    for quantity in _EXPECTED:
        there = set(rows.loc[rows["quantity"] == quantity, "arm"])
        if lost := [arm for arm in arms if arm not in there]:
            parts.append(f"{quantity} of {wording.listing(lost)} (no job brought it)")
    empty = rows["value"].isna() & (rows["unit"] != VERSION)
    unknown = rows[empty | ((rows["unit"] == VERSION) & (rows["text"] == "not found"))]
    for (quantity, text), own in unknown.groupby(["quantity", "text"], sort=True):
        names = wording.listing([arm for arm in arms if arm in set(own["arm"])])
        parts.append(f"{quantity} of {names} ({text or 'no reason is given'})")
    return f"Could not be had: {'; '.join(parts)}." if parts else ""


def _values(table: pd.DataFrame, quantity: str) -> pd.Series:
    """The numbers of a quantity by arm, of those that have one; empty if none has."""
    if quantity not in table.index:
        return pd.Series(dtype=float)
    return table.loc[quantity, arms_of(table)].astype(float).dropna()


def _each(table: pd.DataFrame, quantity: str) -> list[str]:
    """The arms that have a number, each with it."""
    return [f"{arm} {amount(value, table.at[quantity, 'unit'])}" for arm, value in _values(table, quantity).items()]


def _against(table: pd.DataFrame, quantity: str) -> str:
    """What each arm takes as a multiple of what the first takes, to be put behind the numbers."""
    values = _values(table, quantity)
    if len(values) < 2 or values.iloc[0] <= 0:
        return ""
    times = [f"{arm} {wording.ratio(value / values.iloc[0])}" for arm, value in values.iloc[1:].items()]
    return f"; times as much as {values.index[0]}: {wording.listing(times)}"


def _timed(rows: pd.DataFrame, table: pd.DataFrame, quantity: str, noun: str) -> str:
    """Median seconds of each arm with their interval, if there are enough, and how many there are; empty if none."""
    own = rows[(rows["quantity"] == quantity) & rows["value"].notna()]
    parts, counts = [], []
    for arm in _values(table, quantity).index:
        values = own.loc[own["arm"] == arm, "value"].to_numpy(float)
        low, high = median_interval(values)
        within = f" ({amount(low, 's')} to {amount(high, 's')})" if np.isfinite(low) else ""
        parts.append(f"{arm} {amount(float(np.median(values)), 's')}{within}")
        counts.append(len(values))
    if not parts:
        return ""
    few = "too few for an interval" if max(counts) < MIN_WORKERS else "with the interval of the median"
    return f"{wording.listing(parts)} (median of {wording.spread(counts, noun)} for each arm, {few})"


def _table(rows: pd.DataFrame, table: pd.DataFrame) -> ShownTable:
    arms = arms_of(table)
    texts = dict(zip(zip(rows["arm"], rows["quantity"], strict=True), rows["text"], strict=True))
    made = []
    for quantity, row in table.iterrows():
        cells = []
        for arm in arms:
            if wording.finite(row[arm]):
                cells.append(amount(row[arm], row["unit"]))
            elif (arm, quantity) not in texts:
                cells.append(wording.NO_NUMBER)
            else:
                cells.append(texts[arm, quantity] if row["unit"] == VERSION else "not had")
        made.append([str(quantity), *cells, f"{int(row['repetitions'])}"])
    caption = "What it costs to own. n: repetitions at most, of which a number is the median. -: not so here."
    return ShownTable(caption, ("quantity", *arms, "n"), made)
