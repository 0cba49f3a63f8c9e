"""What a chunk costs as a function of its size: a fixed part and a part for every byte, checked on sizes held out.

The line is fitted in every worker by itself, so that workers stay the independent unit of every interval. Nanoseconds
belong to the machine; the half size and the ratios to the baseline, in which a worker's pace cancels, say more.
Where a line does not hold, that is reported and nothing is added to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from itertools import pairwise as neighbours
from typing import Any

import numpy as np
import pandas as pd

from . import wording
from .analysis import block_logs, interval, pairwise
from .experiment import CHECK, FIT
from .results import RunData
from .worker import EMPTY, NULL
from .workload import parse_size

MIN_SIZES = 3
"""Fitted sizes below which a line would fit whatever was measured."""

LIMITS = (0.05, 0.10)
"""Relative errors within which a line is said to hold; beyond the last it does not."""

FAILS = "does not hold"
UNTOLD = "undecided"
UNCHECKED = "not checked"


@dataclass(frozen=True)
class CostModel:
    """The cost model of an experiment; times are in nanoseconds per chunk, sizes in bytes.

    `points`: `worker`, `arm`, `bytes`, `role` (experiment.FIT, experiment.CHECK or empty), `ns` (median slot).
    `fits`, a row an arm: `language`, `workers`; `fixed` (ns), `per_byte` (ns), `half` (the size at which half of the
    cost is the fixed part), `fixed_ratio` and `per_byte_ratio` (how many times the arm's part goes into the baseline's;
    1 is the baseline's own), each with `_low` and `_high`; `holds` (`within 5 %`, `within 10 %`, FAILS, UNTOLD or
    UNCHECKED), `residual` and `residual_bytes` (largest error on a fitted size).
    `errors`, a row an arm and size: `role`, `error` (predicted over measured, less 1), `low`, `high`.
    `crossings`: `arm` (cheaper below) and `against`; `from_bytes` and `to_bytes`, the neighbouring sizes at which the
    one and the other is faster; `bytes`, `low`, `high` of the crossing in between if all workers have it; how many do
    (`crossing` of `workers`); and the same of the two lines with `line_` before. Not measured: NaN.
    `others`: pairs without a crossing: `arm` (the faster), `against`, `throughout` (faster at every size), `told` (at
    any).
    """

    baseline: str
    points: pd.DataFrame
    fits: pd.DataFrame
    errors: pd.DataFrame
    crossings: pd.DataFrame
    others: pd.DataFrame

    @property
    def ends(self) -> tuple[int, int]:
        """The smallest and the largest size."""
        return int(self.points["bytes"].min()), int(self.points["bytes"].max())


def cost_model(run: RunData, experiment: str) -> CostModel | None:
    """The cost model of an experiment; None if it asks for none, or too little was measured for any arm."""
    definition = run.experiment(experiment)
    cells = [cell for cell in definition["cells"] if cell.get("model")]
    if not cells:
        return None
    # Cut down once: every cell would otherwise search all slots of the run.
    run = replace(run, slots=run.slots[run.slots["experiment"] == experiment])
    points = _points(run, cells)
    lines = worker_lines(points)
    if lines.empty:
        return None
    languages = {arm["name"]: arm["build"].get("language", "") for arm in run.note["arms"]}
    errors = _errors(points, lines)
    fits = _fits(lines, errors, definition["baseline"])
    crossings, others = _pairs(run, definition, cells, lines)
    points, fits = (table.assign(language=table["arm"].map(languages).fillna("")) for table in (points, fits))
    return CostModel(definition["baseline"], points, fits, errors, crossings, others)


def fit_line(sizes: np.ndarray, times: np.ndarray) -> tuple[float, float]:
    """Fixed part and part per byte of the line with the least sum of squared relative errors.

    Weighted least squares with weights 1 / time squared (Tofallis 2009): times span three decades, and the largest
    would decide alone if every nanosecond counted the same.
    """
    design = np.column_stack([1 / times, sizes / times])
    fixed, per_byte = np.linalg.lstsq(design, np.ones(len(times)))[0]
    return float(fixed), float(per_byte)


def worker_lines(points: pd.DataFrame) -> pd.DataFrame:
    """The line of every arm in every worker: columns `worker`, `arm`, `fixed`, `per_byte`.

    Fitted on the sizes marked for it. All workers of an arm are fitted on the same ones: a worker that lacks a size
    that others have, such as one that was interrupted, has no line.
    """
    rows = []
    for arm, table in points[points["role"] == FIT].groupby("arm", sort=False):
        wide = table.pivot(index="worker", columns="bytes", values="ns").dropna()
        if wide.shape[1] >= MIN_SIZES:
            sizes = wide.columns.to_numpy(dtype=float)
            rows += [(worker, arm, *fit_line(sizes, times.to_numpy())) for worker, times in wide.iterrows()]
    return pd.DataFrame(rows, columns=["worker", "arm", "fixed", "per_byte"])


def _points(run: RunData, cells: list[dict[str, Any]]) -> pd.DataFrame:
    slots = run.slots[~run.slots["arm"].isin([NULL, EMPTY])]
    ns = slots["wall_ns"] / slots["chunks"]
    medians = ns.groupby([slots["worker"], slots["arm"], slots["cell"]]).median().rename("ns").reset_index()
    about = {cell["name"]: (parse_size(cell["size"]).chunk_bytes, cell["model"]) for cell in cells}
    medians = medians[medians["cell"].isin(about)]
    sizes, roles = ([about[name][i] for name in medians["cell"]] for i in (0, 1))
    return medians.drop(columns="cell").assign(bytes=sizes, role=roles)


def _errors(points: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Relative error of the line at every size, with its interval over workers."""
    both = points.merge(lines, on=["worker", "arm"])
    both["error"] = (both["fixed"] + both["per_byte"] * both["bytes"]) / both["ns"] - 1
    rows = []
    for (arm, size, role), group in both.groupby(["arm", "bytes", "role"], sort=False):
        rows.append((arm, size, role, *interval(group["error"].to_numpy())))
    table = pd.DataFrame(rows, columns=["arm", "bytes", "role", "error", "low", "high"])
    return table.sort_values(["arm", "bytes"], ignore_index=True)


