"""The rule: from CPU per message and settings to an answer, gate by gate. It reads no file and prints nothing.

G0: only what conforms is considered. G1: does any mix save enough of the whole server's CPU per message at all? G2:
climb, first servers and boundaries with the implementation that is there, then the ladder of implementations; every
rung is compared with the last that was accepted, and passed over if it does not pay. G3: a tie goes to what costs less
to own. G4: values, whose effect is told by deciding once more without them.

The dearer one has to show what it gains: a rung whose gain is not shown is passed over, and told of as open.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from .. import wording
from ..analysis import MIN_WORKERS
from ..errors import LabError
from ..serverlab.mix import Mix
from ..verify import CONFORMS
from . import words
from .measured import NONE, Measured, Pair, edge_of
from .settings import Settings, Value, parts_of

G0, G1, G2, G3, G4 = "G0", "G1", "G2", "G3", "G4"

UNDECIDED = "undecided"
"""What stands for an answer where there is none."""

ENOUGH, NOTHING, BETWEEN = "enough to gain", "too little to gain", "neither shown nor excluded"
"""What G1 finds."""

PAYS, NO_PAY, TIE, NOT_SHOWN, DEARER = "pays", "does not pay", "tie", "not shown", "needs more CPU"
TOO_FEW = "too few workers"
"""What becomes of a rung; G1 may find the last as well."""

LIKELY = 0.5
"""The chance from which on a rung would rather pay than not."""

NOT_VERIFIED = "not verified"


@dataclass(frozen=True)
class Step:
    """A gate, or a rung of the climb, and what became of it.

    `mix` was compared with `against`. `probability`: of saving more CPU than the threshold. `chance`: of that, and
    of being worth its price. `saved`: money of cores over all years; `extra`: what it costs more to own.
    """

    gate: str
    text: str
    verdict: str = ""
    accepted: bool = False
    mix: str = ""
    against: str = ""
    pair: Pair | None = None
    probability: float = NONE
    chance: float = NONE
    saved: float = NONE
    extra: float = NONE

    @property
    def is_rung(self) -> bool:
        """Whether it is a rung of the climb."""
        return self.gate in (G2, G3)


@dataclass(frozen=True)
class Decision:
    """The answer of the rule, or None if it is undecided, with the gate that decided and every step on the way.

    `probability`: of an answer, the least over its accepted steps that one gains enough and is worth its price; if
    nothing is changed, that no mix gains enough (G1), or that even the likeliest rung does not gain enough and pay; if
    it is undecided, that the mix that is surest to gain enough does, not corrected for how many were asked.
    `without_values` is the answer without vetoes and weights; empty if none were entered.
    """

    baseline: Mix
    answer: Mix | None
    probability: float
    gate: str
    steps: tuple[Step, ...]
    workers: int
    without_values: str = ""

    @property
    def name(self) -> str:
        """The answer as a mix is written."""
        return str(self.answer or UNDECIDED)

    @property
    def stays(self) -> bool:
        """Whether the answer is to change nothing."""
        return self.answer == self.baseline

    @property
    def deciding(self) -> Step:
        """The step that decided: of a climb without an answer above it, the rung that came nearest to paying."""
        if self.gate == G3:
            return next(step for step in _after(self.rungs, and_last=True) if step.gate == G3)
        if self.gate == G2:
            accepted = [step for step in self.rungs if step.accepted]
            return accepted[-1] if accepted else max(self.rungs, key=_nearest)
        return [step for step in self.steps if step.gate == self.gate][-1]

    @property
    def likely(self) -> Step | None:
        """If nothing is changed: the rung that came nearest to paying, if it probably would and that is not shown."""
        nearest = max(self.rungs, key=_nearest) if self.stays and self.rungs else None
        return nearest if nearest and nearest.verdict == NOT_SHOWN and nearest.chance >= LIKELY else None

    @property
    def open(self) -> list[Step]:
        """Rungs above the answer that would pay if what was seen of them were shown."""
        return [step for step in _after(self.rungs) if step.verdict == NOT_SHOWN and step.saved > step.extra]

    @property
    def rungs(self) -> list[Step]:
        """The steps of the climb."""
        return [step for step in self.steps if step.is_rung]


def decide(measured: Measured, settings: Settings, conformance: Mapping[str, str] | None = None) -> Decision:
    """Take the decision. `conformance` has the suite's verdict by implementation, if it was asked.

    LabError if the baseline is made of something that the settings do not list, or that they rule out.
    """
    found = _settle(measured, settings, conformance)
    if not settings.entered:
        step = Step(G4, "No value is entered: neither a veto nor a weight.")
        return replace(found, steps=(*found.steps, step))
    plain = _settle(measured, replace(settings, values=()), conformance)
    changed = plain.answer != found.answer
    effect = f"without them the answer would be {plain.name}" if changed else "the answer is the same without them"
    told = "; ".join(_value(value, settings.currency) for value in settings.entered)
    step = Step(G4, f"Values that were entered: {told}; {effect}.")
    gate = G4 if changed else found.gate
    return replace(found, gate=gate, steps=(*found.steps, step), without_values=plain.name)


def candidates(measured: Measured, settings: Settings, conformance: Mapping[str, str] | None = None) -> list[Mix]:
    """The mixes of which an answer can be made, but for the baseline: listed, measured, conforming, not ruled out."""
    out = {*_failing(settings.ladder, conformance), *settings.vetoed}
    mixes = [
        Mix(server, boundary, implementation)
        for implementation in settings.ladder
        for server in settings.servers
        for boundary in settings.boundaries
    ]
    return [
        mix
        for mix in mixes
        if str(mix) in measured.logs and str(mix) != measured.baseline and not out & set(parts_of(mix))
    ]


def _settle(measured: Measured, settings: Settings, conformance: Mapping[str, str] | None) -> Decision:
    """The decision with the values as they are, but without telling of them."""
    base = Mix.parse(measured.baseline)
    _require(base, settings)
    mixes = candidates(measured, settings, conformance)
    zeroth = _conforming(mixes, measured, settings, conformance)
    if base.implementation in _failing(settings.ladder, conformance):
        text = f"{zeroth.text} The baseline itself does not conform: there is nothing to compare with."
        return Decision(base, None, NONE, G0, (replace(zeroth, text=text),), measured.workers)
    if not mixes:
        text = f"{zeroth.text} Nothing is left to compare the baseline with."
        return Decision(base, None, NONE, G0, (replace(zeroth, text=text),), measured.workers)
    first = _worth_climbing(mixes, measured, settings)
    steps = (zeroth, first)
    if first.verdict != ENOUGH:
        answer = base if first.verdict == NOTHING else None
        return Decision(base, answer, first.probability, G1, steps, measured.workers)
    last, rungs = _climb(base, mixes, measured, settings)
    if last == base:
        sure = min((1 - step.chance for step in rungs if wording.finite(step.chance)), default=NONE)
        return Decision(base, base, sure, G2, (*steps, *rungs), measured.workers)
    shown = [step.chance for step in rungs if step.accepted and step.gate == G2]
    sure = min([first.probability, *shown])
    # What came after the last accepted rung was compared with the answer: a tie there was decided by its price.
    tied = any(step.gate == G3 for step in _after(rungs, and_last=True))
    return Decision(base, last, sure, G3 if tied else G2, (*steps, *rungs), measured.workers)


def _require(base: Mix, settings: Settings) -> None:
    """The baseline has to be in the lists, since everything is compared with it, and cannot be ruled out."""
    lists = {"servers": settings.servers, "boundaries": settings.boundaries, "ladder": settings.ladder}
    for (key, names), part in zip(lists.items(), parts_of(base), strict=True):
        if part not in names:
            raise LabError(f"the run's baseline is {base}, and {key} lacks {part}")
        if part in settings.vetoed:
            raise LabError(f"a value rules out {part}, but the baseline {base} is made of it, and to stay is possible")


def _failing(ladder: Collection[str], conformance: Mapping[str, str] | None) -> dict[str, str]:
    """Implementations that are out because the suite does not say that they conform, with what it says."""
    if conformance is None:
        return {}
    said = {name: conformance.get(name, NOT_VERIFIED) for name in ladder}
    return {name: status for name, status in said.items() if status != CONFORMS}


def _conforming(
    mixes: Sequence[Mix], measured: Measured, settings: Settings, conformance: Mapping[str, str] | None
) -> Step:
    """G0: what is considered, and what is not and why."""
    out = _failing(settings.ladder, conformance)
    text = "The suite's verdicts were not given: only what stored wrong audio while it was measured has no number."
    if conformance is not None:
        text = "All implementations of the ladder conform."
    if out:
        text = f"Out, since they are not known to conform: {wording.listing([f'{k} ({v})' for k, v in out.items()])}."
    there = {part for mix in [*mixes, Mix.parse(measured.baseline)] for part in parts_of(mix)}
    lacking = [part for part in settings.parts if part not in (there | set(out) | settings.vetoed)]
    if lacking:
        text += f" Without a number here: {wording.listing(lacking)}."
    return Step(G0, text)


def _worth_climbing(mixes: Sequence[Mix], measured: Measured, settings: Settings) -> Step:
    """G1: whether any mix saves enough against the baseline, corrected for how many are asked (Bonferroni)."""
    gates, edge = settings.gates, edge_of(settings.gates.gain)
    pairs = {str(mix): measured.pair(str(mix), measured.baseline) for mix in mixes}
    chances = {mix: chance for mix, pair in pairs.items() if wording.finite(chance := pair.chance(edge))}
    if not chances:
        text = f"{wording.count(measured.workers, 'worker')}: a probability takes {MIN_WORKERS}."
        return Step(G1, text, TOO_FEW, against=measured.baseline)
    best = max(chances, key=lambda mix: (chances[mix], pairs[mix].mean))
    shown = max(0.0, 1 - len(chances) * (1 - chances[best]))
    excluded = max(0.0, 1 - sum(chances.values()))
    more = f"more than {wording.percent(gates.gain)}"
    tried = f"{len(chances)} {'mix' if len(chances) == 1 else 'mixes'}"
    text = f"The surest to gain is {best}: it {words.saving(pairs[best], measured.baseline)}"
    if shown >= gates.probability:
        text += f", {more} with a probability of {words.likelihood(shown)} (corrected for {tried} that were asked)."
        verdict, probability = ENOUGH, shown
    elif excluded >= gates.probability:
        text += f"; that none of {tried} saves {more} has a probability of {words.likelihood(excluded)}."
        verdict, probability = NOTHING, excluded
    else:
        text += (
            f"; that this is {more} has a probability of {words.likelihood(chances[best])}. For the best of {tried} "
            f"that is neither enough to rely on nor little enough to rule it out."
        )
        verdict, probability = BETWEEN, chances[best]
    return Step(G1, text, verdict, verdict == ENOUGH, best, measured.baseline, pairs[best], probability)


def _climb(base: Mix, mixes: Sequence[Mix], measured: Measured, settings: Settings) -> tuple[Mix, list[Step]]:
    """G2 and G3: what is accepted last, and all rungs.

    The implementation that is there goes first, with every server and boundary; then the others, each on the accepted
    server before the rest, and at the accepted boundary before the rest.
    """
    last, rungs = base, list[Step]()
    for implementation in _led(settings.ladder, base.implementation):
        for server in _led(settings.servers, last.server):
            for boundary in _led(settings.boundaries, last.parser):
                mix = Mix(server, boundary, implementation)
                if mix == last or mix not in mixes:
                    continue
                rungs.append(_rung(mix, last, measured, settings))
                last = mix if rungs[-1].accepted else last
    return last, rungs


def _rung(mix: Mix, last: Mix, measured: Measured, settings: Settings) -> Step:
    """One rung against the last that was accepted."""
    gates, pair = settings.gates, measured.pair(str(mix), str(last))
    extra = settings.price(mix) - settings.price(last)
    spent = settings.money(settings.cores(measured.us_of(str(last)), measured.messages))
    saved = spent * pair.shares[0]
    edge = edge_of(gates.gain)
    probability = pair.chance(edge)
    chance = pair.chance(max(edge, worth(extra, spent)))
    gate, accepted = G2, False
    if not wording.finite(probability):
        verdict, said = TOO_FEW, "passed over, since too few workers had both"
    elif probability >= gates.probability:
        accepted = saved > extra
        verdict, said = (PAYS, "accepted") if accepted else (NO_PAY, "passed over, since it does not pay")
    elif abs(pair.mean) <= edge_of(gates.tie):
        gate, verdict = G3, TIE
        accepted = extra < 0 and saved > extra
        said = "a tie, accepted since it is cheaper" if accepted else "a tie, passed over since it is no cheaper"
    elif pair.mean > 0:
        verdict, said = NOT_SHOWN, "passed over, since the gain is not shown"
    else:
        verdict, said = DEARER, "passed over, since it needs more CPU"
    text = (
        f"{mix} {words.saving(pair, str(last))}, more than {wording.percent(gates.gain)} with a probability of "
        f"{words.likelihood(probability)}. In {settings.load.years:g} years that is worth "
        f"{words.money(saved, settings.currency)} of cores, and it {words.owning(extra, settings.currency)}: {said}."
    )
    return Step(gate, text, verdict, accepted, str(mix), str(last), pair, probability, chance, saved, extra)


def worth(extra: float, spent: float) -> float:
    """The logarithm above which what is saved of `spent` is more than `extra`; infinite if it never is."""
    if extra >= spent:
        return math.inf
    return edge_of(extra / spent) if spent > 0 else -math.inf


def _led(names: Sequence[str], first: str) -> list[str]:
    """The names in their order, but one of them first."""
    return [first, *(name for name in names if name != first)]


def _after(rungs: Sequence[Step], *, and_last: bool = False) -> Sequence[Step]:
    """The rungs after the last that was accepted; that one too if asked for."""
    accepted = [number for number, step in enumerate(rungs) if step.accepted]
    return rungs[accepted[-1] + (not and_last) :] if accepted else rungs


def _nearest(step: Step) -> tuple[float, float]:
    """How near a rung came to paying: its chance, and then what it would have brought."""
    return (step.chance if wording.finite(step.chance) else -1.0), step.saved - step.extra


def _value(value: Value, currency: str) -> str:
    """A value in words."""
    said = [f"rules out {wording.listing(list(value.veto))}"] if value.veto else []
    said += [
        f"makes {part} {words.money(abs(yearly), currency)} a year {'dearer' if yearly > 0 else 'cheaper'}"
        for part, yearly in value.yearly.items()
        if yearly
    ]
    return f"{value.name} {wording.listing(said)}"
