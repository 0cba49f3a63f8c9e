"""What the self-test says of the instrument: false positives, power and coverage, beside a naive benchmark's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table
from scipy.special import ndtri

from .. import figures, wording
from ..analysis import CONFIDENCE, block_logs, interval, smallest_effect
from ..embed import embed
from .run import read_note, read_rows
from .selftest import IN_TURN, PAIRED

NAME = "selftest"
"""Of the probe."""

POOLED = f"{IN_TURN}, pooled"
"""Slots of all workers in one heap, each taken for an independent observation."""
SINGLE = f"{IN_TURN}, one process"
"""The slots of a single worker, each taken for an independent observation: what is mostly published."""
ANALYSES = (PAIRED, IN_TURN, POOLED, SINGLE)
"""The instrument's analysis first; each of the others leaves out more of it."""

SURE = 0.9
"""Share of tries from which on a difference counts as found."""

BASELINE, SECOND = "first", "second"


def comparisons(rows: pd.DataFrame) -> pd.DataFrame:
    """Every comparison of two arms of a set, by every analysis that its slots allow; one row each.

    Columns: `analysis`, `group`, `set`, `arm`, `operation`, `pair`, `injected` (share of work that the second arm does
    more), `truth`, `log`, `low`, `high` (log ratios, first over second, with the 95 % interval), `found` (the interval
    excludes 0), `called` (it also lies beyond the null band, the interval of the set's first pair, as a verdict has
    it), `covers` (the truth), `smallest` (ratio found four times out of five), `observations`.
    """
    made: list[dict[str, Any]] = []
    for (way, group, number), here in rows.groupby(["way", "group", "set"], sort=True):
        about = {"group": group, "set": number, "arm": here["arm"].iloc[0], "operation": here["operation"].iloc[0]}
        band = float("nan")
        for pair, injected, logs in _pairs(here):
            place = about | {"pair": pair, "injected": injected, "truth": -np.log1p(injected)}
            medians = logs.groupby("worker").median().to_numpy()
            if way == PAIRED:
                row = place | _judged(PAIRED, medians, place["truth"])
                # The first pair is the null arm of its set: the others are judged beyond its interval.
                row["called"] = row["found"] and max(row["low"], -row["high"]) > band if np.isfinite(band) else None
                band = max(abs(row["low"]), abs(row["high"])) if not np.isfinite(band) else band
                made.append(row)
                continue
            made.append(place | _judged(IN_TURN, medians, place["truth"]))
            made.append(place | _judged(POOLED, logs.to_numpy(), place["truth"]))
            for _, own in logs.groupby("worker"):
                made.append(place | _judged(SINGLE, own.to_numpy(), place["truth"]))
    return pd.DataFrame(made)


def _pairs(here: pd.DataFrame) -> Iterator[tuple[int, float, pd.Series]]:
    """The pairs of a set, the null pair of the first arm before all others: log ratios by worker and block."""
    for pair, of_pair in here.groupby("pair", sort=True):
        first = of_pair[~of_pair["second"]]
        for injected, second in of_pair[of_pair["second"]].groupby("injected", sort=True):
            slots = pd.concat([first.assign(arm=BASELINE), second.assign(arm=SECOND)])
            # By booked turns: what an injected arm runs beyond them it is not to admit.
            logs = block_logs(slots.assign(chunks=slots["turns"]))
            yield int(pair), round(float(injected), 6), logs[BASELINE] - logs[SECOND]


def _judged(analysis: str, values: np.ndarray, truth: float) -> dict[str, Any]:
    mean, low, high = interval(values)
    return {
        "analysis": analysis,
        "log": mean,
        "low": low,
        "high": high,
        "found": low > 0 or high < 0,
        "called": None,
        "covers": low <= truth <= high,
        "smallest": smallest_effect(values),
        "observations": int((~np.isnan(values)).sum()),
    }