def _fits(lines: pd.DataFrame, errors: pd.DataFrame, baseline: str) -> pd.DataFrame:
    wide = lines.pivot(index="worker", columns="arm", values=["fixed", "per_byte"])
    rows = []
    for arm in dict.fromkeys(lines["arm"]):
        fixed, per_byte = wide["fixed", arm], wide["per_byte", arm]
        row: dict[str, Any] = {"arm": arm, "workers": int(fixed.notna().sum())}
        values = {"fixed": fixed, "per_byte": per_byte, "half": fixed / per_byte}
        for name, of_workers in values.items():
            row |= dict(zip((name, f"{name}_low", f"{name}_high"), interval(of_workers.to_numpy()), strict=True))
        for name in ("fixed", "per_byte"):
            ratios = [float("nan")] * 3
            if baseline in wide[name] and arm != baseline:
                ratios = _ratio(wide[name, baseline].to_numpy(), wide[name, arm].to_numpy())
            row |= dict(zip((f"{name}_ratio", f"{name}_ratio_low", f"{name}_ratio_high"), ratios, strict=True))
        own = errors[errors["arm"] == arm]
        fitted = own[own["role"] == FIT]
        worst = fitted.loc[fitted["error"].abs().idxmax()]
        row |= {"residual": worst["error"], "residual_bytes": int(worst["bytes"])}
        rows.append(row | {"holds": _holds(own[own["role"] == CHECK])})
    return pd.DataFrame(rows)


def _ratio(base: np.ndarray, own: np.ndarray) -> list[float]:
    """Ratio of two parts with its interval, from logarithms; NaN unless both are above 0 in every worker."""
    both = ~(np.isnan(base) | np.isnan(own))
    if not both.any() or (base[both] <= 0).any() or (own[both] <= 0).any():
        return [float("nan")] * 3
    return [float(np.exp(value)) for value in interval(np.log(base[both] / own[both]))]


def _holds(errors: pd.DataFrame) -> str:
    """Within which limit a line predicts the sizes held out, judged by all of each interval."""
    if errors.empty:
        return UNCHECKED
    reach = errors[["low", "high"]].abs().max(axis=None)
    for limit in LIMITS:
        if reach < limit:
            return f"within {wording.percent(limit, 0)}"
    return FAILS if len(_failing(errors)) else UNTOLD


def _failing(errors: pd.DataFrame) -> pd.DataFrame:
    """Sizes at which all of the interval lies beyond the last limit."""
    return errors[(errors["low"] > LIMITS[-1]) | (errors["high"] < -LIMITS[-1])]


