"""Frames for the figures of a decision: the answer by calls and share of decode, and what speaks for each mix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from .. import wording
from ..serverlab.mix import Mix
from . import words
from .flips import own_parts, share_of, with_calls, with_share
from .gates import Decision, candidates, decide, worth
from .measured import NONE, Measured, edge_of
from .settings import Settings

FEWEST, MOST = 1, 6
"""Calls at a time that the map reaches from and to, as powers of ten; it reaches to those of the settings as well."""

STEPS = 8
"""Points of the map in a power of ten of calls."""

SHARES = tuple(step / 20 for step in range(1, 20))
"""Shares of decode, buffer and journal that the map has, beside the one that was measured."""

_NEAR = 0.02
"""A share so near to the measured one has no row of its own."""

EXACT = 1e-4
"""How near the two sides of a turn come, as a share of it."""

MOST_ROWS = 10
"""Of the matrix."""


def flip_map(measured: Measured, settings: Settings, conformance: Mapping[str, str] | None = None) -> pd.DataFrame:
    """The answer by calls at a time and by share of decode, buffer and journal in the baseline's message.

    A row for each pair of them, all else as it was measured (flips.with_share). `answer` is a mix or gates.UNDECIDED,
    `implementation` that of the mix (else empty), `probability` that of Decision. `measured` marks the share that was
    measured, and there `since` is the calls from which on, up to the row's own, the answer is this one; else NaN.
    flips.Unknown if the share cannot be moved.
    """
    many = _calls(settings.load.calls)
    own = own_parts(measured, settings, conformance)
    now = share_of(measured, own)
    rows = []
    for share in sorted({now, *(one for one in SHARES if abs(one - now) > _NEAR)}):
        seen = measured if share == now else with_share(measured, own, share)
        for calls in many:
            found = decide(seen, with_calls(settings, calls), conformance)
            rows.append((calls, share, share == now, *_answer(found)))
    columns = ["calls", "share", "measured", "answer", "implementation", "probability"]
    table = pd.DataFrame(rows, columns=columns)
    since = _since(
        many,
        list(table.loc[table["measured"], "answer"]),
        lambda calls: decide(measured, with_calls(settings, calls), conformance).name,
    )
    table["since"] = NONE
    table.loc[table["measured"], "since"] = since
    return table.assign(workers=measured.workers)


def decision_matrix(
    measured: Measured, settings: Settings, conformance: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """What speaks for and against the mixes that matter, from the one that needs most CPU to the one that needs least.

    Rows: the baseline, the answer, what nets the most, and what needs the least CPU of each implementation, and in each
    server with the baseline's implementation; MOST_ROWS at most. `cpu_saved`, `low`, `high`: share of the baseline's
    CPU per message with its 95 % interval. `cores` for all calls. Money over all years against the baseline: `saved` by
    cores, `owning` what it costs more, `net` what is left. `probability` of saving more than the threshold and than
    `owning`, `sure` the same in words. Interval and probability of the baseline are NaN.
    """
    found = decide(measured, settings, conformance)
    there = [
        mix
        for mix in candidates(measured, settings, conformance)
        if wording.finite(measured.pair(str(mix), measured.baseline).mean)
    ]
    rows = {mix: _row(mix, found, measured, settings) for mix in [found.baseline, *there]}
    shown = _shown(found, there, rows, settings)
    table = pd.DataFrame([rows[mix] for mix in shown])
    return table.sort_values("cpu_saved", kind="stable", ignore_index=True)


def _calls(now: float) -> list[float]:
    """Calls at a time, in equal ratios."""
    low = min(FEWEST, math.floor(math.log10(now)))
    high = max(MOST, math.ceil(math.log10(now)))
    return [10.0 ** (step / STEPS) for step in range(STEPS * low, STEPS * high + 1)]


def _answer(found: Decision) -> tuple[str, str, float]:
    """An answer, its implementation and its probability."""
    return found.name, found.answer.implementation if found.answer else "", found.probability


def _since(many: Sequence[float], answers: Sequence[str], answer_at: Callable[[float], str]) -> list[float]:
    """For each number of calls, the one from which on its answer holds; what begins and ends between two is missed."""
    found = [many[0]]
    for (before, last), (calls, here) in pairwise(zip(many, answers, strict=True)):
        found.append(found[-1] if here == last else _beginning(before, calls, here, answer_at))
    return found


def _beginning(low: float, high: float, there: str, answer_at: Callable[[float], str]) -> float:
    """The calls at which an answer begins that is there at `high` and not at `low`."""
    while high / low > 1 + EXACT:
        middle = math.sqrt(low * high)
        if answer_at(middle) == there:
            high = middle
        else:
            low = middle
    return high


def _row(mix: Mix, found: Decision, measured: Measured, settings: Settings) -> dict[str, Any]:
    """A row of the matrix."""
    base = found.baseline
    pair = measured.pair(str(mix), str(base))
    share, low, high = pair.shares
    spent = settings.money(settings.cores(measured.us_of(str(base)), measured.messages))
    saved, owning = spent * share, settings.price(mix) - settings.price(base)
    probability = pair.chance(max(edge_of(settings.gates.gain), worth(owning, spent)))
    sure = words.likelihood(probability)
    if mix == base:
        low, high, probability, sure = NONE, NONE, NONE, wording.NO_NUMBER
    return {
        "mix": str(mix),
        "implementation": mix.implementation,
        "cpu_saved": share,
        "low": low,
        "high": high,
        "cores": settings.cores(measured.us_of(str(mix)), measured.messages),
        "saved": saved,
        "owning": owning,
        "net": saved - owning,
        "probability": probability,
        "sure": sure,
        "answer": mix == found.answer,
        "workers": pair.workers,
    }


def _shown(found: Decision, there: Sequence[Mix], rows: Mapping[Mix, dict[str, Any]], settings: Settings) -> list[Mix]:
    """The mixes that get a row, those first that must not be left out."""
    base = found.baseline
    groups = [[mix for mix in there if mix.implementation == name] for name in settings.ladder]
    kept = [mix for mix in there if mix.implementation == base.implementation]
    groups += [[mix for mix in kept if mix.server == name] for name in settings.servers]
    least = [max(group, key=lambda mix: float(rows[mix]["cpu_saved"])) for group in [there, *groups] if group]
    most = [max(there, key=lambda mix: float(rows[mix]["net"]))] if there else []
    return list(dict.fromkeys([base, found.answer or base, *most, *least]))[:MOST_ROWS]
