"""Where a gain comes from: the steps of an ablation, each against the one before, and what share the language was.

Everything is computed in each worker first, and is then a mean over workers with its t interval, as in analysis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from . import wording
from .analysis import block_logs, holm, interval, null_band, p_value, slots_of, verdict
from .results import RunData
from .summary import MEASURED, describe
from .worker import EMPTY, NULL

LANGUAGE = "language"
"""The change of the step from one compiled language to the other, with what its binding and its library bring along."""


class Estimate(NamedTuple):
    """A ratio or a share with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Chain:
    """The steps of an ablation in one cell, and what they come to.

    `steps` has one row a step: `arm`, `change`, `meaning`, `status`, `reason`; the step before that was measured
    (`against`) and the changes that it takes in because their own step was not (`with_it`); how many times as fast it
    is as that (`ratio`, `low`, `high`, `verdict`, corrected for the number of steps), the product of the ratios so far
    (`product`), and how many times as fast it is as the first (`total`, `total_low`, `total_high`).

    `gain` is the ratio between the two steps that the report compared, None if one of them was not measured. `product`
    is that of all steps, `direct` the last measured step against the first, and `gap` the one over the other.

    Medians over blocks of log ratios in every worker (rows): `logs` of every step to the first, `own` of every step to
    the one before, `gains` of the report's two.
    """

    where: str
    margin: float
    report: tuple[str, ...]
    steps: pd.DataFrame
    product: Estimate
    direct: Estimate
    gap: Estimate
    gain: Estimate | None
    logs: pd.DataFrame
    gains: pd.Series
    own: pd.DataFrame

    def step(self, change: str) -> pd.Series | None:
        """The step that made a change and nothing else; None if there is none that was measured."""
        found = self.steps[(self.steps["change"] == change) & (self.steps["status"] == MEASURED)]
        found = found[(found["with_it"] == "") & (found["against"] != "")]
        return None if found.empty else found.iloc[0]

    def share_of_gain(self, change: str) -> Estimate | None:
        """What part of the report's gain a step is: its log ratio over that of the gain; below 0 if it lost time.

        None if there is no such step, or if the gain is not told apart from 1.
        """
        return self._share(change, lambda step: self.own[step["arm"]] / self.gains)

    def share_of_saving(self, change: str) -> Estimate | None:
        """What part of the time that the report saved a step saves: the difference of its times over theirs."""
        times = np.exp(-self.logs)
        saved = times.get(self.report[0], 0) - times.get(self.report[-1], 0) if self.report else 0
        return self._share(change, lambda step: (times[step["against"]] - times[step["arm"]]) / saved)

    def _share(self, change: str, shares: Callable[[pd.Series], pd.Series]) -> Estimate | None:
        step = self.step(change)
        if step is None or self.gain is None or self.gain.low <= 1 <= self.gain.high:
            return None
        return Estimate(*interval(shares(step).to_numpy()))


def chain(run: RunData, table: pd.DataFrame, experiment: dict[str, Any], cell: dict[str, Any]) -> Chain | None:
    """The steps of one cell of an ablation; None if its first step was not measured, or no other.

    `table` is summary.summarise(run), `experiment` and `cell` are as in run.json.
    """
    rows = table[(table["experiment"] == experiment["name"]) & (table["cell"] == cell["name"])].set_index("arm")
    slots = slots_of(run, experiment["name"], cell["name"])
    first = experiment["baseline"]
    measured = {first, *rows.index[rows["status"] == MEASURED]} - {NULL, EMPTY}
    if len(measured) < 2 or first not in set(slots["arm"]):
        return None
    means = block_logs(slots)

    def ratios(arm: str, against: str) -> pd.Series:
        return (means[against] - means[arm]).groupby("worker").median()

    steps: list[dict[str, Any]] = []
    own: dict[str, pd.Series] = {}
    before, waiting = "", []
    for step in experiment["steps"]:
        arm = step["arm"]
        line = {**step, "status": MEASURED, "reason": "", "against": before, "with_it": ""}
        if arm not in measured:
            waiting.append(step["change"])
            steps.append(line | {"against": "", **rows.loc[arm, ["status", "reason"]]})
            continue
        if before:
            own[arm] = ratios(arm, before)
            line["with_it"] = " + ".join(waiting)
        before, waiting = arm, []
        steps.append(line)
    frame = pd.DataFrame(steps)
    logs = pd.DataFrame({arm: ratios(arm, first) for arm in frame.loc[frame["status"] == MEASURED, "arm"]})
    estimates = _steps(own, logs, null_band(slots, first), experiment["margin"])
    whole, last = pd.DataFrame(own).sum(axis=1, skipna=False), logs[before]
    report = tuple(experiment["report"])
    gains = ratios(report[1], report[0]) if set(report) <= measured else None
    return Chain(
        describe(cell),
        experiment["margin"],
        report,
        frame.merge(estimates, on="arm", how="left"),
        _ratio(whole),
        _ratio(last),
        _ratio(whole - last),
        None if gains is None else _ratio(gains),
        logs,
        pd.Series(dtype=float) if gains is None else gains,
        pd.DataFrame(own),
    )


