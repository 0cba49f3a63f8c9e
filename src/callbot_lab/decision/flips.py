"""Where the answer flips: one quantity is moved while all others stay, and the same gates are asked again.

The nearest change on either side of what is given is looked for on a grid and then halved down to; a change back and
forth between two points of the grid is not found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..analysis import MIN_WORKERS
from ..costmodel import CostModel
from ..server.parsers import INGEST
from ..serverlab.mix import Mix
from .gates import candidates, decide
from .measured import Measured
from .settings import Settings, parts_of

CALLS, SHARE, DAYS, CHUNK = "calls", "share", "days", "chunk"
"""Quantities that are moved: calls at a time; decode, buffer and journal as a share of a message; days of an engineer
that a part takes in a year; bytes of a chunk."""

MOST_CALLS = 1e7
MOST_SHARE = 0.95
MOST_DAYS = 250.0
"""Ends of what is searched: beyond them nobody asks, and the last is a year's work."""

POINTS = 49
EXACT = 1e-5
MOST_HALVINGS = 60
"""Points of a grid; how near the two sides of a flip point come, as a share of it; and how often that is tried."""

FEW_WORKERS = "with too few workers nothing is decided"
NO_MODEL = "no cost model was given"
"""Reasons to leave something out."""

Curve = Mapping[float, float]
"""Nanoseconds per chunk of an arm, by the size in bytes, from small to large."""


class Unknown(Exception):
    """There is nothing to move a quantity with; the message says why."""


@dataclass(frozen=True)
class Turn:
    """A value of the quantity from which on, away from what is given, the answer is another one."""

    at: float
    answer: str


@dataclass(frozen=True)
class Search:
    """What was found for a quantity from `low` to `high`: the nearest turns below and above `now`, if there are any.

    `part` is the part whose days are moved. If nothing could be moved, `reason` says why, and the numbers are NaN.
    """

    quantity: str
    now: float
    low: float
    high: float
    below: Turn | None = None
    above: Turn | None = None
    part: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Curves:
    """What was measured of arms at several sizes of a chunk: the curve of each."""

    arms: Mapping[str, Curve]

    @classmethod
    def of(cls, model: CostModel) -> Curves:
        """The curves of a cost model: at every size the median over workers."""
        arms: dict[str, dict[float, float]] = {}
        # Grouped, they come sorted by arm and size.
        for (arm, size), ns in model.points.groupby(["arm", "bytes"])["ns"].median().items():
            arms.setdefault(str(arm), {})[float(size)] = float(ns)
        return cls(arms)


def flips(
    measured: Measured,
    settings: Settings,
    conformance: Mapping[str, str] | None = None,
    curves: Curves | None = None,
) -> list[Search]:
    """The flip points of a decision: calls, share, yearly days of every part that is not there already, chunk size."""
    answer = partial(_answer, conformance=conformance)
    base = parts_of(Mix.parse(measured.baseline))
    parts = [part for part in dict.fromkeys(settings.parts) if part not in base]
    if measured.workers < MIN_WORKERS:
        return [_left_out(name, FEW_WORKERS) for name in (CALLS, SHARE, DAYS, CHUNK)]
    found = [
        _searched(
            CALLS,
            settings.load.calls,
            np.geomspace(1, MOST_CALLS, POINTS),
            lambda calls: answer(measured, with_calls(settings, calls)),
        )
    ]
    try:
        own = own_parts(measured, settings, conformance)
        found.append(
            _searched(
                SHARE,
                share_of(measured, own),
                np.linspace(0, MOST_SHARE, POINTS),
                lambda share: answer(with_share(measured, own, share), settings),
            )
        )
    except Unknown as reason:
        found.append(_left_out(SHARE, str(reason)))
    found += [_days_of(part, measured, settings, answer) for part in parts]
    try:
        if curves is None:
            raise Unknown(NO_MODEL)
        own = own_parts(measured, settings, conformance)
        costs = curves_of(curves, own, measured, settings)
        found.append(
            _searched(
                CHUNK,
                measured.chunk_bytes,
                np.geomspace(*ends_of(costs), POINTS),
                lambda size: answer(with_chunk(measured, own, costs, size), settings),
            )
        )
    except Unknown as reason:
        found.append(_left_out(CHUNK, str(reason)))
    return found


def with_calls(settings: Settings, calls: float) -> Settings:
    """The same settings with other calls at a time."""
    return replace(settings, load=replace(settings.load, calls=calls))


def with_days(settings: Settings, part: str, days: float) -> Settings:
    """The same settings with other days a year for a part."""
    return replace(settings, prices={**settings.prices, part: replace(settings.prices[part], yearly_days=days)})


def own_parts(measured: Measured, settings: Settings, conformance: Mapping[str, str] | None = None) -> dict[str, float]:
    """What decode, buffer and journal cost every mix that is considered, as a share of the baseline's message.

    It is the mix without its implementation, taken from the whole; where that was not measured, or the implementation
    reads whole messages, that of the same implementation at another boundary of its server, or in another server.
    Unknown if there is none of those.
    """
    plain = replace(settings, values=())
    mixes = [Mix.parse(measured.baseline), *candidates(measured, plain, conformance)]
    costs = np.exp(-measured.logs)
    parts = {}
    for mix in mixes:
        places = [(mix.server, mix.parser)]
        places += [(mix.server, boundary) for boundary in settings.boundaries]
        places += [(server, boundary) for server in settings.servers for boundary in settings.boundaries]
        pairs = [(str(Mix(*place, mix.implementation)), str(Mix(*place))) for place in places if place[1] != INGEST]
        there = [(whole, without) for whole, without in pairs if {whole, without} <= set(costs.columns)]
        if not there:
            raise Unknown(f"no server was measured both with {mix.implementation} and without an implementation")
        whole, without = there[0]
        # Of what costs next to nothing noise may make less than nothing.
        parts[str(mix)] = max(0.0, float((costs[whole] - costs[without]).mean()))
    return parts


