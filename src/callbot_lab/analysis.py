"""From slots to ratios with intervals, and from those to verdicts (docs/method.md gives the reasons).

Student's t comes from scipy.special: scipy.stats takes seconds to import, which a command line should not.

All ratios say how many times as fast an arm is as the baseline: above 1 is faster.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from .results import RunData
from .worker import EMPTY, NULL

CONFIDENCE = 0.95
POWER = 0.80
BOOTSTRAPS = 2000
MIN_WORKERS = 3
"""Workers below which an interval would be a guess."""


def block_logs(slots: pd.DataFrame, cost: str = "wall_ns") -> pd.DataFrame:
    """Logarithm of the nanoseconds (of the column `cost`) per chunk, for every arm in every block of one cell.

    Rows are (worker, block), columns are arms. The two slots that an arm has in a block, one in the random order and
    one in its reverse, are averaged (as logarithms), so that drift within the block cancels.
    """
    logs = np.log(slots[cost] / slots["chunks"])
    return logs.groupby([slots["worker"], slots["block"], slots["arm"]]).mean().unstack("arm")


def block_ratios(slots: pd.DataFrame, baseline: str, cost: str = "wall_ns") -> pd.DataFrame:
    """Log ratio of the baseline's time to an arm's, in the rows and columns of block_logs."""
    table = block_logs(slots, cost)
    return table.rsub(table[baseline], axis=0).drop(columns=baseline)


def worker_ratios(slots: pd.DataFrame, baseline: str, cost: str = "wall_ns") -> pd.DataFrame:
    """Median over blocks of the log ratios: one row a worker, the independent unit of everything that follows."""
    return block_ratios(slots, baseline, cost).groupby("worker").median()


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of log ratios with its t interval (Georges et al. 2007); infinite ends below MIN_WORKERS values."""
    values = values[~np.isnan(values)]
    mean = float(values.mean()) if len(values) else float("nan")
    if len(values) < MIN_WORKERS:
        return mean, -np.inf, np.inf
    half = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - half, mean + half


def bootstrap(values: np.ndarray, seed: int = 1) -> tuple[float, float]:
    """Percentile interval of the mean over resampled workers (Kalibera and Jones 2013)."""
    values = values[~np.isnan(values)]
    if len(values) < MIN_WORKERS:
        return -np.inf, np.inf
    drawn = np.random.default_rng(seed).choice(values, (BOOTSTRAPS, len(values))).mean(axis=1)
    tail = (1 - CONFIDENCE) / 2
    return float(np.quantile(drawn, tail)), float(np.quantile(drawn, 1 - tail))


def p_value(values: np.ndarray) -> float:
    """Two-sided p of the t test that the mean log ratio is 0."""
    values = values[~np.isnan(values)]
    if len(values) < MIN_WORKERS:
        return 1.0
    if values.std(ddof=1) == 0:
        return 1.0 if values.mean() == 0 else 0.0
    statistic = values.mean() / (values.std(ddof=1) / np.sqrt(len(values)))
    return float(2 * stdtr(len(values) - 1, -abs(statistic)))


def holm(values: np.ndarray) -> np.ndarray:
    """Holm's correction of p values for their number."""
    order = np.argsort(values)
    factors = len(values) - np.arange(len(values))
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return corrected


def smallest_effect(values: np.ndarray) -> float:
    """Smallest ratio above 1 that a run with this spread between workers finds four times out of five."""
    values = values[~np.isnan(values)]
    if len(values) < MIN_WORKERS:
        return float("inf")
    freedom = len(values) - 1
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(np.exp((stdtrit(freedom, (1 + CONFIDENCE) / 2) + stdtrit(freedom, POWER)) * error))


def verdict(row: dict[str, Any] | pd.Series, margin: float) -> str:
    """Faster, slower, equivalent or undecided.

    Equivalent: the interval lies within the margin. Faster or slower: the corrected test says so and the interval lies
    beyond the null band, the larger end of the null arm's own interval. A difference may be detected and still be
    smaller than the margin: then it is equivalent.
    """
    edge = np.log1p(margin)
    if max(abs(row["log_low"]), abs(row["log_high"])) < edge:
        return "equivalent"
    if row["p_holm"] < 1 - CONFIDENCE and row["log_low"] > row["null_band"]:
        return "faster"
    if row["p_holm"] < 1 - CONFIDENCE and row["log_high"] < -row["null_band"]:
        return "slower"
    return "undecided"


