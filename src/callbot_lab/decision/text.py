"""A decision in sentences and tables, for the terminal and for a page."""

from __future__ import annotations

from .. import wording
from ..server.parsers import INGEST
from ..serverlab.mix import Mix
from . import words
from .flips import CALLS, CHUNK, DAYS, SHARE, Search
from .gates import G0, G1, G2, G3, G4, Decision, Step
from .measured import Measured
from .settings import Settings

MEANINGS = {
    G0: "an implementation has to conform",
    G1: "the whole server has to gain enough",
    G2: "a rung has to show its gain and to pay for itself",
    G3: "a tie goes to what costs less to own",
    G4: "values that money does not say",
}

HEADS = ("gate", "rung", "compared with", "CPU saved", "95 % interval", "gains enough", "worth", "owning", "outcome")
"""Of the table of rungs; `worth` and `owning` are money over all years."""

NAMES = {
    CALLS: "Calls at a time",
    SHARE: "Decode, buffer and journal as a share of the baseline's message",
    DAYS: "Maintenance",
    CHUNK: "Chunk size",
}


def lines(decision: Decision, measured: Measured, settings: Settings) -> list[str]:
    """The answer, what it is worth, how sure it is, which gate decided, and what is open."""
    found = [answer_line(decision), worth_line(decision, measured, settings), sure_line(decision, settings)]
    return [line for line in (*found, gate_line(decision), *open_lines(decision, settings)) if line]


def answer_line(decision: Decision) -> str:
    """The answer: what to change, or that nothing is to be, or that it cannot be told."""
    base, answer = decision.baseline, decision.answer
    if answer is None:
        return f"Undecided: whether to change {base} cannot be told from this."
    if decision.likely:
        return f"Stay with {base} for now: {decision.likely.mix} would probably be worth it, but that is not shown."
    if decision.stays:
        return f"Stay with {base}: no change is shown to be worth it."
    changed = changes(base, answer)
    first = "Change the server first" if answer.implementation == base.implementation else "Change"
    return f"{first}: {answer} instead of {base} ({wording.listing(changed)})."


def changes(base: Mix, answer: Mix) -> list[str]:
    """What of a server is changed, part by part."""
    found = []
    if answer.server != base.server:
        found.append(f"server {answer.server}")
    if answer.parser != base.parser:
        reads = "messages read by the implementation" if answer.parser == INGEST else f"parser {answer.parser}"
        found.append(reads)
    kept = answer.implementation == base.implementation
    found.append(f"implementation {answer.implementation}{', as it is' if kept else ''}")
    return found


def worth_line(decision: Decision, measured: Measured, settings: Settings) -> str:
    """What the answer saves and costs against the baseline; empty if nothing is changed."""
    if decision.answer is None or decision.stays:
        return ""
    base, load = str(decision.baseline), settings.load
    pair = measured.pair(decision.name, base)
    before, after = (settings.cores(measured.us_of(mix), measured.messages) for mix in (base, decision.name))
    saved = settings.money(before - after)
    extra = settings.price(decision.answer) - settings.price(decision.baseline)
    return (
        f"It {words.saving(pair, base)} ({wording.count(decision.workers, 'worker')}): {wording.number(after)} cores "
        f"instead of {wording.number(before)} for {wording.number(load.calls)} {load.format} calls. In {load.years:g} "
        f"years that is worth {words.money(saved, settings.currency)}, and it {words.owning(extra, settings.currency)}."
    )


def sure_line(decision: Decision, settings: Settings) -> str:
    """How sure the answer is."""
    more = f"more than {wording.percent(settings.gates.gain)}"
    wanted = wording.percent(settings.gates.probability)
    sure = words.likelihood(decision.probability)
    if decision.answer is None:
        if not wording.finite(decision.probability):
            return ""
        return (
            f"How sure: that the best of them saves {more} has a probability of {sure}; {wanted} is asked for, "
            "corrected for how many were asked."
        )
    if decision.likely:
        return (
            f"How sure: that {decision.likely.mix} saves {more} and pays has a probability of "
            f"{words.likelihood(decision.likely.chance)}; {wanted} is asked for. More workers would tell."
        )
    if decision.stays:
        # Without rungs it was G1 that found nothing, whatever values did to the answer.
        what = f"that no change both saves {more} and pays" if decision.rungs else f"that nothing here saves {more}"
    else:
        what = f"that the least certain step to it saves {more} and pays"
    return f"How sure: {what} has a probability of {sure}, as far as the machine of the run and the prices go."


