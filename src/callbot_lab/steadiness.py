"""Warm-up and drift: whether the slots of an arm in a worker come from one state, as Barrett et al. (2017) ask.

Change points are found in the arm's time per chunk, block by block, and in its ratio to the baseline. Nothing is left
out for what is found: it is published beside the results.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import ruptures

from . import wording
from .analysis import block_logs
from .results import RunData
from .worker import EMPTY

FLAT, WARMING, SLOWING, UNSTEADY, SHORT = "flat", "warming", "slowing", "unsteady", "too short"
KINDS = (FLAT, WARMING, SLOWING, UNSTEADY, SHORT)
"""No change; ends faster than it began; ends slower; neither, or a change near the end; too few blocks to say."""

TIME, RATIO = "time", "ratio"
"""The two series of an arm: nanoseconds per chunk, and how many times as fast as the baseline."""

LEAST_BLOCKS = 20
SHORTEST = 5
"""Blocks of the shortest state that counts as one."""
PENALTY = 3.0
"""What a change has to gain in squared error, in variances of the noise times log n: of series without a change one in
some hundreds gets one."""
OUTLIER = 3.0
"""Standard deviations of the noise beyond which a block is pulled in, from the median of its neighbours."""
TOLERANCE = 0.01
"""States that differ by less than this share count as the same."""
ENDING = 0.25
"""Share of the blocks at the end in which nothing may change, if a series is to count as having come to rest."""


def change_points(values: np.ndarray) -> list[int]:
    """Where the mean of a series changes, as indices of first values: PELT (Killick et al. 2012) with a linear kernel.

    The noise is judged from differences of neighbours, which a change of the mean hardly touches.
    """
    steps = np.diff(values)
    scale = np.median(np.abs(steps - np.median(steps))) / 0.6745 / np.sqrt(2)
    if scale == 0:
        return []
    # A single block that was interrupted is no state, and in squares it outweighs all others.
    middle = pd.Series(values).rolling(2 * SHORTEST + 1, center=True, min_periods=1).median().to_numpy()
    values = np.clip(values, middle - OUTLIER * scale, middle + OUTLIER * scale)
    found = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST).fit((values / scale)[:, None])
    return [int(place) for place in found.predict(pen=PENALTY * np.log(len(values)))[:-1]]


def classify(values: np.ndarray) -> str:
    """Which of KINDS a series is: logarithms of a time (or of its inverse ratio), where less is faster."""
    values = values[~np.isnan(values)]
    if len(values) < LEAST_BLOCKS:
        return SHORT
    starts = [0, *change_points(values)]
    means = np.array([np.median(part) for part in np.split(values, starts[1:])])
    differs = np.abs(means - means[-1]) > np.log1p(TOLERANCE)
    if not differs.any():
        return FLAT
    if starts[int(np.flatnonzero(differs)[-1]) + 1] > (1 - ENDING) * len(values):
        return UNSTEADY
    if (means[differs] > means[-1]).all():
        return WARMING
    return SLOWING if (means[differs] < means[-1]).all() else UNSTEADY


def classes(run: RunData) -> pd.DataFrame:
    """Every series of a run: `experiment`, `cell`, `arm`, `worker`, `series` (TIME or RATIO), `kind`."""
    rows = []
    slots = run.slots[run.slots["arm"] != EMPTY]
    baselines = {each["name"]: each["baseline"] for each in run.note["experiments"]}
    for (experiment, cell), here in slots.groupby(["experiment", "cell"], sort=False):
        logs, baseline = block_logs(here), baselines[experiment]
        for worker, own in logs.groupby("worker"):
            own = own.sort_index()
            for arm in own.columns:
                place = {"experiment": experiment, "cell": cell, "arm": arm, "worker": worker}
                rows.append({**place, "series": TIME, "kind": classify(own[arm].to_numpy())})
                if arm != baseline and baseline in own.columns:
                    ratio = (own[arm] - own[baseline]).to_numpy()
                    rows.append({**place, "series": RATIO, "kind": classify(ratio)})
    return pd.DataFrame(rows, columns=["experiment", "cell", "arm", "worker", "series", "kind"])


def counts(found: pd.DataFrame) -> pd.DataFrame:
    """How many series of an experiment are of which kind: a row an experiment and series, a column each of KINDS."""
    table = found.groupby(["experiment", "series"], sort=True)["kind"].value_counts().unstack(fill_value=0)
    return table.reindex(columns=list(KINDS), fill_value=0).astype(int).reset_index()


def line(found: pd.DataFrame) -> str:
    """What the counts come to, in a sentence."""
    parts = []
    for series, said in ((TIME, "times of an arm in a worker"), (RATIO, "ratios to the baseline")):
        kinds = found.loc[(found["series"] == series) & (found["kind"] != SHORT), "kind"]
        if len(kinds):
            flat = wording.percent((kinds == FLAT).mean(), 0)
            parts.append(f"of {len(kinds):,} series of {said} {flat} are flat")
    return f"Of one state: {wording.listing(parts)}; nothing was left out." if parts else "No series is long enough."
