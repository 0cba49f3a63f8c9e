"""Rules for claims that experiments with a process for every measurement answer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .. import wording
from ..analysis import MIN_WORKERS, interval
from ..experiment import MARGIN
from ..probes import latency_summary, memory_summary, threads_summary
from ..probes.recorded import ProbeData
from ..probes.threads import MACHINE
from ..workload import FORMATS, parse_size
from .evidence import (
    NOT_TESTABLE,
    NOT_TESTED,
    REFUTED,
    REPRODUCED,
    ROUNDING,
    Answer,
    Evidence,
    Rule,
    Unanswered,
    declared,
    measured,
)

ALIKE = 0.1
"""Share by which two tails may differ and still be called alike."""

COUNTED = ("lines in all", "unsafe blocks", "C-level functions", "run-time requirements, all", "crates, all", "tools")
"""What of the cost of owning stands in the ledger; the page has all of it."""


def _tail(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """Is the tail of `side` shorter, for its median, than that of `against`, timed in turns in the same processes?"""
    probe, rows = evidence.probe(rule["experiment"])
    found = latency_summary.tails(rows)
    found = found[found["operation"] == rule["operation"]].set_index(["arm", "job"])
    arm, against = rule["side"], rule["against"]
    for name in (arm, against):
        if name not in found.index.get_level_values("arm"):
            raise Unanswered(f"this run has no {rule['operation']} of {name}")
    times = np.log(found.loc[arm, ["tail", "cv"]]) - np.log(found.loc[against, ["tail", "cv"]])
    times = times.dropna(subset=["tail"])
    processes = len(times)
    if processes < MIN_WORKERS:
        raise Unanswered(f"too few processes for an interval ({processes})")
    tail, cv = (np.exp(interval(times[name].to_numpy())) for name in ("tail", "cv"))
    own, other = (found.loc[name, "tail"].median() for name in (arm, against))
    why = (
        f"p99 through p50 of a chunk is {wording.ratio(own)} with {arm} and {wording.ratio(other)} with {against} "
        f"(medians), a ratio of {wording.ratio(tail[0])} ({wording.interval(tail[1], tail[2])}, {processes} processes "
        f"that time both in turns); that of the coefficients of variation is {wording.ratio(cv[0])} "
        f"({wording.interval(cv[1], cv[2])}). Below 1 {arm} is the more predictable. Judged by p99 through p50"
    )
    numbers = (float(tail[0]), float(tail[1]), float(tail[2]))
    if tail[1] > 1 - ALIKE and tail[2] < 1 + ALIKE:
        return Answer(REFUTED, f"{why}: the two are alike within {wording.margin(ALIKE)}.{_from(probe)}", *numbers)
    if tail[2] < 1:
        return Answer(REPRODUCED, f"{why}.{_from(probe)}", *numbers)
    if tail[1] > 1:
        return Answer(REFUTED, f"{why}: it is the less predictable.{_from(probe)}", *numbers)
    return Answer(NOT_TESTED, f"{why}: our interval holds 1 as well.{_from(probe)}", *numbers)


def _reallocated(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """How often a storage was reallocated while one call came in, against the report's figure for as many chunks."""
    probe, rows = evidence.probe(rule["experiment"])
    costs = memory_summary.costs(rows)
    costs = costs[(costs["storage"] == rule["operation"]) & (costs["calls"] == costs["calls"].min())]
    chunk = parse_size(probe.definition(rule["experiment"])["size"]).chunk_bytes

    def told(arm: str) -> pd.DataFrame:
        own = costs[costs["arm"] == arm].dropna(subset=["reallocations"])
        if own.empty:
            raise Unanswered(f"{arm} does not tell its reallocations")
        return own

    found, lacking = measured(rule["side"].split(), told)
    if not found:
        raise lacking[0]
    arm, own = next(iter(found.items()))
    count, calls = own["reallocations"].median(), own["calls"].iloc[0]
    chunks = own["held"].median() / chunk / calls
    expected = claim["value"] * chunks / evidence.figures["chunks"]
    same = abs(count / calls - expected) <= ROUNDING * max(expected, 1)
    beside = f" {wording.listing([str(reason) for reason in lacking])}, so {arm} stands in." if lacking else ""
    why = (
        f"While {wording.number(chunks)} chunks came in, {arm} reallocated its {rule['operation']} storage "
        f"{wording.number(count / calls)} times (in each of {len(own)} runs of its process); the report's figure is "
        f"{wording.number(expected)} for as many.{beside}{_from(probe)}"
    )
    # No number of ours beside the report's: it is of other chunks, and does not grow in proportion to them.
    return Answer(REPRODUCED if same else REFUTED, why)