def rates(found: pd.DataFrame) -> pd.DataFrame:
    """How each analysis did at each injected share.

    Columns: `analysis`, `injected`, `comparisons`, and as shares of them with 95 % intervals (Wilson 1927): `found`,
    `found_low`, `found_high`, `covers`, `covers_low`, `covers_high`; `called` (share of those that could be), `half`
    (median half width of the intervals, as a ratio), `smallest` (median of the smallest ratio found).
    """
    made = []
    for (analysis, injected), rows in found.groupby(["analysis", "injected"], sort=False):
        row: dict[str, Any] = {"analysis": analysis, "injected": injected, "comparisons": len(rows)}
        for name in ("found", "covers"):
            low, high = wilson(int(rows[name].sum()), len(rows))
            row |= {name: float(rows[name].mean()), f"{name}_low": low, f"{name}_high": high}
        called = rows["called"].dropna().astype(float)
        row["called"] = float(called.mean()) if len(called) else float("nan")
        row["half"] = float(np.exp(((rows["high"] - rows["low"]) / 2).median()))
        made.append(row | {"smallest": float(rows["smallest"].median())})
    table = pd.DataFrame(made)
    order = {name: place for place, name in enumerate(ANALYSES)}
    return table.sort_values(["analysis", "injected"], key=lambda c: c.map(order) if c.name == "analysis" else c)


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927): honest near 0 and 1, where the usual one has no width."""
    z = float(ndtri((1 + CONFIDENCE) / 2))
    share, scale = hits / tries, 1 + z**2 / tries
    middle = (share + z**2 / (2 * tries)) / scale
    half = z / scale * np.sqrt(share * (1 - share) / tries + z**2 / (4 * tries**2))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


@dataclass(frozen=True)
class SelfTest:
    """A self-test that was read back: its folder, its note, and its rates."""

    folder: Path
    note: dict[str, Any]
    rates: pd.DataFrame


def latest(*folders: Path) -> SelfTest | None:
    """The newest self-test of the first folder of runs that holds any; None if there is none. LabError if damaged."""
    for folder in folders:
        for path in sorted(folder.glob(f"*/{NAME}"), reverse=True):
            if len(rows := read_rows(path.parent, NAME)):
                return SelfTest(path.parent, read_note(path.parent), rates(comparisons(rows)))
    return None


def lines(table: pd.DataFrame) -> list[str]:
    """What the rates say, in sentences."""
    rows = table.set_index(["analysis", "injected"])
    said = []
    null = rows.loc[(PAIRED, 0.0)]
    said.append(
        f"Of {int(null['comparisons']):,} comparisons of identical arms the paired analysis calls "
        f"{wording.percent(null['found'])} different ({_range(null, 'found')}); its 95 % interval holds the truth in "
        f"{wording.percent(null['covers'])}. Four times out of five it finds "
        f"{wording.percent(null['smallest'] - 1, 2)} or more."
    )
    for analysis in (POOLED, SINGLE):
        if (analysis, 0.0) in rows.index:
            naive = rows.loc[(analysis, 0.0)]
            said.append(
                f"Slots {analysis}: {wording.percent(naive['found'])} of identical arms would have been called "
                f"different ({_range(naive, 'found')}); the 95 % interval holds the truth in "
                f"{wording.percent(naive['covers'])}."
            )
    effects = [(injected, row) for (analysis, injected), row in rows.iterrows() if analysis == PAIRED and injected]
    if effects:
        parts = [f"{wording.percent(i)} in {wording.percent(row['found'])}" for i, row in effects]
        said.append(f"A known difference was found, by its size: {wording.listing(parts)} of tries.")
        covers = [row["covers"] for _, row in effects]
        least, most = wording.percent(min(covers)), wording.percent(max(covers))
        said.append(f"The interval held the known difference in {least} to {most} of tries, by its size.")
    return said


def verdict_line(table: pd.DataFrame) -> str:
    """What the rule of a verdict, which also asks for more than the null arm shows, makes of identical arms and of
    known differences: one sentence."""
    rows = table.set_index(["analysis", "injected"])
    null = rows.loc[(PAIRED, 0.0)]
    found = [share for analysis, share in rows.index if analysis == PAIRED and share and _sure(rows, share)]
    end = f"a true {wording.percent(min(found))} nine times out of ten or more" if found else "no difference surely"
    return (
        f"Self-test: of {int(null['comparisons']):,} comparisons of identical arms the interval alone calls "
        f"{wording.percent(null['found'])} different, the verdict, which wants more than the null arm shows, "
        f"{wording.percent(null['called'])}. The instrument finds {end}."
    )


def page_part(made: SelfTest) -> dict[str, Any]:
    """The part of the page: `lines`, `origin`, `status`, `warnings`, `figure`, and `heads` and `rows` of the table."""
    said, message = lines(made.rates), title(made.rates)
    return {
        "lines": said,
        "origin": origin(made),
        "status": made.note["status"],
        "warnings": made.note["warnings"],
        "figure": embed(figures.power_curve(made.rates, message), "power", message, " ".join(said), made.rates),
        "heads": HEADS,
        "rows": worded(made.rates),
    }


def origin(made: SelfTest) -> str:
    """Where a self-test is from, in one phrase."""
    found = made.note["environment"]
    interpreter = wording.interpreter(found["python"])
    where = f"{found['cpu']['name']}, {interpreter}, {wording.commit(found['commit'])}"
    return f"profile {made.note['profile']}, {wording.count(len(made.note['jobs']), 'worker')}, {where}"


def title(table: pd.DataFrame) -> str:
    """The message of the power curve."""
    rows = table.set_index(["analysis", "injected"])
    found = [share for analysis, share in rows.index if analysis == PAIRED and share and _sure(rows, share)]
    said = f"Paired in time, {wording.percent(rows.loc[(PAIRED, 0.0), 'found'])} of identical arms look different"
    if (SINGLE, 0.0) in rows.index:
        said += f", one after the other in one process {wording.percent(rows.loc[(SINGLE, 0.0), 'found'])}"
    end = f"a true {wording.percent(min(found))} is found nine times out of ten" if found else "no size is surely found"
    return f"{said}; {end}"


def _sure(rows: pd.DataFrame, share: float) -> bool:
    return bool(rows.loc[(PAIRED, share), "found"] >= SURE)


HEADS = ("analysis", "difference", "tries", "found", "95 %", "called", "truth held", "95 %", "half width")
"""Heads of worded."""


def worded(found: pd.DataFrame) -> list[list[str]]:
    """The rates as cells of a table with HEADS."""
    return [
        [
            row["analysis"],
            wording.percent(row["injected"]),
            f"{row['comparisons']:,}",
            wording.percent(row["found"]),
            _range(row, "found"),
            wording.percent(row["called"]),
            wording.percent(row["covers"]),
            _range(row, "covers"),
            wording.percent(row["half"] - 1, 2),
        ]
        for row in found.to_dict("records")
    ]


def table_of(found: pd.DataFrame) -> Table:
    """The rates for the terminal."""
    made = Table(title="what the instrument sees")
    for number, head in enumerate(HEADS):
        made.add_column(head, justify="right" if number else "left")
    previous = ""
    for analysis, *cells in worded(found):
        if previous and analysis != previous:
            made.add_section()
        made.add_row("" if analysis == previous else analysis, *cells)
        previous = analysis
    return made


def _range(row: Any, name: str) -> str:
    return f"{wording.percent(row[f'{name}_low'])} to {wording.percent(row[f'{name}_high'])}"