def with_share(measured: Measured, own: Mapping[str, float], share: float) -> Measured:
    """The same servers if decode, buffer and journal were a share of the baseline's message: dearer or cheaper by one
    factor in every implementation, with all else as it was measured."""
    now = share_of(measured, own)
    factor = share * (1 - now) / (now * (1 - share))
    return _scaled(measured, own, dict.fromkeys(own, factor))


def with_chunk(measured: Measured, own: Mapping[str, float], curves: Mapping[str, Curve], size: float) -> Measured:
    """The same servers with chunks of another size and as many fewer messages as they hold more.

    What an implementation does follows its curve; receiving and parsing a message stays as it was measured, since
    nothing says how that grows. `curves` are those of curves_of.
    """
    factors = {mix: _ns(curve, size) / _ns(curve, measured.chunk_bytes) for mix, curve in curves.items()}
    messages = measured.messages * measured.chunk_bytes / size
    return replace(_scaled(measured, own, factors), messages=messages)


def curves_of(curves: Curves, own: Mapping[str, float], measured: Measured, settings: Settings) -> dict[str, Curve]:
    """The curve of every mix: its implementation's; Unknown if one has none, or they do not reach to these chunks."""
    found = {}
    for mix in own:
        implementation = Mix.parse(mix).implementation
        arm = settings.curves.get(implementation, implementation)
        if arm not in curves.arms:
            raise Unknown(f"the cost model has no measurement of {arm}")
        found[mix] = curves.arms[arm]
    low, high = ends_of(found)
    if not low <= measured.chunk_bytes <= high:
        raise Unknown(f"the cost model does not reach to chunks of {measured.chunk_bytes:,} bytes")
    return found


def ends_of(curves: Mapping[str, Curve]) -> tuple[float, float]:
    """The sizes in bytes from which and up to which there is something of every curve."""
    return max(min(curve) for curve in curves.values()), min(max(curve) for curve in curves.values())


def _ns(curve: Curve, size: float) -> float:
    """Nanoseconds of a chunk: between two sizes that were measured, straight in the logarithms of both."""
    return float(np.exp(np.interp(np.log(size), np.log(list(curve)), np.log(list(curve.values())))))


def _days_of(part: str, measured: Measured, settings: Settings, answer: Callable[[Measured, Settings], str]) -> Search:
    """The flip points of the yearly days of a part."""
    now = settings.prices[part].yearly_days
    grid = [0.0, *np.geomspace(0.1, MOST_DAYS, POINTS)]
    search = _searched(DAYS, now, grid, lambda days: answer(measured, with_days(settings, part, days)))
    return replace(search, part=part)


def _answer(measured: Measured, settings: Settings, conformance: Mapping[str, str] | None) -> str:
    return decide(measured, settings, conformance).name


def share_of(measured: Measured, own: Mapping[str, float]) -> float:
    """The share of decode, buffer and journal as it was measured; Unknown if it is nothing that could be scaled."""
    share = own[measured.baseline]
    if not 0 < share < 1:
        raise Unknown(f"in {measured.baseline} decode, buffer and journal cost nothing that could be told")
    return share


def _scaled(measured: Measured, own: Mapping[str, float], factors: Mapping[str, float]) -> Measured:
    """The same servers with the implementation's part of each multiplied by a factor.

    Servers without an implementation stay as they are, so that own_parts can be asked again; all other mixes are
    dropped.
    """
    bare = {str(Mix(mix.server, mix.parser)) for mix in map(Mix.parse, own)}
    costs = np.exp(-measured.logs[[mix for mix in measured.logs if mix in own or mix in bare]])
    for mix, part in own.items():
        costs[mix] += (factors[mix] - 1) * part
    # What noise leaves with nothing or less in a worker has no ratio there.
    costs = costs.where(costs > 0)
    logs = np.log(costs)
    logs = logs.rsub(logs[measured.baseline], axis=0)
    return replace(measured, logs=logs, us=measured.us * float(costs[measured.baseline].mean()))


def _searched(quantity: str, now: float, grid: Iterable[float], answer_at: Callable[[float], str]) -> Search:
    """The nearest turns on both sides of what is given."""
    points = [float(point) for point in grid]
    here = answer_at(now)
    below = _turn(here, now, [point for point in reversed(points) if point < now], answer_at)
    above = _turn(here, now, [point for point in points if point > now], answer_at)
    return Search(quantity, float(now), points[0], points[-1], below, above)


def _turn(here: str, now: float, points: Sequence[float], answer_at: Callable[[float], str]) -> Turn | None:
    """The first turn along points that lead away from `now`, where the answer is `here`."""
    inner = now
    for outer in points:
        there = answer_at(outer)
        if there == here:
            inner = outer
            continue
        for _ in range(MOST_HALVINGS):
            if abs(outer - inner) <= EXACT * max(abs(outer), abs(inner)):
                break
            middle = (inner + outer) / 2
            if (answer := answer_at(middle)) == here:
                inner = middle
            else:
                outer, there = middle, answer
        return Turn(outer, there)
    return None


def _left_out(quantity: str, reason: str) -> Search:
    none = float("nan")
    return Search(quantity, none, none, none, reason=reason)
