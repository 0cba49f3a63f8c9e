"""The tail of times that were counted: quantiles over all processes, each with an interval over processes.

A process is what differs by chance, not a chunk: thousands of chunks of one process share its addresses and whatever
the machine did meanwhile. So the interval comes from drawing processes anew, and arms are compared process by process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import wording
from ..analysis import BOOTSTRAPS, CONFIDENCE, MIN_WORKERS, holm, interval, p_value
from ..embed import embed
from ..figures.latency import label, latency_tail, processes
from .latency import APPEND, CONTROLS
from .shown import Shown, ShownTable

QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
"""The last one is the greatest time."""

MIDDLE, HIGH, RARE = 0.5, 0.99, 0.999
"""Those that sentences are about."""

LONGER, SHORTER, UNDECIDED = "longer", "shorter", "undecided"
"""What an arm's tail is beside that of a control arm."""

CLOCK = next(iter(CONTROLS))
"""The control arm around nothing."""

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
            ends = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
            low, high = np.quantile(drawn[:, index], ends) if bounded else (np.nan, np.nan)
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


def tails(rows: pd.DataFrame) -> pd.DataFrame:
    """How the times of every arm spread in every process, so that arms can be compared within the same process.

    `rows` as in quantiles. One row for every operation, size, arm and job, with the columns `operation`, `size`, `arm`,
    `job` (number of the process), `chunks`; `cv`: coefficient of variation, the standard deviation of all times of the
    process over their mean; `p50`, `p99`: nanoseconds, quantiles as in quantiles; `tail`: p99 / p50. `cv` and `tail`
    have no unit, and are NaN where a clock too coarse would have them divided by nought.
    """
    keys = ["operation", "size", "arm", "job"]
    found = []
    for place, group in rows.groupby(keys, sort=False):
        counted = group.groupby("ns")["count"].sum()
        values, counts = counted.index.to_numpy(float), counted.to_numpy()
        points = _at(values, counts[np.newaxis])[0]
        middle, high = float(points[QUANTILES.index(MIDDLE)]), float(points[QUANTILES.index(HIGH)])
        mean = float(np.average(values, weights=counts))
        deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=counts)))
        row = dict(zip(keys, place, strict=True))
        row |= {"chunks": int(counts.sum()), "cv": deviation / mean if mean > 0 else np.nan}
        found.append(row | {"p50": middle, "p99": high, "tail": high / middle if middle > 0 else np.nan})
    return pd.DataFrame(found, columns=[*keys, "chunks", "cv", "p50", "p99", "tail"])


def beyond(varied: pd.DataFrame) -> pd.DataFrame:
    """How many times the tail of an arm is that of the control arm of nearest length, in the same processes.

    `varied` is tails(rows). One row for every operation, size and arm that is no control arm: `control` (its name),
    `times`, `low`, `high` (geometric mean over processes with its 95 % t interval), and `verdict`: longer or shorter if
    the t test says so, corrected by Holm for the arms of the operation, else undecided. Longer is more than what the
    machine did meanwhile to a call of about that length.
    """
    found: list[dict[str, Any]] = []
    for (operation, size), own in varied.groupby(["operation", "size"], sort=False):
        logs, nearest = _logs(own), _nearest(own)
        if not nearest:
            continue
        ratios = {arm: (logs[arm] - logs[control]).to_numpy() for arm, control in nearest.items()}
        corrected = holm(np.array([p_value(values) for values in ratios.values()]))
        for (arm, values), p in zip(ratios.items(), corrected, strict=True):
            mean, low, high = interval(values)
            verdict = UNDECIDED if p >= 1 - CONFIDENCE else LONGER if mean > 0 else SHORTER
            row = {"operation": operation, "size": size, "arm": arm, "control": nearest[arm], "times": np.exp(mean)}
            found.append(row | {"low": np.exp(low), "high": np.exp(high), "verdict": verdict})
    return pd.DataFrame(found, columns=["operation", "size", "arm", "control", "times", "low", "high", "verdict"])


def _logs(own: pd.DataFrame) -> pd.DataFrame:
    """Logarithm of the tails of one operation, a row a process and a column an arm."""
    return np.log(own.pivot(index="job", columns="arm", values="tail"))