def _steps(own: dict[str, pd.Series], logs: pd.DataFrame, band: float, margin: float) -> pd.DataFrame:
    """The numbers of the measured steps, by arm; the first has none of its own, and a product of 1."""
    rows = []
    product = 0.0
    corrected = dict(zip(own, holm(np.array([p_value(values.to_numpy()) for values in own.values()])), strict=True))
    for arm in logs.columns:
        total = _ratio(logs[arm])
        line: dict[str, Any] = {"arm": arm, "total": total.value, "total_low": total.low, "total_high": total.high}
        if arm in own:
            mean, low, high = interval(own[arm].to_numpy())
            product += mean
            judged = {"log_low": low, "log_high": high, "p_holm": corrected[arm], "null_band": band}
            line |= {"ratio": np.exp(mean), "low": np.exp(low), "high": np.exp(high)}
            line["verdict"] = verdict(judged, margin)
        rows.append(line | {"product": np.exp(product)})
    return pd.DataFrame(rows, columns=["arm", "ratio", "low", "high", "verdict", "product", *_TOTALS])


_TOTALS = ("total", "total_low", "total_high")


def _ratio(logs: pd.Series) -> Estimate:
    return Estimate(*np.exp(interval(logs.to_numpy())))


def share_line(made: Chain) -> str:
    """What share of the report's gain the language was, in one sentence."""
    step, share = made.step(LANGUAGE), made.share_of_gain(LANGUAGE)
    if made.gain is None:
        return (
            "What share of the report's gain the choice of language was is not known: one of the two designs was not "
            "measured."
        )
    gain = f"{wording.ratio(made.gain.value)} times as fast ({wording.interval(made.gain.low, made.gain.high)})"
    if step is None:
        return (
            f"What share of the report's gain, {gain}, the choice of language was is not known: the step that changes "
            f"nothing else was not measured."
        )
    if share is None:
        return f"The report's gain, {gain}, is not told apart from 1, so nothing of it is put down to a language."
    nothing = " That is not told apart from none." if share.low <= 0 <= share.high else ""
    return (
        f"Of the report's gain, {gain}, the choice between the compiled languages is "
        f"{wording.percent(share.value, 0)} ({shares(share)}) on a logarithmic scale: the same design is "
        f"{wording.ratio(step['ratio'])} times as fast ({wording.interval(step['low'], step['high'])}) in "
        f"{step['arm']} as in {step['against']}.{nothing}"
    )


def plain_line(made: Chain) -> str:
    """How much of the report's gain the language was, for those who read one sentence; share_line has the figure."""
    step, share = made.step(LANGUAGE), made.share_of_gain(LANGUAGE)
    if made.gain is None or step is None or share is None:
        return share_line(made)
    if share.high < 0:
        head = "None of it"
    elif share.low <= 0:
        head = "None of it that can be told"
    else:
        head = f"{wording.percent(share.value, 0)} ({shares(share)}, on a logarithmic scale)"
    gain = f"{wording.ratio(made.gain.value)} times ({wording.interval(made.gain.low, made.gain.high)})"
    return (
        f"{head}: the same design is {wording.ratio(step['ratio'])} times as fast "
        f"({wording.interval(step['low'], step['high'])}) in {step['arm']} as in {step['against']}, while the whole "
        f"gain over {made.report[0]} is {gain}, in {made.where}."
    )


def lines(made: Chain) -> list[str]:
    """What the steps say, in sentences: the language, the largest steps, and whether they add up."""
    steps = made.steps.dropna(subset="ratio")
    largest = steps.loc[steps["ratio"].idxmax()]
    said = [share_line(made)]
    said.append(
        f"The largest step is {label(largest)}: {wording.ratio(largest['ratio'])} times as fast "
        f"({wording.interval(largest['low'], largest['high'])})."
    )
    slower = steps[steps["verdict"] == "slower"]
    if len(slower):
        losses = [f"{label(row)} ({wording.ratio(row['ratio'])})" for _, row in slower.iterrows()]
        said.append(f"Slower than the step before: {wording.listing(losses)}.")
    return [*said, adds_up_line(made)]


def adds_up_line(made: Chain) -> str:
    """Whether the product of the steps is what the last one gives against the first directly."""
    product, direct, gap = made.product, made.direct, made.gap
    if not np.isfinite(gap.high):
        return "Whether the steps add up is not known: there are too few workers for an interval."
    low, high, edge = np.log(gap.low), np.log(gap.high), np.log1p(made.margin)
    if max(abs(low), abs(high)) < edge:
        words = f"The steps add up within {wording.margin(made.margin)}"
    elif low <= 0 <= high:
        words = f"This run is too noisy to say that the steps add up within {wording.margin(made.margin)}"
    else:
        words = "The steps do not add up"
    return (
        f"{words}: they multiply to {wording.ratio(product.value)}, and the last against the first directly gives "
        f"{wording.ratio(direct.value)} (the one over the other: {wording.interval(gap.low, gap.high)})."
    )


def label(step: Any) -> str:
    """A step by its change, with the changes that it takes in because they were not measured."""
    return f"{step['with_it']} + {step['change']}" if step["with_it"] else str(step["change"])


def shares(share: Estimate) -> str:
    """The interval of a share, as percentages."""
    low, high = wording.percent(share.low, 0).removesuffix(" %"), wording.percent(share.high, 0)
    return f"{low} to {high}" if np.isfinite(share.high) else "no interval"
