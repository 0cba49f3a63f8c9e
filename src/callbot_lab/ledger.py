"""The claims ledger: what became of every claim of the report that this project checks.

The claims stand in data/claims.csv, the rule by which each is judged in data/rules.csv, and figures that only the
report has in data/report.csv (data/README.md describes the three). No figure of the report is in the code. Unless a
rule names arms, the report's two designs are the baseline and the first arm of the experiment that it names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from . import ablation, wording
from .analysis import CONFIDENCE, MIN_WORKERS, interval, pairwise, slots_of
from .errors import LabError
from .paths import CLAIMS, require
from .results import RunData
from .serverlab.summary import ServerData, capacities, ratio_of_costs
from .summary import MEASURED, summarise
from .worker import EMPTY

REPRODUCED = "reproduced"
REFUTED = "refuted"
INCONSISTENT = "inconsistent in itself"
NOT_TESTABLE = "not testable here"
NOT_TESTED = "not tested yet"
VERDICTS = (REPRODUCED, REFUTED, INCONSISTENT, NOT_TESTABLE, NOT_TESTED)

ROUNDING = 0.1
"""Share by which two figures of the report may differ before they contradict each other."""

NONE = float("nan")


class Answer(NamedTuple):
    """What becomes of a claim: the verdict, why, and what this run found (in the claim's unit; NaN where nothing)."""

    verdict: str
    why: str
    ours: float = NONE
    low: float = NONE
    high: float = NONE


class Unanswered(Exception):
    """The run has nothing to answer a claim with; the message says why."""


@dataclass(frozen=True)
class Evidence:
    """What the claims are held against: a run, its summary, and all figures of the report by name."""

    run: RunData
    table: pd.DataFrame
    figures: dict[str, float]
    ranges: dict[str, tuple[float, float]]
    interpreter: str
    servers: ServerData | None = None

    @property
    def whole(self) -> ServerData:
        """The run of whole servers; Unanswered without one."""
        if self.servers is None:
            raise Unanswered("no run of whole servers is at hand")
        return self.servers

    def cell(self, experiment: str, operation: str) -> dict[str, Any]:
        """The cell that times an operation: on a whole pass, as the report did, if there is one."""
        found = [e for e in self.run.note["experiments"] if e["name"] == experiment]
        if not found:
            raise Unanswered(f"this run has no experiment {experiment}")
        cells = [cell for cell in found[0]["cells"] if cell["operation"] == operation]
        if not cells:
            raise Unanswered(f"experiment {experiment} has no cell for {operation} in this run")
        cell = next((cell for cell in cells if cell["pool"] == "pass"), cells[0])
        if not found[0]["arms"]:
            raise Unanswered(f"experiment {experiment} has no arm but its baseline in this run")
        return {**cell, "experiment": experiment, "baseline": found[0]["baseline"], "arm": found[0]["arms"][0]}

    def row(self, cell: dict[str, Any]) -> pd.Series:
        """The row of a cell's first arm; Unanswered with its status if it has no numbers."""
        self._need(cell, cell["baseline"], cell["arm"])
        place = (self.table["experiment"] == cell["experiment"]) & (self.table["cell"] == cell["name"])
        row: pd.Series = self.table[place & (self.table["arm"] == cell["arm"])].iloc[0]
        return row

    def pair(self, cell: dict[str, Any], arm: str, against: str) -> pd.Series:
        """Two named arms of a cell against each other; Unanswered if one has no numbers."""
        self._need(cell, arm, against)
        margin = self.run.experiment(cell["experiment"])["margin"]
        pairs = pairwise(self.run, cell["experiment"], cell["name"], margin)
        found = pairs[(pairs["arm"] == arm) & (pairs["against"] == against)]
        if found.empty:
            raise Unanswered(f"this run has not both {arm} and {against}")
        return found.iloc[0]

    def chain(self, cell: dict[str, Any]) -> ablation.Chain:
        """The steps of a cell of an ablation; Unanswered if they cannot be told."""
        made = ablation.chain(self.run, self.table, self.run.experiment(cell["experiment"]), cell)
        if made is None:
            raise Unanswered(f"experiment {cell['experiment']} has no two steps that were measured")
        return made

    def times(self, cell: dict[str, Any], arm: str) -> pd.Series:
        """Nanoseconds per chunk of every slot of an arm, by worker."""
        self._need(cell, arm)
        slots = slots_of(self.run, cell["experiment"], cell["name"])
        slots = slots[slots["arm"] == arm]
        if slots.empty:
            raise Unanswered(f"this run has no {arm} in {cell['name']}")
        return (slots["wall_ns"] / slots["chunks"]).set_axis(slots["worker"])

    def passes(self, cell: dict[str, Any], side: str) -> pd.Series:
        """Milliseconds of every slot of the baseline or the arm, per pass of as many chunks as the report's."""
        return self.times(cell, cell[side]) * self.figures["chunks"] / 1e6

    def _need(self, cell: dict[str, Any], *arms: str) -> None:
        table = self.table
        place = (table["experiment"] == cell["experiment"]) & (table["cell"] == cell["name"])
        for name in arms:
            lacking = table[place & (table["arm"] == name) & (table["status"] != MEASURED)]
            if len(lacking):
                status, reason = lacking.iloc[0][["status", "reason"]]
                raise Unanswered(f"{name} was not measured ({status}: {wording.short(reason)})")


def ledger(
    run: RunData,
    table: pd.DataFrame | None = None,
    servers: ServerData | None = None,
    folder: Path = CLAIMS.parent,
) -> pd.DataFrame:
    """Every claim with its verdict: `id`, `claim`, `reported`, `ours`, `low`, `high`, `unit`, `verdict`, `why`,
    `experiment` (the one that answers it).

    `reported`, `ours`, `low` and `high` are in `unit`; NaN where there is no such number. `table` is
    summary.summarise(run), if it is at hand; `servers` a run of whole servers, which may be of another machine.
    """
    claims = pd.read_csv(require(folder / "claims.csv"), keep_default_na=False)
    rules = pd.read_csv(require(folder / "rules.csv"), keep_default_na=False).set_index("claim").to_dict("index")
    said = pd.read_csv(require(folder / "report.csv"), keep_default_na=False).set_index("id")["value"]
    claims["value"] = pd.to_numeric(claims["value"])
    claims["metric"] = claims["metric"].mask(claims["metric"] == "same").ffill()
    evidence = Evidence(
        run,
        summarise(run) if table is None else table,
        {**claims.set_index("id")["value"].to_dict(), **said.drop("interpreter").astype(float).to_dict()},
        {row["id"]: found for _, row in claims.iterrows() if (found := _range(row["note"]))},
        said["interpreter"],
        servers,
    )
    rows = []
    for _, claim in claims.iterrows():
        rule = rules.get(claim["id"])
        answer = _judge(claim, rule, evidence) if rule else _later(claim, {}, evidence)
        numbers = {"reported": claim["value"], "ours": answer.ours, "low": answer.low, "high": answer.high}
        rows.append(
            {
                "id": claim["id"],
                "claim": claim["claim"],
                **numbers,
                "unit": claim["unit"],
                "verdict": answer.verdict,
                "why": answer.why,
                "experiment": (rule or {}).get("experiment") or claim["experiment"],
            }
        )
    return pd.DataFrame(rows)


def _judge(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    try:
        return _RULES[rule["rule"]](claim, rule, evidence)
    except Unanswered as reason:
        experiment = rule["experiment"] or claim["experiment"]
        return Answer(NOT_TESTED, f"{reason}. Experiment {experiment} answers it: {claim['metric']}.")


def _ratio(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """A ratio: does our interval meet what the report's own spread allows?"""
    row = evidence.row(evidence.cell(rule["experiment"], rule["operation"]))
    return _overlap(claim, rule, evidence, row, lambda ratio: ratio)


def _gain(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """A gain in percent: first the report's arithmetic, then the ratio behind it."""
    more, fewer = (evidence.figures[name] for name in rule["against"].split())
    computed = 100 * (more / fewer - 1)
    sum_ = f"({more:,.0f} / {fewer:,.0f} - 1) x 100 = {computed:.1f}"
    if abs(computed - claim["value"]) > ROUNDING * claim["value"]:
        return Answer(INCONSISTENT, f"{sum_}, and the report says {claim['value']:g}.")
    row = evidence.row(evidence.cell(rule["experiment"], rule["operation"]))
    answer = _overlap(claim, rule, evidence, row, lambda ratio: 100 * (ratio - 1))
    return answer._replace(why=f"The report's arithmetic holds: {sum_}. {answer.why}")


def _saving(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """Time saved: the milliseconds are another machine's, so the share of the slower pass is compared."""
    slow, fast = (evidence.figures[name] for name in rule["against"].split())
    sum_ = f"{slow:g} - {fast:g} = {slow - fast:.2f} ms"
    if abs(slow - fast - claim["value"]) > ROUNDING * claim["value"]:
        return Answer(INCONSISTENT, f"{sum_}, and the report says {claim['value']:g} ms.")
    cell = evidence.cell(rule["experiment"], rule["operation"])
    base = float(evidence.passes(cell, "baseline").median())
    answer = _overlap(claim, rule, evidence, evidence.row(cell), lambda ratio: base * (1 - 1 / ratio))
    share = wording.percent(claim["value"] / slow, 0)
    return answer._replace(
        why=f"The report's arithmetic holds: {sum_}, {share} of the slower pass; ours is "
        f"{wording.percent(answer.ours / base, 0)}. Judged by that share, since the milliseconds are this machine's. "
        f"{answer.why}"
    )


def _overlap(
    claim: pd.Series, rule: dict[str, str], evidence: Evidence, row: pd.Series, scale: Callable[[float], float]
) -> Answer:
    """Reproduced if our interval of the ratio overlaps the report's range; `scale` turns ratios into the claim's unit.

    The range is the one that the note of the claim in `spread` gives. For another ratio it is moved in proportion.
    """
    base, (low, high) = rule["spread"], evidence.ranges[rule["spread"]]
    moved = claim["value"] / evidence.figures[base] if claim["unit"] == "ratio" else 1.0
    low, high = low * moved, high * moved
    ours = f"{row['arm']} is {wording.ratio(row['ratio'])} times as fast as {row['baseline']}"
    if row["workers"] < MIN_WORKERS:
        why = f"{ours}, from {wording.count(int(row['workers']), 'worker')}: too few for an interval."
        return Answer(NOT_TESTED, why, scale(row["ratio"]))
    numbers = (scale(row["ratio"]), scale(row["low"]), scale(row["high"]))
    range_ = f"the report's own spread allows {low:.1f} to {high:.1f}"
    if base != claim["id"] and claim["unit"] == "ratio":
        range_ += f" (in proportion to that of {base})"
    text = (
        f"{ours} ({wording.interval(row['low'], row['high'])}, {int(row['workers'])} workers, {row['verdict']}); "
        f"{range_}"
    )
    python = wording.interpreter(evidence.run.note["environment"]["python"])
    where = f" Ours ran on {python}; the report's on {evidence.interpreter}, build not given."
    where = where if claim["unit"] == "ratio" else ""
    if row["high"] < low or row["low"] > high:
        return Answer(REFUTED, f"{text}. The two do not overlap.{where}", *numbers)
    if not row["detected"]:
        return Answer(NOT_TESTED, f"{text}. Our interval holds 1 as well: this run was too noisy to tell.", *numbers)
    return Answer(REPRODUCED, f"{text}. The two overlap.{where}", *numbers)


def _spread(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """A standard deviation: compared as a share of the mean, each with its interval for normal data."""
    times = evidence.passes(evidence.cell(rule["experiment"], rule["operation"]), rule["side"])
    passes = times.groupby(level=0).median()
    count = len(passes)
    if count < MIN_WORKERS:
        raise Unanswered(f"{wording.count(count, 'worker')}: too few for a standard deviation")
    reported = claim["value"] / evidence.figures[rule["against"]]
    runs = int(evidence.figures["runs"])
    deviation = float(passes.std(ddof=1))
    ours = deviation / float(passes.mean())
    theirs_low, theirs_high = (reported * factor for factor in _deviation_factors(runs))
    factors = _deviation_factors(count)
    low, high = (ours * factor for factor in factors)
    apart = high < theirs_low or low > theirs_high
    why = (
        f"As a share of the mean the report has {wording.percent(reported)} "
        f"({wording.percent(theirs_low)} to {wording.percent(theirs_high)}, n = {runs} passes), we have "
        f"{wording.percent(ours)} ({wording.percent(low)} to {wording.percent(high)}, n = {count} workers, the median "
        f"pass of each). {'The two do not overlap' if apart else 'The two overlap'}. "
        f"Spread is noise of a machine more than of a language."
    )
    limits = [deviation * factor for factor in factors]
    return Answer(REFUTED if apart else REPRODUCED, why, deviation, *limits)


def _absolute(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """A time or a rate: of another machine, so ours stands beside it for orientation only."""
    numbers = _orientation(claim, rule, evidence)
    why = (
        "An absolute figure of another machine and interpreter. Ours, for orientation only: the median slot, and p10 "
        "to p99 of all slots."
    )
    return Answer(NOT_TESTABLE, f"{why}{_note(claim)}", *numbers)


def _contradiction(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """A figure that the report gives another value for elsewhere."""
    chunks, measured = evidence.figures["chunks"], evidence.figures[rule["against"]]
    per_chunk = claim["unit"].endswith("/chunk")
    whole = claim["value"] * (chunks if per_chunk else 1)
    factor = whole / measured
    if abs(factor - 1) <= ROUNDING:
        return _absolute(claim, rule, evidence)
    sum_ = f"{claim['value']:g} ms x {chunks:g} chunks = {whole:,.0f} ms" if per_chunk else f"{claim['value']:g} ms"
    why = (
        f"{sum_}, but for the same {chunks:g} chunks the report measured {measured:g} ms: "
        f"a factor of {wording.number(factor)}."
    )
    if abs(factor / 1000 - 1) <= ROUNDING:
        why += " The unit should be microseconds."
    try:
        return Answer(INCONSISTENT, f"{why} Ours, for orientation only.", *_orientation(claim, rule, evidence))
    except Unanswered:
        return Answer(INCONSISTENT, why)


def _pair(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """A ratio between two arms that the rule names: the first of `side` that was measured, against `against`."""
    cell = evidence.cell(rule["experiment"], rule["operation"])
    found, lacking = _measured(rule["side"].split(), lambda arm: evidence.pair(cell, arm, rule["against"]))
    if not found:
        raise lacking[0]
    said = [
        f"{arm} is {wording.ratio(row['ratio'])} times as fast as {row['against']} "
        f"({wording.interval(row['low'], row['high'])})"
        for arm, row in found.items()
    ]
    row = next(iter(found.values()))
    low, high = _declared(rule)
    beside = f" Beside it, {wording.listing(said[1:])}." if said[1:] else ""
    beside += f" And {wording.listing([str(reason) for reason in lacking])}." if lacking else ""
    where = wording.cell(**_place(cell))
    why = f"{said[0]} in {where}; taken for the claim's figure is {low:g} to {high:g}.{beside}"
    numbers = (row["ratio"], row["low"], row["high"])
    if not np.isfinite(row["high"]):
        return Answer(NOT_TESTED, f"{why} Too few workers for an interval.", row["ratio"])
    if row["low"] > high or row["high"] < low:
        return Answer(REFUTED, f"It is {'more' if row['low'] > high else 'less'}: {why}", *numbers)
    if row["low"] <= 1 <= row["high"]:
        return Answer(NOT_TESTED, f"{why} Our interval holds 1 as well.", *numbers)
    return Answer(REPRODUCED, why, *numbers)


def _crossing(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """What a call that does nothing costs, beside one of a C function that does nothing in the same blocks.

    Crossing costs nothing if it takes no longer than that, within the margin of the experiment. Beside it stands the
    share of a call that does the work (`against`), size by size.
    """
    cell = evidence.cell(rule["experiment"], rule["operation"])
    experiment = evidence.run.experiment(rule["experiment"])
    found, lacking = _measured(rule["side"].split(), lambda arm: evidence.times(cell, arm))
    if not found:
        raise lacking[0]
    arm, calls = next(iter(found.items()))
    numbers = interval(calls.groupby(level=0).median().to_numpy())
    edge, said = experiment["margin"], []
    bare = evidence.times(cell, EMPTY)
    over = [np.log(times.groupby(level=0).median()) for times in (calls, bare)]
    longer = ablation.Estimate(*np.exp(interval((over[0] - over[1]).to_numpy())))
    for work in (each for each in experiment["cells"] if each["operation"] == rule["against"]):
        empty = [c for c in experiment["cells"] if c["operation"] == rule["operation"]]
        empty = [c for c in empty if (c["size"], c["pool"]) == (work["size"], work["pool"])]
        if not empty:
            continue
        pair = [evidence.times({**each, "experiment": cell["experiment"]}, arm) for each in (empty[0], work)]
        done, whole = (times.groupby(level=0).median() for times in pair)
        share = ablation.Estimate(*interval((done / whole).to_numpy()))
        said.append(f"{wording.percent(share.value, 0)} ({ablation.shares(share)}) of {wording.cell(**_place(work))}")
    if not said:
        raise Unanswered(f"experiment {rule['experiment']} has no cell for {rule['against']} in this run")
    verdict = REFUTED if longer.low > 1 + edge else REPRODUCED if longer.high < 1 + edge else NOT_TESTED
    others = [f"{name} {wording.number(times.median())} ns" for name, times in list(found.items())[1:]]
    beside = f" Beside it, {wording.listing(others)}." if others else ""
    why = (
        f"A call of {arm} that does nothing takes {wording.ratio(longer.value)} times as long "
        f"({wording.interval(longer.low, longer.high)}) as one of a C function that does nothing, the loop included; "
        f"nothing would be within {wording.margin(edge)}. It is {wording.listing(said)}. "
        f"The time is this machine's.{beside}"
    )
    few = not np.isfinite(numbers[2])
    return Answer(verdict, why, numbers[0]) if few else Answer(verdict, why, *numbers)


def _share(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """What part of the time that the report saved a step of the ablation saves: is it within the declared range?"""
    made = evidence.chain(evidence.cell(rule["experiment"], rule["operation"]))
    step, share = made.step(rule["against"]), made.share_of_saving(rule["against"])
    if step is None or share is None:
        raise Unanswered(f"the share of the step {rule['against']} cannot be told from this run")
    low, high = _declared(rule)
    why = (
        f"The step {rule['against']} ({step['arm']} against {step['against']}) is {wording.percent(share.value)} "
        f"({ablation.shares(share)}) of the time that the report's designs save; the claim is taken for "
        f"{wording.percent(low, 0)} or more. {made.where}.{_note(claim)}"
    )
    if not np.isfinite(share.high):
        return Answer(NOT_TESTED, f"{why} Too few workers for an interval.", share.value)
    if share.high < low or share.low > high:
        return Answer(REFUTED, why, *share)
    return Answer(REPRODUCED if share.low >= low else NOT_TESTED, why, *share)


def _spared(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """A copy that a step of the ablation does without: if that is faster, the report's design copies without need."""
    step = evidence.chain(evidence.cell(rule["experiment"], rule["operation"])).step(rule["against"])
    if step is None:
        raise Unanswered(f"the step {rule['against']} was not measured by itself")
    why = (
        f"{step['against']} copies every chunk once more than {step['arm']}, which leaves the same bytes and is "
        f"{wording.ratio(step['ratio'])} times as fast ({wording.interval(step['low'], step['high'])}, "
        f"{step['verdict']})."
    )
    if step["verdict"] == "faster":
        return Answer(REFUTED, f"{why} So a copy was left that could be spared.")
    if step["verdict"] == "undecided":
        return Answer(NOT_TESTED, f"{why} This run was too noisy to tell.")
    if step["verdict"] == "slower":
        return Answer(NOT_TESTABLE, f"{why} The time says nothing for the copy, but something else got worse.")
    return Answer(NOT_TESTABLE, f"{why} What the copy costs does not show in the time.")


def _difference(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """An absolute time that is the difference of two operations of ours; for orientation, as every absolute time."""
    whole, part = (evidence.cell(rule["experiment"], name) for name in rule["operation"].split())
    medians = [float(evidence.passes(cell, rule["side"]).median()) for cell in (whole, part)]
    why = (
        f"An absolute figure of another machine and interpreter. Ours, for orientation only: the median of "
        f"{whole['operation']} less that of {part['operation']}, of {whole[rule['side']]}."
    )
    return Answer(NOT_TESTABLE, f"{why}{_note(claim)}", medians[0] - medians[1])


def _measured(arms: list[str], ask: Callable[[str], Any]) -> tuple[dict[str, Any], list[Unanswered]]:
    """What is found for each arm, in order, and why nothing is for the others."""
    found, lacking = {}, []
    for arm in arms:
        try:
            found[arm] = ask(arm)
        except Unanswered as reason:
            lacking.append(reason)
    return found, lacking


def _declared(rule: dict[str, str]) -> tuple[float, float]:
    """The range that a rule declares."""
    found = _range(rule["range"])
    if found is None:
        raise LabError(f"data/rules.csv: the rule {rule['rule']} needs a range such as '3 to 5', not '{rule['range']}'")
    return found


def _place(cell: dict[str, Any]) -> dict[str, str]:
    return {key: cell[key] for key in ("operation", "size", "pool")}


def _carried(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """Calls that one core carries. The number is a machine's, so that of the faster side is judged by the ratio."""
    run, roles = evidence.whole, evidence.whole.note["definition"]["report"]
    mix = roles[rule["side"]]
    table = capacities(run, roles[rule["against"]] if rule["against"] else "")
    found = table[table["mix"] == mix] if len(table) else table
    if found.empty:
        raise Unanswered(f"no run searched for what a core carries with {mix}")
    row = found.iloc[0]
    numbers = (row["calls"], row["low"], row["high"])
    said = f"One core carries {wording.number(row['calls'])} calls ({wording.span(row['low'], row['high'])}) with {mix}"
    if not rule["against"]:
        why = (
            f"A figure of another machine, of which neither CPU nor number of cores is given. {said} here, for "
            f"orientation only."
        )
        return Answer(NOT_TESTABLE, why, *numbers)
    low, high = evidence.ranges[rule["spread"]]
    if "times" not in row or not np.isfinite([row["times_low"], row["times_high"]]).all():
        return Answer(NOT_TESTED, f"{said}; too few searches for an interval.", row["calls"])
    why = (
        f"{said}, {wording.ratio(row['times'])} times as many "
        f"({wording.interval(row['times_low'], row['times_high'])}, {int(row['searches'])} searches) as with "
        f"{roles[rule['against']]}. The report multiplies its calls by the ratio of a loop, whose own spread allows "
        f"{low:.1f} to {high:.1f}."
    )
    apart = row["times_high"] < low or row["times_low"] > high
    takes = _takes(run, float(claim["value"]))
    return Answer(REFUTED if apart else REPRODUCED, f"{why} {_met(apart)}{takes}{_from(run)}", *numbers)


def _takes(run: ServerData, calls: float) -> str:
    """What it takes to carry so many calls here: the mix that held the most."""
    held = [rung for rung in run.note["held"] if rung["passed"] and rung["format"] == _main_format(run)]
    if not held:
        return ""
    most = max(held, key=lambda rung: int(rung["calls"]))
    carried = f"{wording.number(most['calls'])} calls for {most['seconds']:.0f} s with nothing lost"
    if most["calls"] >= calls:
        return f" What it takes to carry {wording.number(calls)} is {most['mix']}: that held {carried}."
    return f" Nothing here held {wording.number(calls)}: the most was {carried}, with {most['mix']}."


def _main_format(run: ServerData) -> str:
    """The format whose calls are meant where none is named: the first that was searched."""
    return str(run.note["definition"]["capacity"][0]["format"])


def _message(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """CPU per message of one whole server through that of another."""
    run, definition = evidence.whole, evidence.whole.note["definition"]
    mix = definition["report"][rule["side"]]
    against = definition["report"][rule["against"]] if rule["against"] else run.baseline
    cells = [cell["name"] for cell in definition["cells"]]
    found = {cell: times for cell in cells if (times := ratio_of_costs(run, cell, mix, against))}
    if not found:
        raise Unanswered(f"no run has both {mix} and {against}")
    said = [
        f"{wording.ratio(times[0])} times ({wording.interval(times[1], times[2])}) in {cell}"
        for cell, times in found.items()
    ]
    why = f"A message costs {against} so many times the CPU that it costs {mix}: {wording.listing(said)}."
    ratio, low, high = next(iter(found.values()))
    if not np.isfinite(high):
        return Answer(NOT_TESTED, f"{why} Too few workers for an interval.", ratio)
    if rule["spread"]:
        least, most = evidence.ranges[rule["spread"]]
        apart = high < least or low > most
        why = f"{why} The report's own spread allows {least:.1f} to {most:.1f}. {_met(apart)}{_from(run)}"
        return Answer(REFUTED if apart else REPRODUCED, why, ratio, low, high)
    # A claim without a figure is that there is a difference: one that matters, beyond the margin.
    edge = 1 + definition["margin"]
    why = f"{why} Taken for a difference is more than {wording.margin(definition['margin'])}.{_from(run)}"
    verdict = REPRODUCED if low > edge else REFUTED if high < edge else NOT_TESTED
    return Answer(verdict, why, ratio, low, high)


def _met(apart: bool) -> str:
    return "The two do not overlap." if apart else "The two overlap."


def _from(run: ServerData) -> str:
    """Which run of whole servers says so, and of which machine."""
    return f" From {run.folder.name}, {run.note['environment']['cpu']['name']}."


def _energy(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """Energy can be had only where the machine counts it."""
    if evidence.run.note["environment"]["cpu"].get("hypervisor"):
        why = f"A virtual machine has no energy counters. Experiment {claim['experiment']}: {claim['metric']}."
        return Answer(NOT_TESTABLE, why)
    return _later(claim, rule, evidence)


def _numa(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """Placement matters only with more than one NUMA node."""
    if evidence.run.note["environment"]["cpu"].get("numa_nodes") == 1:
        why = f"This machine has one NUMA node. Experiment {claim['experiment']} needs two: {claim['metric']}."
        return Answer(NOT_TESTABLE, why)
    return _later(claim, rule, evidence)


def _later(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """A claim that another experiment will answer: the one that its rule names, else its own."""
    experiment = rule.get("experiment") or claim["experiment"]
    return Answer(NOT_TESTED, f"Experiment {experiment} will answer it: {claim['metric']}.{_note(claim)}")


def _note(claim: pd.Series) -> str:
    note = str(claim["note"]).rstrip(".")
    return f" Note: {note}." if note else ""


def _orientation(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> tuple[float, float, float]:
    """Our median, p10 and p99 in the claim's unit (of a rate: at the median, p99 and p10 time)."""
    cell = evidence.cell(rule["experiment"], rule["operation"])
    if rule["side"] == "saving":
        row, base = evidence.row(cell), float(evidence.passes(cell, "baseline").median())
        if row["workers"] < MIN_WORKERS:
            return base * (1 - 1 / row["ratio"]), NONE, NONE
        return base * (1 - 1 / row["ratio"]), base * (1 - 1 / row["low"]), base * (1 - 1 / row["high"])
    middle, low, high = evidence.passes(cell, rule["side"]).quantile([0.5, 0.1, 0.99])
    chunks = evidence.figures["chunks"]
    if claim["unit"] == "chunks/s":
        return 1e3 * chunks / middle, 1e3 * chunks / high, 1e3 * chunks / low
    scale = chunks if claim["unit"].endswith("/chunk") else 1
    return middle / scale, low / scale, high / scale


def _deviation_factors(count: int) -> tuple[float, float]:
    """What to multiply a standard deviation of so many normal values with, for the ends of its interval."""
    freedom = count - 1
    high, low = stats.chi2.ppf([(1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2], freedom)
    return float(np.sqrt(freedom / high)), float(np.sqrt(freedom / low))


def _range(note: str) -> tuple[float, float] | None:
    found = re.search(r"(\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)", note)
    return (float(found[1]), float(found[2])) if found else None


_RULES: dict[str, Callable[[pd.Series, dict[str, str], Evidence], Answer]] = {
    "ratio": _ratio,
    "gain": _gain,
    "saving": _saving,
    "spread": _spread,
    "absolute": _absolute,
    "contradiction": _contradiction,
    "pair": _pair,
    "crossing": _crossing,
    "share": _share,
    "spared": _spared,
    "difference": _difference,
    "carried": _carried,
    "message": _message,
    "energy": _energy,
    "numa": _numa,
}
"""How claims are judged, by the name in data/rules.csv."""