def _nearest(own: pd.DataFrame) -> dict[str, str]:
    """The control arm of nearest length for each other arm, by the ratio of their p50; empty without control arms."""
    middle = own.groupby("arm")["p50"].median()
    middle = middle[middle > 0]
    controls = middle[middle.index.isin(list(CONTROLS))]
    if controls.empty:
        return {}
    return {str(arm): str(np.log(controls / ns).abs().idxmin()) for arm, ns in middle.items() if arm not in CONTROLS}


@dataclass(frozen=True)
class _Cell:
    """One operation on chunks of one size.

    `arms` has a row for each arm, control arms first and the others by p50: a column for each quantile by its label
    (ns), `low` and `high` of p99.9, `p50_low` and `p50_high`, `processes`, `tail` (p99 / p50 within a process, the
    geometric mean over processes) and `language`. `logs` and `nearest` are those of _logs and _nearest.
    """

    operation: str
    size: str
    arms: pd.DataFrame
    logs: pd.DataFrame
    nearest: dict[str, str]

    @property
    def own(self) -> pd.DataFrame:
        """The arms that are no control arms."""
        return self.arms[~self.arms.index.isin(list(CONTROLS))]

    @property
    def few(self) -> bool:
        """Whether there are too few processes for any interval."""
        return bool(self.arms["processes"].max() < MIN_WORKERS)


def _cell(place: tuple[str, str], found: pd.DataFrame, varied: pd.DataFrame, languages: Mapping[str, str]) -> _Cell:
    """A cell from its own rows of quantiles and of tails."""
    arms = found.pivot(index="arm", columns="quantile", values="ns")
    arms.columns = [label(quantile) for quantile in arms.columns]
    middle, rare = (found[found["quantile"] == quantile].set_index("arm") for quantile in (MIDDLE, RARE))
    arms = arms.join(rare[["low", "high", "processes"]]).join(middle[["low", "high"]].add_prefix("p50_"))
    logs = _logs(varied)
    arms = arms.assign(tail=np.exp(logs.mean()), language=[languages.get(arm, "") for arm in arms.index])
    ranks = {arm: number for number, arm in enumerate(CONTROLS)}
    order = sorted(arms.index, key=lambda arm: (ranks.get(arm, len(ranks)), arms.loc[arm, "p50"], arm))
    return _Cell(*place, arms.loc[order], logs, _nearest(varied))


def shown(rows: pd.DataFrame, definition: Mapping[str, Any], languages: Mapping[str, str]) -> Shown:
    """What the page shows of the tail: sentences, the main operation first, a figure, and a table an operation."""
    rows = rows.dropna(subset=["ns", "count"])
    if rows.empty:
        return Shown(["Nothing was measured."])
    keys = ["operation", "size"]
    varied = tails(rows)
    parts: dict[tuple[str, str], pd.DataFrame] = dict(iter(quantiles(rows).groupby(keys, sort=False)))
    spreads: dict[tuple[str, str], pd.DataFrame] = dict(iter(varied.groupby(keys, sort=False)))
    order = [APPEND, *definition.get("operations", ())]
    places = sorted(parts, key=lambda place: order.index(place[0]) if place[0] in order else len(order))
    cells = [_cell(place, parts[place], spreads[place], languages) for place in places]
    found = pd.concat([parts[place] for place in places])
    judged = beyond(varied)
    main, *others = cells
    said = [_rare_line(main), _language_line(main), _tail_line(main, judged), _clock_line(main), _sample_line(found)]
    said += [_tail_line(cell, judged) for cell in others]
    lines = [line for line in said if line]
    message = _title(main)
    drawn = embed(latency_tail(found, languages, message), "latency-tail", message, " ".join(lines), found)
    return Shown(lines, [drawn], [_table(cell) for cell in cells])


def _title(cell: _Cell) -> str:
    """The message of the figure: p99.9 of the main operation, least and greatest, and of control arms as long."""
    own, rare = cell.own, label(RARE)
    if own.empty:
        return f"{cell.operation}: only the control arms were measured"
    least, most = str(own[rare].idxmin()), str(own[rare].idxmax())
    said = f"{cell.operation}: one chunk in a thousand takes more than {_ns(own.loc[least, rare])} with {least}"
    if most != least:
        said += f" and {_ns(own.loc[most, rare])} with {most}"
    controls = [f"{name} {_ns(cell.arms.loc[name, rare])}" for name in _controls(cell, least, most)]
    return f"{said}; control arms of nearest length: {wording.listing(controls)}" if controls else said


