"""How probabilities, money and savings are worded in a decision."""

from __future__ import annotations

from .. import wording
from .measured import Pair

LEAST = 0.001
"""A probability nearer to 0 or 1 than this is told as a bound: a handful of workers does not tell it more exactly."""


def likelihood(probability: float) -> str:
    """A probability."""
    if not wording.finite(probability):
        return "unknown"
    if probability > 1 - LEAST:
        return f"more than {wording.percent(1 - LEAST)}"
    return f"less than {wording.percent(LEAST)}" if probability < LEAST else wording.percent(probability)


def money(amount: float, currency: str) -> str:
    """An amount of money, without cents."""
    return f"{round(float(amount)):,} {currency}" if wording.finite(amount) else wording.NO_NUMBER


def owning(extra: float, currency: str) -> str:
    """How much more or less something costs to own."""
    if round(float(extra)) == 0:
        return "costs the same to own"
    return f"costs {money(abs(extra), currency)} {'more' if extra > 0 else 'less'} to own"


def saving(pair: Pair, against: str) -> str:
    """The share of CPU that a mix saves of another's, or takes more, with the interval."""
    share, low, high = pair.shares
    if share < 0:
        return f"takes {wording.percent(-share)} more CPU per message ({span(-high, -low)}) than {against}"
    return f"saves {wording.percent(share)} of the CPU per message ({span(low, high)}) of {against}"


def span(low: float, high: float) -> str:
    """An interval of shares; in words where there are too few workers for one."""
    if not (wording.finite(low) and wording.finite(high)):
        return "no interval"
    return f"{wording.percent(low)} to {wording.percent(high)}"