def analyse_cell(slots: pd.DataFrame, baseline: str, margin: float, cost: str = "wall_ns") -> pd.DataFrame:
    """All arms of one cell against the baseline, one row an arm, by wall time or by another column of the slots.

    Columns: `ratio`, `low`, `high` (t interval), `boot_low`, `boot_high`, `p`, `p_holm` (over the arms of the cell, the
    null arm apart), `null_low`, `null_high`, `null_band` (log), `detected`, `matters` (the interval lies beyond the
    margin), `verdict`, `smallest` (effect, as a ratio), `workers`, `blocks`, and for orientation only `p10`, `p50`,
    `p99` in nanoseconds per chunk.
    """
    workers = worker_ratios(slots, baseline, cost)
    blocks = slots.groupby("arm")["block"].size() // 2
    times = (slots[cost] / slots["chunks"]).groupby(slots["arm"]).quantile([0.1, 0.5, 0.99]).unstack()
    rows: list[dict[Hashable, Any]] = []
    for arm in workers.columns:
        values = workers[arm].to_numpy()
        mean, low, high = interval(values)
        boot_low, boot_high = bootstrap(values)
        rows.append(
            {
                "arm": arm,
                "ratio": np.exp(mean),
                "low": np.exp(low),
                "high": np.exp(high),
                "boot_low": np.exp(boot_low),
                "boot_high": np.exp(boot_high),
                "log_low": low,
                "log_high": high,
                "p": p_value(values),
                "smallest": smallest_effect(values),
                "workers": int((~np.isnan(values)).sum()),
                "blocks": int(blocks[arm]),
                **dict(zip(("p10", "p50", "p99"), times.loc[arm], strict=True)),
            }
        )
    table = pd.DataFrame(rows).set_index("arm")
    null = table.loc[NULL]
    table["null_low"], table["null_high"] = null["low"], null["high"]
    table["null_band"] = max(abs(null["log_low"]), abs(null["log_high"]))
    tested = ~table.index.isin([NULL, EMPTY])
    table["p_holm"] = table["p"]
    table.loc[tested, "p_holm"] = holm(table.loc[tested, "p"].to_numpy())
    table["detected"] = (table["log_low"] > 0) | (table["log_high"] < 0)
    edge = np.log1p(margin)
    table["matters"] = (table["log_low"] > edge) | (table["log_high"] < -edge)
    table["verdict"] = [verdict(row, margin) for _, row in table.iterrows()]
    return table.reset_index()


def analyse(run: RunData) -> pd.DataFrame:
    """All cells of all experiments of a run: the rows of analyse_cell with `experiment`, `cell`, `baseline`, `margin`.

    A cell whose baseline or null arm has no slots has no rows.
    """
    tables = []
    for experiment in run.note["experiments"]:
        for cell in experiment["cells"]:
            slots = slots_of(run, experiment["name"], cell["name"])
            if not {experiment["baseline"], NULL} <= set(slots["arm"]):
                continue
            table = analyse_cell(slots, experiment["baseline"], experiment["margin"])
            place = {
                "experiment": experiment["name"],
                "baseline": experiment["baseline"],
                "margin": experiment["margin"],
            }
            place |= {key: cell[key] for key in ("operation", "size", "pool")} | {"cell": cell["name"]}
            tables.append(table.assign(**place))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def slots_of(run: RunData, experiment: str, cell: str) -> pd.DataFrame:
    """The slots of one cell."""
    slots = run.slots
    return slots[(slots["experiment"] == experiment) & (slots["cell"] == cell)]


def pairwise(run: RunData, experiment: str, cell: str, margin: float) -> pd.DataFrame:
    """Every two arms of a cell against each other, from the same blocks.

    Columns: `arm`, `against`, `ratio`, `low`, `high`, `equivalent`, `verdict`. The ratio says how many times as fast
    `arm` is as `against`. The verdict is that of analyse_cell, corrected for the number of pairs. The null and the
    empty-call arm are left out.
    """
    slots = slots_of(run, experiment, cell)
    slots = slots[slots["arm"] != EMPTY]
    arms = sorted(set(slots["arm"]) - {NULL})
    band = null_band(slots, run.experiment(experiment)["baseline"])
    rows: list[dict[str, Any]] = []
    logs = block_logs(slots)
    for against in arms:
        workers = logs.rsub(logs[against], axis=0).groupby("worker").median()
        for arm in arms:
            if arm != against:
                values = workers[arm].to_numpy()
                mean, low, high = interval(values)
                rows.append(
                    {
                        "arm": arm,
                        "against": against,
                        "ratio": np.exp(mean),
                        "low": np.exp(low),
                        "high": np.exp(high),
                        "log_low": low,
                        "log_high": high,
                        "equivalent": max(abs(low), abs(high)) < np.log1p(margin),
                        "p": p_value(values),
                        "null_band": band,
                    }
                )
    columns = ["arm", "against", "ratio", "low", "high", "equivalent", "verdict"]
    if not rows:
        return pd.DataFrame(columns=columns)
    table = pd.DataFrame(rows)
    once = table["arm"] < table["against"]  # a pair and its mirror image are one test
    corrected = dict(
        zip(
            zip(table.loc[once, "arm"], table.loc[once, "against"], strict=True),
            holm(table.loc[once, "p"].to_numpy()),
            strict=True,
        )
    )
    pairs = zip(table["arm"], table["against"], strict=True)
    table["p_holm"] = [corrected[min(pair), max(pair)] for pair in pairs]
    table["verdict"] = [verdict(row, margin) for _, row in table.iterrows()]
    return table[columns]


def null_band(slots: pd.DataFrame, baseline: str) -> float:
    """How far the null arm's interval reaches from 1, as a logarithm; infinite without a null arm."""
    if not {baseline, NULL} <= set(slots["arm"]):
        return float("inf")
    pair = slots[slots["arm"].isin([baseline, NULL])]
    _, low, high = interval(worker_ratios(pair, baseline)[NULL].to_numpy())
    return max(abs(low), abs(high))
