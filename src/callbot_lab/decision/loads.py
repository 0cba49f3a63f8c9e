"""The answer for several numbers of calls, all else as in the settings: what a reader with a load of their own asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .. import wording
from . import words
from .flips import with_calls
from .gates import Decision, decide
from .measured import Measured
from .settings import Settings


@dataclass(frozen=True)
class ForLoad:
    """The decision for a number of calls at a time, and how many cores they need before and after it."""

    calls: float
    decision: Decision
    before: float
    after: float


def by_load(measured: Measured, settings: Settings, conformance: Mapping[str, str] | None = None) -> list[ForLoad]:
    """The decisions for the numbers of calls that the settings name as examples, the fewest first."""
    found = []
    for calls in settings.load.examples:
        own = with_calls(settings, calls)
        decision = decide(measured, own, conformance)
        before = own.cores(measured.us_of(measured.baseline), measured.messages)
        # Without an answer nothing is changed.
        mix = measured.baseline if decision.answer is None else decision.name
        found.append(ForLoad(calls, decision, before, own.cores(measured.us_of(mix), measured.messages)))
    return found


def load_line(one: ForLoad, messages: float, utilisation: float) -> str:
    """The answer for one load in a sentence; `messages` is how many a call sends per second, `utilisation` the share of
    a core that is used."""
    decision = one.decision
    said = f"{wording.number(one.calls)} calls of {messages:g} messages a second"
    need, used = f"{wording.number(one.before)} cores", f"used to {wording.percent(utilisation)}"
    if decision.answer is None:
        return f"{said}: undecided; {decision.baseline} needs {need} {used}."
    if not decision.stays:
        return (
            f"{said}: {decision.name}, which needs {wording.number(one.after)} of the {need} that {decision.baseline} "
            f"needs, {used}. {_sure(decision)}"
        )
    return f"{said}: stay with {decision.baseline}, which needs {need} {used}. {_sure(decision)}"


def _sure(decision: Decision) -> str:
    sure = words.likelihood(decision.probability)
    if not decision.stays:
        more = "".join(
            f" {step.mix} may be better still, with a probability of {words.likelihood(step.probability)}."
            for step in decision.open[:1]
        )
        return f"Every step to it gains enough and pays, the least certain with a probability of {sure}.{more}"
    if decision.likely:
        return (
            f"{decision.likely.mix} would pay with a probability of {words.likelihood(decision.likely.chance)}, which "
            f"is not enough to rely on."
        )
    return f"That no change is worth it has a probability of {sure}."
