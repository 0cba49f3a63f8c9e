"""The tail of times that were counted: quantiles over all processes, each with an interval over processes.

A process is what differs by chance, not a chunk: thousands of chunks of one process share its addresses and whatever
the machine did meanwhile. So the interval comes from drawing processes anew.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..analysis import BOOTSTRAPS, CONFIDENCE, MIN_WORKERS

QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
"""The last one is the greatest time."""

_AT_ONCE = 100
"""Draws whose counts are in memory together."""


def quantiles(rows: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """Of counted times, nanoseconds at every one of QUANTILES: `ns`, and `low` to `high`, with 95 % confidence.

    `rows` has the columns job, operation, size, arm, ns, count. The result has a row for every operation, size, arm
    and quantile, with the number of `processes` and `chunks`. A quantile is the least time that so large a share of all
    chunks did not exceed, so it is always one that was measured. `low` and `high` are NaN with fewer than MIN_WORKERS
    processes, and for the greatest time, of which a sample does not tell how far it may go.
    """
    keys = ["operation", "size", "arm"]
    found = []
    for place, group in rows.groupby(keys, sort=False):
        counts = group.pivot_table(index="job", columns="ns", values="count", aggfunc="sum", fill_value=0)
        values, by_job = counts.columns.to_numpy(), counts.to_numpy()
        points = _at(values, by_job.sum(axis=0, keepdims=True))[0]
        drawn = _redrawn(values, by_job, seed)
        for index, quantile in enumerate(QUANTILES):
            row = dict(zip(keys, place, strict=True))
            row |= {"processes": len(by_job), "chunks": int(by_job.sum()), "quantile": quantile, "ns": points[index]}
            bounded = len(by_job) >= MIN_WORKERS and quantile < 1
            tails = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
            low, high = np.quantile(drawn[:, index], tails) if bounded else (np.nan, np.nan)
            found.append(row | {"low": float(low), "high": float(high)})
    columns = [*keys, "processes", "chunks", "quantile", "ns", "low", "high"]
    return pd.DataFrame(found, columns=columns)


def _at(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The quantiles of rows of counts of the ascending values."""
    reached = counts.cumsum(axis=1)
    # Counted in whole chunks: a share as a float would be a chunk off now and then.
    ranks = np.maximum(np.ceil(np.outer(reached[:, -1], QUANTILES) - 1e-6), 1)
    places = [np.searchsorted(one, rank) for one, rank in zip(reached, ranks, strict=True)]
    found: np.ndarray = values[np.array(places)]
    return found


def _redrawn(values: np.ndarray, by_job: np.ndarray, seed: int) -> np.ndarray:
    """The quantiles of as many processes, drawn with replacement, BOOTSTRAPS times."""
    jobs = len(by_job)
    times = np.random.default_rng(seed).multinomial(jobs, np.full(jobs, 1 / jobs), BOOTSTRAPS)
    parts = [_at(values, times[start : start + _AT_ONCE] @ by_job) for start in range(0, BOOTSTRAPS, _AT_ONCE)]
    return np.concatenate(parts)