def _peak(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """Does `side` with the first storage need less at its peak, a call, than `against` with the second?

    Judged at the largest number of calls; lower means that all its processes lie below all of the other's by more than
    MARGIN.
    """
    probe, rows = evidence.probe(rule["experiment"])
    first, second = rule["operation"].split()
    costs = memory_summary.costs(rows)
    peak = costs["rss_peak"].fillna(costs["rss_after"]) - costs["rss_before"]
    costs = costs.assign(peak=peak / costs["calls"])
    said, verdict, numbers = [], NOT_TESTED, (float("nan"),) * 3
    for calls, here in costs.groupby("calls"):
        own = here[(here["arm"] == rule["side"]) & (here["storage"] == first)]["peak"]
        other = here[(here["arm"] == rule["against"]) & (here["storage"] == second)]["peak"]
        if own.empty or other.empty:
            continue
        said.append(
            f"with {wording.count(int(calls), 'open call')} {wording.number(own.median() / 1024)} KiB a call against "
            f"{wording.number(other.median() / 1024)} KiB"
        )
        verdict = REPRODUCED if own.max() < other.min() * (1 - MARGIN) else REFUTED
        numbers = (float(own.median()), float(own.min()), float(own.max()))
    if not said:
        raise Unanswered(f"this run has not both {rule['side']} and {rule['against']}")
    why = (
        f"Peak of resident memory beyond that of the process: {rule['side']}, {first}, against {rule['against']}, "
        f"{second}: {wording.listing(said)}. Judged at the most calls; lower is taken for more than "
        f"{wording.margin(MARGIN)} in every process.{_from(probe)}"
    )
    return Answer(verdict, why, *numbers)


def _scaling(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """What two threads do against one, at the size of the report's chunks; the control has to scale there too."""
    probe, rows = evidence.probe(rule["experiment"])
    size = FORMATS["callbot"].chunk_bytes
    scaled = threads_summary.scaling(rows)
    scaled = scaled[scaled["size"] == size].set_index("arm")

    def of(arm: str) -> pd.Series:
        if arm not in scaled.index:
            raise Unanswered(f"this run has no {arm} at {size:,} B")
        row: pd.Series = scaled.loc[arm]
        return row

    found, lacking = measured(rule["side"].split(), of)
    if not found:
        raise lacking[0]
    least = declared(rule)[0]
    said = [
        f"{arm} {wording.ratio(row['ratio'])} times ({wording.interval(row['low'], row['high'])})"
        for arm, row in found.items()
    ]
    control = scaled["ratio"].get(MACHINE, float("nan"))
    row = next(iter(found.values()))
    why = (
        f"With chunks of {size:,} B two threads do as much as one: {wording.listing(said)}; work that needs no GIL "
        f"{wording.ratio(control)} times. Taken for scaling is {least:g} times or more, of the first named."
        f"{_from(probe)}"
    )
    numbers = (float(row["ratio"]), float(row["low"]), float(row["high"]))
    if not np.isfinite(row["high"]):
        return Answer(NOT_TESTED, f"{why} Too few processes for an interval.", numbers[0])
    if not control >= threads_summary.FREE:
        return Answer(NOT_TESTED, f"{why} The machine was too busy to tell.", *numbers)
    if row["low"] <= least <= row["high"]:
        return Answer(NOT_TESTED, f"{why} Our interval holds that as well.", *numbers)
    return Answer(REPRODUCED if row["low"] > least else REFUTED, why, *numbers)


def _counted(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """What was counted, for a claim that is a judgement."""
    probe, rows = evidence.probe(rule["experiment"])
    said = []
    for arm in rule["side"].split():
        own = rows[rows["arm"] == arm].dropna(subset=["value"])
        values = own.groupby("quantity")["value"].median()
        parts = [f"{name}: {values[name]:,.0f}" for name in COUNTED if name in values.index]
        if parts:
            said.append(f"{arm} has {wording.listing(parts)}")
    if not said:
        raise Unanswered(f"this run has none of {rule['side']}")
    why = f"Whether that can be maintained is a judgement. Counted: {'; '.join(said)}.{_from(probe)}"
    return Answer(NOT_TESTABLE, why)


def _from(probe: ProbeData) -> str:
    """Which run says so, and of which machine."""
    return f" From {probe.folder.name}, {probe.note['environment']['cpu']['name']}."


RULES: dict[str, Rule] = {
    "tail": _tail,
    "reallocated": _reallocated,
    "peak": _peak,
    "scaling": _scaling,
    "counted": _counted,
}
"""By the name in data/rules.csv."""
