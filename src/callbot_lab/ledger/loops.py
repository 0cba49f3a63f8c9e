"""Rules for claims that a run of loops answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from .. import ablation, wording
from ..analysis import CONFIDENCE, MIN_WORKERS, interval
from ..worker import EMPTY
from .evidence import (
    INCONSISTENT,
    NONE,
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
    note_of,
    place_of,
)


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
    return Answer(NOT_TESTABLE, f"{why}{note_of(claim)}", *numbers)


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
    found, lacking = measured(rule["side"].split(), lambda arm: evidence.pair(cell, arm, rule["against"]))
    if not found:
        raise lacking[0]
    said = [
        f"{arm} is {wording.ratio(row['ratio'])} times as fast as {row['against']} "
        f"({wording.interval(row['low'], row['high'])})"
        for arm, row in found.items()
    ]
    row = next(iter(found.values()))
    low, high = declared(rule)
    beside = f" Beside it, {wording.listing(said[1:])}." if said[1:] else ""
    beside += f" And {wording.listing([str(reason) for reason in lacking])}." if lacking else ""
    where = wording.cell(**place_of(cell))
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
    found, lacking = measured(rule["side"].split(), lambda arm: evidence.times(cell, arm))
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
        said.append(f"{wording.percent(share.value, 0)} ({ablation.shares(share)}) of {wording.cell(**place_of(work))}")
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
    low, high = declared(rule)
    why = (
        f"The step {rule['against']} ({step['arm']} against {step['against']}) is {wording.percent(share.value)} "
        f"({ablation.shares(share)}) of the time that the report's designs save; the claim is taken for "
        f"{wording.percent(low, 0)} or more. {made.where}.{note_of(claim)}"
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
    return Answer(NOT_TESTABLE, f"{why}{note_of(claim)}", medians[0] - medians[1])


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


RULES: dict[str, Rule] = {
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
}
"""By the name in data/rules.csv."""