def _controls(cell: _Cell, *arms: str) -> list[str]:
    """The control arms of nearest length of some arms, each once."""
    return list(dict.fromkeys(cell.nearest[arm] for arm in arms if arm in cell.nearest))


def _rare_line(cell: _Cell) -> str:
    """Which arm has the smallest p99.9 and which the largest, beside control arms that take as long."""
    own, rare = cell.own, label(RARE)
    if own.empty:
        return f"{cell.operation}: no arm was measured but the control arms."
    least, most = str(own[rare].idxmin()), str(own[rare].idxmax())
    first, last = own.loc[least], own.loc[most]
    if least == most:
        said = f"{cell.operation}: p99.9 is {_rare(first)} with {least if len(own) == 1 else 'every arm'}."
    else:
        said = f"{cell.operation}: {least} has the smallest p99.9, {_rare(first)}, {most} the largest, {_rare(last)}."
    if not (wording.finite(first["high"]) and wording.finite(last["low"])):
        said += " There are too few processes for an interval."
    elif least != most:
        level = last["low"] <= first["high"]
        said += f" The intervals {'overlap: which is smaller is not settled' if level else 'do not overlap'}."
    controls = _controls(cell, least, most)
    values = wording.listing([_rare(cell.arms.loc[name]) for name in controls])
    why = "an interruption by the machine finds the longer call more readily"
    if len(controls) == 1:
        said += f" The control arm of nearest length, {controls[0]}, has {values}: {why}."
    elif controls:
        pairs = wording.listing([f"{cell.nearest[arm]} beside {arm}" for arm in (least, most)])
        said += f" The control arms of nearest length, {pairs}, have {values}: {why}."
    return said


def _language_line(cell: _Cell) -> str:
    """p99.9 of the best arm of each language, and whether one of them wins; empty with one language."""
    rare = label(RARE)
    known = cell.own[cell.own["language"] != ""].sort_values(rare, kind="stable")
    best = known[~known["language"].duplicated()]
    if len(best) < 2:
        return ""
    items = [f"{arm} ({row['language']}) {_rare(row)}" for arm, row in best.iterrows()]
    said = f"{cell.operation}, p99.9 of the best arm of each language: {wording.listing(items)}."
    if cell.few:
        return f"{said} There are too few processes to say that one of them wins."
    first, others = best.iloc[0], best.iloc[1:]
    level = list(others.loc[~(others["low"] > first["high"]), "language"])
    if level:
        return f"{said} Against {wording.listing(level)} {first['language']} does not win: the intervals overlap."
    return f"{said} The interval of {first['language']} lies below all others."


def _tail_line(cell: _Cell, judged: pd.DataFrame) -> str:
    """Whether the arms' p99 / p50 differ from each other, and from that of control arms; empty without arms."""
    spread = cell.own["tail"].dropna().sort_values(kind="stable")
    if spread.empty:
        return ""
    least, most = str(spread.index[0]), str(spread.index[-1])
    said = f"{cell.operation}: within a process p99 is {wording.ratio(spread[least])} times p50 with {least}"
    if most != least:
        said += f" and {wording.ratio(spread[most])} times with {most}"
    controls = cell.arms.loc[cell.arms.index.isin(list(CONTROLS)), "tail"]
    if len(controls):
        items = [f"{name} {wording.ratio(value)}" for name, value in controls.items()]
        said += f"; the control arms have {wording.listing(items)}"
    if cell.few:
        return f"{said}. There are too few processes to tell an arm's tail from another's or from the machine's."
    if most != least:
        said += f". {_difference(cell, most, least, len(spread))}"
    own = judged[(judged["operation"] == cell.operation) & (judged["size"] == cell.size)]
    return f"{said}. {_machine(own)}"


def _difference(cell: _Cell, most: str, least: str, arms: int) -> str:
    """Whether the longest and the shortest tail of so many arms differ, in the same processes."""
    values = (cell.logs[most] - cell.logs[least]).to_numpy()
    mean, low, high = (float(np.exp(value)) for value in interval(values))
    times = f"{wording.ratio(mean)} times, {wording.interval(low, high)}"
    # These two were picked for being far apart: any of the pairs might have been.
    if p_value(values) * arms * (arms - 1) / 2 < 1 - CONFIDENCE:
        return f"These two differ ({times}; tested with a correction for all pairs)"
    return f"That these two differ is not shown ({times})"


