"""What the looks at a process say of its buffers: one row a process, and medians for each call."""

from __future__ import annotations

import pandas as pd

from .memory import BEFORE, FILLING, OPENED, STORAGES

_PLACE = ["arm", "calls", "storage"]
_SIZES = ["rss", "private", "virtual"]
_COUNTERS = ["minor_faults", "major_faults", "reallocations"]


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


def per_call(rows: pd.DataFrame) -> pd.DataFrame:
    """For every arm, number of calls and storage what one call takes: medians over processes, divided by the calls.

    Columns as in costs, without job; sizes at `_opened`, `_after` and `rss_peak` are what came to the size before.
    """
    found = costs(rows)
    for name in _SIZES:
        for when in ("opened", "after"):
            found[f"{name}_{when}"] -= found[f"{name}_before"]
    found["rss_peak"] -= found["rss_before"]
    found = found.drop(columns=["job", *(f"{name}_before" for name in _SIZES)])
    values = found.columns.drop(_PLACE)
    found[values] = found[values].div(found["calls"], axis=0)
    medians = found.groupby(_PLACE, as_index=False).median()
    order = medians["storage"].map(STORAGES.index)
    return medians.iloc[
        pd.DataFrame({"storage": order, "calls": medians["calls"]}).sort_values(["storage", "calls"]).index
    ]
