"""What the looks at a process say of its buffers: one row a process, medians for each call, and both in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from .. import wording
from ..analysis import CONFIDENCE, MIN_WORKERS
from ..embed import embed
from ..figures.memory import memory_over_time
from ..figures.style import percents
from .memory import BEFORE, FILLING, GROWN, NOTHING, OPENED, RESERVED, REUSED, STORAGES
from .shown import Shown, ShownTable

_PLACE = ["arm", "calls", "storage"]
_SIZES = ["rss", "private", "virtual"]
_COUNTERS = ["minor_faults", "major_faults", "reallocations"]

KIB = 1024

ALIKE = 0.03
"""Share within which two sizes count as the same."""

INTERPRETED = "python"
"""The language of arms that are not compiled."""

_RESERVES = 0.5
"""Share of a call's audio from which the address space of an empty buffer is a reservation."""
_TOUCHED = 0.05
"""Share of that from which it is no longer virtual only."""
_FEW = 0.1
"""Share of the page faults of reserved storage below which reused storage takes few."""

_COLUMNS = {
    "held": "held",
    "rss_opened": "resident, empty",
    "rss_after": "resident, full",
    "rss_peak": "at the most",
    "virtual_after": "virtual, full",
    "capacity": "capacity",
}
"""Columns of per_call that the table shows in KiB, with their heads."""

_TOO_FEW = "too few processes for an interval"

_Ratio = tuple[float, float, float]