def _machine(judged: pd.DataFrame) -> str:
    """Which tails are more than what the machine does to a control arm of nearest length."""
    if judged.empty:
        return "Without a control arm nothing says how much of it the machine makes."
    arms = {verdict: judged[judged["verdict"] == verdict] for verdict in (LONGER, SHORTER, UNDECIDED)}
    names = {verdict: wording.listing(list(group["arm"])) for verdict, group in arms.items()}
    where = "that of the control arm of nearest length in the same processes"
    more = "that is more than the machine did to a call of about that length"
    if names[LONGER]:
        times = [
            f"{row['arm']} ({wording.ratio(row['times'])} times, {wording.interval(row['low'], row['high'])})"
            for row in arms[LONGER].to_dict("records")
        ]
        said = [f"Longer than {where}: {wording.listing(times)}; {more}."]
    else:
        said = [f"No arm's tail is longer than {where}: the machine may make all of it."]
    if names[UNDECIDED]:
        said.append(f"Not told apart from it: {names[UNDECIDED]}.")
    if names[SHORTER]:
        said.append(f"Shorter than it: {names[SHORTER]}.")
    return " ".join(said)


def _clock_line(cell: _Cell) -> str:
    """What the clock alone costs; empty if that was not measured."""
    if CLOCK not in cell.arms.index:
        return ""
    clock, own, middle = cell.arms.loc[CLOCK], cell.own, label(MIDDLE)
    ends = f" ({wording.span(clock['p50_low'], clock['p50_high'])})" if wording.finite(clock["p50_low"]) else ""
    said = f"The clock alone, {CLOCK}, costs {_ns(clock[middle])}{ends} at the median of {cell.operation}"
    if len(own) and own[middle].iloc[0] > 0:
        shortest = own.iloc[0]
        share = wording.percent(clock[middle] / shortest[middle])
        said += f", {share} of the shortest median of an arm ({own.index[0]}, {_ns(shortest[middle])})"
    return f"{said}. It is contained in every time and never subtracted."


def _sample_line(found: pd.DataFrame) -> str:
    """How many chunks and processes all this comes from."""
    chunks = wording.spread([int(number) for number in found["chunks"]], "chunk")
    said = (
        f"Sample: {chunks} for every arm and operation, from {processes(found['processes'])}, each of which times all "
        f"arms in turns."
    )
    if found["processes"].max() < MIN_WORKERS:
        return f"{said} These are too few processes for an interval."
    if found["processes"].min() < MIN_WORKERS:
        return f"{said} Where there are fewer than {MIN_WORKERS} processes there is no interval."
    return said


def _table(cell: _Cell) -> ShownTable:
    """The quantiles of every arm of a cell."""
    times = [label(quantile) for quantile in QUANTILES[:-1]]
    greatest = label(QUANTILES[-1])
    confidence = f"{wording.percent(CONFIDENCE, 0)} of {label(RARE)}"
    rows = [
        [
            str(arm),
            *(wording.number(row[name]) for name in times),
            wording.span(row["low"], row["high"]),
            wording.number(row[greatest]),
            wording.ratio(row["tail"]),
        ]
        for arm, row in cell.arms.iterrows()
    ]
    bounds = "too few processes for an interval" if cell.few else "interval over processes"
    caption = (
        f"{wording.cell(cell.operation, cell.size, '').removesuffix(', ')}: nanoseconds of a chunk, each timed alone. "
        f"They are this machine's and for orientation only. The clock's own cost, that of the control arm {CLOCK}, is "
        f"contained in them and not subtracted. Control arms first, then by p50. {confidence}: {bounds}. p99/p50: "
        f"within a process, geometric mean over {processes(cell.arms['processes'])}."
    )
    return ShownTable(caption, ("arm", *times, confidence, greatest, "p99/p50"), rows)


def _rare(row: pd.Series) -> str:
    """p99.9 with its interval, if it has one."""
    ends = f" ({wording.span(row['low'], row['high'])})" if wording.finite(row["high"]) else ""
    return f"{_ns(row[label(RARE)])}{ends}"


def _ns(value: float) -> str:
    return f"{wording.number(value)} ns"