def gate_line(decision: Decision) -> str:
    """The gate that decided, and how."""
    return f"Decided by {decision.gate} ({MEANINGS[decision.gate]}): {decision.deciding.text}"


def open_lines(decision: Decision, settings: Settings) -> list[str]:
    """What may pay as well, but is not shown, and was not told of with the answer."""
    likely = decision.likely
    return [
        f"Open: {step.mix} would be better if it saved another {wording.percent(settings.gates.gain)} or more; that "
        f"has a probability of {words.likelihood(step.probability)}. More workers would tell."
        for step in decision.open
        if step is not likely
    ]


def gate_lines(decision: Decision) -> list[str]:
    """What became of the gates that have no rungs."""
    return [f"{step.gate}: {step.text}" for step in decision.steps if not step.is_rung]


def rung_rows(decision: Decision, currency: str) -> list[list[str]]:
    """The rungs of the climb in the columns HEADS."""
    return [_row(step, currency) for step in decision.rungs]


def flip_lines(searches: list[Search], settings: Settings) -> list[str]:
    """Flip points in sentences; parts whose maintenance changes nothing are told of together."""
    found, idle = [], []
    for one in searches:
        turns = [
            f"{side} {_amount(one, turn.at, settings)} the answer is {turn.answer}"
            for side, turn in (("below", one.below), ("above", one.above))
            if turn is not None
        ]
        if one.reason:
            found.append(f"{_name(one)}: left out, since {one.reason}.")
        elif turns:
            found.append(f"{_name(one)}, now {_amount(one, one.now, settings)}: {'; '.join(turns)}.")
        elif one.quantity == DAYS:
            idle.append(one)
        else:
            ends = f"{_amount(one, one.low, settings)} to {_amount(one, one.high, settings)}"
            found.append(f"{_name(one)}, now {_amount(one, one.now, settings)}: no value from {ends} flips it.")
    if idle:
        parts = wording.listing([one.part for one in idle])
        found.append(f"Maintenance of {parts}: nothing up to {idle[0].high:g} days a year changes the answer.")
    return found


def markdown(decision: Decision, measured: Measured, settings: Settings, searches: list[Search]) -> str:
    """All of a decision in Markdown."""
    said = [*lines(decision, measured, settings), *gate_lines(decision)]
    rungs = rung_rows(decision, settings.currency)
    tables = [wording.table(HEADS, rungs)] if rungs else []
    return "\n\n".join([*said, *tables, *flip_lines(searches, settings)])


def _row(step: Step, currency: str) -> list[str]:
    share, low, high = step.pair.shares if step.pair else (float("nan"),) * 3
    outcome = "accepted" if step.accepted else "passed over"
    return [
        step.gate,
        step.mix,
        step.against,
        wording.percent(share),
        words.span(low, high),
        words.likelihood(step.probability),
        words.money(step.saved, currency),
        words.money(step.extra, currency),
        f"{outcome}: {step.verdict}",
    ]


def _name(one: Search) -> str:
    """What was moved."""
    return f"{NAMES[one.quantity]} of {one.part}" if one.part else NAMES[one.quantity]


def _amount(one: Search, value: float, settings: Settings) -> str:
    """A value of the quantity with its unit."""
    if one.quantity == SHARE:
        return wording.percent(value)
    if one.quantity == DAYS:
        return f"{value:.3g} days a year ({words.money(value * settings.day, settings.currency)})"
    return f"{wording.number(value)} {'bytes' if one.quantity == CHUNK else 'calls'}"