def costs(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a process, from its rows in their order.

    Columns: job, arm, calls, storage; `held` in the end; `rss`, `private`, `virtual`, each with `_before` (no buffer),
    `_opened` (all of them, empty) and `_after` (full); `rss_peak`, the greatest resident size from before to the end;
    `capacity` in the end; `minor_faults`, `major_faults` and `reallocations` from opened to the end. Sizes are bytes
    over all calls; NaN is what the buffer or the system does not tell.
    """
    looks = {
        phase: rows[rows["phase"] == phase].groupby("job", sort=True).last() for phase in (BEFORE, OPENED, FILLING)
    }
    before, opened, after = looks.values()
    found = after[_PLACE].copy()
    found["held"] = after["held"]
    for name in _SIZES:
        found[f"{name}_before"], found[f"{name}_opened"] = before[name], opened[name]
        found[f"{name}_after"] = after[name]
    for name in ("rss_peak", "capacity"):
        found[name] = pd.to_numeric(after[name])
    for name in _COUNTERS:
        found[name] = pd.to_numeric(after[name]) - pd.to_numeric(opened[name])
    return found.reset_index()


def per_process(rows: pd.DataFrame) -> pd.DataFrame:
    """What one call takes in every process: as costs, divided by the calls.

    Sizes at `_opened`, `_after` and `rss_peak` are what came to the size before, which has no column.
    """
    found = costs(rows)
    for name in _SIZES:
        for when in ("opened", "after"):
            found[f"{name}_{when}"] -= found[f"{name}_before"]
    found["rss_peak"] -= found["rss_before"]
    found = found.drop(columns=[f"{name}_before" for name in _SIZES])
    values = found.columns.drop(["job", *_PLACE])
    found[values] = found[values].div(found["calls"], axis=0)
    return found


def per_call(rows: pd.DataFrame) -> pd.DataFrame:
    """For every arm, number of calls and storage what one call takes: medians of per_process, its columns but job."""
    medians = per_process(rows).drop(columns="job").groupby(_PLACE, as_index=False).median()
    order = medians["storage"].map(STORAGES.index)
    return medians.iloc[
        pd.DataFrame({"storage": order, "calls": medians["calls"]}).sort_values(["storage", "calls"]).index
    ]


def over_time(rows: pd.DataFrame) -> pd.DataFrame:
    """The looks from opened until full, in their order: medians over the processes of an arm, storage and calls.

    Columns: arm, storage, calls; `held_kib`; `rss_kib`, resident beyond what was before there was a buffer, both for
    each call; `processes`.
    """
    before = rows[rows["phase"] == BEFORE].groupby("job")["rss"].last()
    looks = rows[rows["phase"] != BEFORE].reset_index(drop=True)
    looks = looks.assign(
        look=looks.groupby("job").cumcount(),
        held_kib=looks["held"] / looks["calls"] / KIB,
        rss_kib=(looks["rss"] - looks["job"].map(before)) / looks["calls"] / KIB,
    )
    made = looks.groupby([*_PLACE, "look"], as_index=False).agg(
        held_kib=("held_kib", "median"), rss_kib=("rss_kib", "median"), processes=("job", "nunique")
    )
    made = made.assign(order=made["storage"].map(STORAGES.index))
    made = made.sort_values(["order", "calls", "arm", "look"], ignore_index=True)
    return made[["arm", "storage", "calls", "held_kib", "rss_kib", "processes"]]


def shown(rows: pd.DataFrame, definition: Mapping[str, Any], languages: Mapping[str, str]) -> Shown:
    """What an empty buffer costs, what a full one takes with and without a reservation, and how it gets there."""
    if rows.empty:
        return Shown(["Nothing was measured."])
    processes, medians = per_process(rows), per_call(rows)
    said, message = _lines(processes, languages), _title(medians)
    looks = over_time(rows)
    figure = memory_over_time(looks, languages, message)
    made = embed(figure, f"{definition['name']}-over-time", message, " ".join(said), looks)
    return Shown(said, [made], [_table(medians)])


def _table(medians: pd.DataFrame) -> ShownTable:
    caption = (
        "What one call takes: medians over processes, divided by the number of calls. Sizes are KiB beyond those of "
        "the process before there was a buffer; page faults are those while filling. A hyphen: the buffer or the "
        "system does not tell."
    )
    heads = ("storage, calls: arm", *_COLUMNS.values(), "page faults", "reallocations")
    cells = [
        [
            f"{row['storage']}, {wording.count(int(row['calls']), 'call')}: {row['arm']}",
            *(wording.number(row[name] / KIB) for name in _COLUMNS),
            wording.number(row["minor_faults"]),
            wording.number(row["reallocations"]),
        ]
        for row in medians.to_dict("records")
    ]
    return ShownTable(caption, heads, cells)


def _title(medians: pd.DataFrame) -> str:
    """The message of the figure: what a full call has resident with each storage."""
    arms = medians[medians["arm"] != NOTHING]
    if arms.empty:
        return "No arm with a buffer was measured."
    full = arms[arms["calls"] == arms["calls"].max()]
    parts = [
        f"{storage} {_range(own['rss_after'] / KIB)} KiB"
        for storage in STORAGES
        if len(own := full[full["storage"] == storage])
    ]
    held = _range(full["held"] / KIB)
    return f"With {_calls_of(full)}, a full one holds {held} KiB and has resident, by arm: {wording.listing(parts)}"


def _lines(processes: pd.DataFrame, languages: Mapping[str, str]) -> list[str]:
    """All sentences, from per_process; those about arms are of the largest number of calls."""
    arms = processes[processes["arm"] != NOTHING]
    said: list[str] = []
    if len(arms):
        full = arms[arms["calls"] == arms["calls"].max()]
        said += [_empty_line(full), *_peak_lines(full, languages), _fault_line(full), _growth_line(full)]
    return [*(line for line in said if line), _sample_line(processes)]


def _empty_line(full: pd.DataFrame) -> str:
    """What an empty buffer has resident, reserved and grown, and whether a reservation is virtual only."""
    reserved, grown = (full[full["storage"] == storage] for storage in (RESERVED, GROWN))
    parts = [
        f"{_range(own['rss_opened'] / KIB)} KiB {how}"
        for own, how in ((reserved, "where it is reserved"), (grown, "where it grows from nothing"))
        if len(own)
    ]
    if not parts:
        return ""
    said = (
        f"Before any audio, an open, empty buffer takes this much resident memory: {wording.listing(parts)} "
        f"(all processes of all arms, {_calls_of(full)})."
    )
    columns = ["held", "rss_opened", "virtual_opened"]
    asked, unasked = (own.groupby("arm")[columns].median() for own in (reserved, grown))
    reserving = asked[asked["virtual_opened"] >= _RESERVES * asked["held"]]
    shares = reserving["rss_opened"] / reserving["virtual_opened"]
    virtual, touched = shares[shares <= _TOUCHED], shares[shares > _TOUCHED]
    if len(virtual):
        space = _range(reserving.loc[virtual.index, "virtual_opened"] / KIB)
        said += (
            f" What is reserved and not touched is virtual only: of {space} KiB of address space at most "
            f"{wording.percent(max(0.0, virtual.max()))} is resident ({_names(virtual)})."
        )
    if len(touched):
        said += f" Of what is reserved, {percents(touched)} is resident at once ({_names(touched)})."
    if len(hints := asked.drop(reserving.index)):
        said += f" No reservation is made, though asked for, by {_names(hints)}."
    if len(always := unasked[unasked["virtual_opened"] >= _RESERVES * unasked["held"]]):
        said += f" A reservation is made even where none is asked for by {_names(always)}."
    return said


def _peak_lines(full: pd.DataFrame, languages: Mapping[str, str]) -> list[str]:
    """The peak of reserved storage over that of grown, by arm; and whether compiled arms need less than Python's."""
    size, noun = "rss_peak", "the peak of resident memory"
    if full[size].isna().all():
        size, noun = "rss_after", "what is resident in the end (the system does not tell the peak)"
    firsts = full[full["storage"].isin([RESERVED, GROWN])].dropna(subset=[size])
    ratios: dict[str, _Ratio] = {}
    for arm, own in firsts.groupby("arm"):
        found = _ratio(*(own.loc[own["storage"] == storage, size] for storage in (RESERVED, GROWN)))
        if np.isfinite(found[0]):
            ratios[str(arm)] = found
    said: list[str] = []
    if ratios:
        less = [arm for arm, found in ratios.items() if _verdict(found) == "less"]
        more = [arm for arm, found in ratios.items() if _verdict(found) == "more"]
        raised = f", and raises it by more than that in {len(more)} ({wording.listing(more)})" if more else ""
        lowered = f"{len(less) or 'none'} of {wording.count(len(ratios), 'arm')}"
        named = f" ({wording.listing(less)})" if less else ""
        parts = wording.listing([f"{arm} {_worded(found)}" for arm, found in ratios.items()])
        unsure = "" if any(np.isfinite(found[2]) for found in ratios.values()) else f"; {_TOO_FEW}"
        said.append(
            f"Reserving lowers {noun} by more than {wording.percent(ALIKE)} in {lowered}{named}{raised}. "
            f"Of a full call, reserved over grown ({_calls_of(full)}{unsure}): {parts}."
        )
    medians = firsts.groupby(["arm", "storage"], as_index=False)[[size, "held"]].median()
    spoken = medians["arm"].map(lambda arm: languages.get(arm, "").lower())
    sides = (medians[(spoken != "") & (spoken != INTERPRETED)], medians[spoken == INTERPRETED])
    if any(side.empty for side in sides):
        return said
    best = [side.loc[side[size].idxmin()] for side in sides]
    found = _ratio(
        *(firsts.loc[(firsts["arm"] == row["arm"]) & (firsts["storage"] == row["storage"]), size] for row in best)
    )
    compiled, interpreted = (f"{wording.number(row[size] / KIB)} KiB ({row['arm']}, {row['storage']})" for row in best)
    times = f"{_worded(found)} times as much" + ("" if np.isfinite(found[2]) else f"; {_TOO_FEW}")
    said.append(
        f"Compiled arms need {_verdict(found)} memory than Python: for a full call that holds "
        f"{_range(medians['held'] / KIB)} KiB, {noun} is at the least {compiled}, in Python {interpreted}; {times}."
    )
    return said


def _fault_line(full: pd.DataFrame) -> str:
    """Page faults while a call is filled, by storage, and which arms are spared them by reuse."""
    medians = full.groupby(["storage", "arm"])["minor_faults"].median().unstack("storage")
    parts = [f"{storage} {_range(medians[storage])}" for storage in STORAGES if storage in medians]
    said = f"Page faults while a call is filled, by arm ({_calls_of(full)}): {', '.join(parts)}."
    if not {RESERVED, REUSED} <= set(medians.columns):
        return said
    shares = (medians[REUSED] / medians[RESERVED].where(medians[RESERVED] > 0)).dropna()
    if shares.empty:
        return said
    few, rest = shares[shares < _FEW], shares[shares >= _FEW]
    said += (
        f" Reused storage takes less than {wording.percent(_FEW)} of those of reserved storage in "
        f"{_names(few) if len(few) else 'no arm'}"
    )
    return f"{said}, and {percents(rest)} of them in {_names(rest)}." if len(rest) else f"{said}."


def _growth_line(full: pd.DataFrame) -> str:
    """How often storage that grows is reallocated, by the arms that tell."""
    medians = full.groupby(["storage", "arm"])["reallocations"].median().unstack("storage")
    if GROWN not in medians:
        return ""
    told = medians[GROWN].dropna()
    grown = set(full.loc[full["storage"] == GROWN, "arm"])
    silent = [arm for arm in medians.index if arm in grown and arm not in told.index]
    if told.empty:
        return "No arm tells how often its storage is reallocated."
    said = f"Reallocations of a call's storage that grows from nothing ({_calls_of(full)}): {_numbers(told)}."
    if RESERVED in medians:
        kept = medians.loc[told.index, RESERVED].dropna()
        never, often = kept[kept == 0], kept[kept > 0]
        parts = [f"none in {_names(never)}"] if len(never) else []
        parts += [_numbers(often)] if len(often) else []
        said += f" Where it is reserved: {'; '.join(parts)}." if parts else ""
    return f"{said} Not told by {wording.listing(silent)}." if silent else said


def _sample_line(processes: pd.DataFrame) -> str:
    """How many processes there are, and what the control arm takes, which is in every other number too."""
    sizes = processes.groupby(_PLACE).size()
    low, high = int(sizes.min()), int(sizes.max())
    each = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    said = f"Processes for each arm, storage and number of calls: {each} ({len(processes):,} in all)."
    control = processes[processes["arm"] == NOTHING]
    if control.empty:
        return f"{said} There was no control arm."
    control = control[control["calls"] == control["calls"].max()]
    faults = _range(control["minor_faults"] * control["calls"])
    kib = _range(control["rss_after"] * control["calls"] / KIB)
    return (
        f"{said} The control arm keeps nothing: with {_calls_of(control)}, all together, it came to {kib} KiB of "
        f"resident memory and {faults} page faults. So much the loop and the looking take; it is in the other numbers "
        f"as well."
    )


def _ratio(over: pd.Series, under: pd.Series) -> _Ratio:
    """Ratio of geometric means over processes with Welch's t interval; infinite ends below MIN_WORKERS processes."""
    sides = [np.log(values[values > 0].to_numpy(dtype=float)) for values in (over, under)]
    if any(len(side) == 0 for side in sides):
        return float("nan"), 0.0, float("inf")
    mean = float(sides[0].mean() - sides[1].mean())
    if any(len(side) < MIN_WORKERS for side in sides):
        return float(np.exp(mean)), 0.0, float("inf")
    parts = [float(side.var(ddof=1)) / len(side) for side in sides]
    half = 0.0
    if error := sum(parts):
        freedom = error**2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, sides, strict=True))
        half = float(stdtrit(freedom, (1 + CONFIDENCE) / 2) * np.sqrt(error))
    return float(np.exp(mean)), float(np.exp(mean - half)), float(np.exp(mean + half))