def _pairs(
    run: RunData, definition: dict[str, Any], cells: list[dict[str, Any]], lines: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every two arms: where one overtakes the other, measured and by their lines, or that it does not."""
    sizes: list[int] = []
    logs: list[pd.DataFrame] = []
    verdicts: dict[tuple[str, str, int], str] = {}
    for cell in sorted(cells, key=lambda cell: parse_size(cell["size"]).chunk_bytes):
        slots = run.slots[(run.slots["cell"] == cell["name"]) & ~run.slots["arm"].isin([NULL, EMPTY])]
        if slots.empty:
            continue
        size = parse_size(cell["size"]).chunk_bytes
        sizes.append(size)
        logs.append(block_logs(slots))
        table = pairwise(run, definition["name"], cell["name"], definition["margin"])
        verdicts |= {
            (row.arm, row.against, size): row.verdict for row in table[["arm", "against", "verdict"]].itertuples()
        }
    ends = (min(sizes), max(sizes)) if sizes else (0, 0)
    crossings, others = [], []
    for pair in combinations((definition["baseline"], *definition["arms"]), 2):
        found = _measured(pair, sizes, logs, verdicts)
        if found is None:
            continue
        rows, other = found
        if other and other["told"]:
            rows = _lines_alone(pair, lines, ends)
        crossings += [row | _crossing_of_lines(row["arm"], row["against"], lines, ends) for row in rows]
        others += [other] if other else []
    columns = ["arm", "against", "from_bytes", "to_bytes", "bytes", "low", "high", "crossing", "workers"]
    columns += [f"line_{name}" for name in ("bytes", "low", "high", "crossing", "workers")]
    return (
        pd.DataFrame(crossings, columns=columns),
        pd.DataFrame(others, columns=["arm", "against", "throughout", "told"]),
    )


def _measured(
    pair: tuple[str, str], sizes: list[int], logs: list[pd.DataFrame], verdicts: dict[tuple[str, str, int], str]
) -> tuple[list[dict[str, Any]], dict[str, Any] | None] | None:
    """The measured crossings of two arms, or how they compare without one; None if they never met.

    A crossing lies between two sizes at which the verdict is faster for the one and then for the other, so that noise
    between two arms that cost the same is none.
    """
    one, other = pair
    met = [(size, table) for size, table in zip(sizes, logs, strict=True) if {one, other} <= set(table.columns)]
    if not met:
        return None
    words = [verdicts[one, other, size] for size, _ in met]
    decided = [(i, word) for i, word in enumerate(words) if word in ("faster", "slower")]
    rows = []
    for (i, word), (j, next_word) in neighbours(decided):
        if word == next_word:
            continue
        arm, against = (one, other) if word == "faster" else (other, one)
        medians = {size: (table[against] - table[arm]).groupby("worker").median() for size, table in met[i : j + 1]}
        leads = pd.DataFrame(medians).dropna()
        rows.append(
            {"arm": arm, "against": against, "from_bytes": met[i][0], "to_bytes": met[j][0]}
            | _over_workers([crossing_point(leads.columns.to_numpy(float), lead) for lead in leads.to_numpy()])
        )
    if rows:
        return rows, None
    faster, slower = (one, other) if not decided or decided[0][1] == "faster" else (other, one)
    throughout = len(decided) == len(words)
    return [], {"arm": faster, "against": slower, "throughout": throughout, "told": bool(decided)}


def crossing_point(sizes: np.ndarray, leads: np.ndarray) -> float:
    """The size at which a lead (log ratio) is used up; NaN if it is not there at the start or still there at the end.

    Interpolated on the logarithm of the size. Where noise makes it pass through 0 several times, the middle of the
    first and the last time.
    """
    if not leads[0] > 0 > leads[-1]:
        return float("nan")
    logs = np.log(sizes)
    before = np.flatnonzero((leads[:-1] > 0) != (leads[1:] > 0))
    ends = before[[0, -1]]
    share = leads[ends] / (leads[ends] - leads[ends + 1])
    return float(np.exp(np.mean(logs[ends] + share * (logs[ends + 1] - logs[ends]))))


def _over_workers(points: list[float]) -> dict[str, Any]:
    """The crossing over workers, with an interval if all of them have one, and how many do."""
    values = np.array(points, dtype=float)
    crossing = int((~np.isnan(values)).sum())
    ends = [float("nan")] * 3
    if len(values) and crossing == len(values):
        ends = [float(value) for value in np.exp(interval(np.log(values)))]
    return {"bytes": ends[0], "low": ends[1], "high": ends[2], "crossing": crossing, "workers": len(values)}


def _crossing_of_lines(arm: str, against: str, lines: pd.DataFrame, ends: tuple[int, int]) -> dict[str, Any]:
    """Where two arms' lines cross within the sizes measured, `arm` being the cheaper below."""
    wide = lines.pivot(index="worker", columns="arm", values=["fixed", "per_byte"])
    if not {arm, against} <= set(wide["fixed"].columns):
        return {f"line_{name}": value for name, value in _over_workers([]).items()}
    saved = wide["fixed", against] - wide["fixed", arm]
    lost = wide["per_byte", arm] - wide["per_byte", against]
    both = saved.notna() & lost.notna()
    points = (saved / lost).where((saved > 0) & (lost > 0))[both]
    inside = points.where(points.between(*ends))
    return {f"line_{name}": value for name, value in _over_workers(list(inside)).items()}


def _lines_alone(pair: tuple[str, str], lines: pd.DataFrame, ends: tuple[int, int]) -> list[dict[str, Any]]:
    """A row for two arms whose lines cross in every worker although the measurements do not."""
    for arm, against in (pair, pair[::-1]):
        found = _crossing_of_lines(arm, against, lines, ends)
        if found["line_workers"] and found["line_crossing"] == found["line_workers"]:
            nothing = dict.fromkeys(("from_bytes", "to_bytes", "bytes", "low", "high"), float("nan"))
            return [{"arm": arm, "against": against, **nothing, "crossing": 0, "workers": found["line_workers"]}]
    return []