def _verdict(found: _Ratio) -> str:
    """`less` or `more` if the interval, or without one the ratio, lies beyond ALIKE; else `no less`."""
    ratio, low, high = found
    if not np.isfinite(high):
        low = high = ratio
    return "less" if high < 1 - ALIKE else "more" if low > 1 + ALIKE else "no less"


def _worded(found: _Ratio) -> str:
    """A ratio with its interval, if it has one."""
    ratio, low, high = found
    return f"{wording.ratio(ratio)} ({wording.interval(low, high)})" if np.isfinite(high) else wording.ratio(ratio)


def _range(values: pd.Series) -> str:
    """The range of quantities, in words."""
    values = values.dropna()
    if values.empty:
        return wording.NO_NUMBER
    low, high = wording.number(float(values.min())), wording.number(float(values.max()))
    return low if low == high else f"{low} to {high}"


def _names(by_arm: pd.Series | pd.DataFrame) -> str:
    return wording.listing([str(arm) for arm in by_arm.index])


def _numbers(by_arm: pd.Series) -> str:
    return wording.listing([f"{arm} {wording.number(float(value))}" for arm, value in by_arm.items()])


def _calls_of(rows: pd.DataFrame) -> str:
    """The number of calls of rows that all have the same."""
    return wording.count(int(rows["calls"].iloc[0]), "call")
