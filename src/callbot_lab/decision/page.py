"""The part of the report page that says what to do, and what its script needs to say it again for other settings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from .. import figures, wording
from ..analysis import CONFIDENCE, MIN_WORKERS
from ..costmodel import CostModel
from ..embed import Embedded, embed
from ..errors import LabError
from ..server.parsers import INGEST
from ..serverlab import sentences
from ..serverlab.mix import Mix
from ..serverlab.summary import ServerData
from . import evidence, maps, text, words
from .flips import (
    CALLS,
    DAYS,
    EXACT,
    FEW_WORKERS,
    MOST_CALLS,
    MOST_DAYS,
    MOST_HALVINGS,
    MOST_SHARE,
    NO_MODEL,
    POINTS,
    SHARE,
    Curves,
    Unknown,
    curves_of,
    flips,
    own_parts,
    with_share,
)
from .gates import G1, Decision, candidates, decide
from .loads import by_load, load_line
from .measured import Measured
from .settings import DECISION, MONTHS, Settings, parts_of, read

SHARE_OF_ONE = "%"
"""Unit of a control whose value is a share; it is shown in percent."""


def page_part(run: ServerData, verification: dict[str, Any] | None, model: CostModel | None) -> dict[str, Any]:
    """`answer`, `lines`, `gates`, `heads` and `rows` of the rungs, `flips`, `origin`, `load`, by data/decision.toml.

    `loads` has the answer for other numbers of calls, in sentences, and `figures` what the answer hangs on.

    `data` is what page/decision.js asks the gates again with, None if there is nothing to ask, and `embedded` the same
    as it stands in the page. `reason` says why there is none of it, if the rule cannot be asked of this run; else it is
    empty. What conforms is taken from `verification`, if the suite was run; `model` tells how cost grows with the size
    of a chunk.
    """
    settings, conformance = read(DECISION), _conformance(verification)
    curves = Curves.of(model) if model else None
    try:
        measured = evidence.measured(run, settings.load.format)
        found = decide(measured, settings, conformance)
        turns = flips(measured, settings, conformance, curves)
    except LabError as reason:
        return {"reason": str(reason)}
    answer, *rest = text.lines(found, measured, settings)
    load = settings.load
    data = data_of(found, measured, settings, conformance, curves)
    return {
        "reason": "",
        "answer": answer,
        "lines": rest,
        "gates": text.gate_lines(found),
        "heads": text.HEADS,
        "rows": text.rung_rows(found, settings.currency),
        "flips": text.flip_lines(turns, settings),
        "origin": f"{run.folder.name}: {sentences.origin(run)}",
        "loads": _load_lines(measured, settings, conformance),
        "figures": _figures(run, measured, settings, conformance),
        "load": f"{wording.number(load.calls)} calls of {load.format} at a time, for {load.years:g} years",
        "data": data,
        "embedded": embedded(data),
    }


def load_lines(run: ServerData, verification: dict[str, Any] | None) -> list[str]:
    """The answers for the numbers of calls that data/decision.toml names, in sentences; LabError if there are none."""
    settings = read(DECISION)
    return _load_lines(evidence.measured(run, settings.load.format), settings, _conformance(verification))


def _load_lines(measured: Measured, settings: Settings, conformance: Mapping[str, str] | None) -> list[str]:
    found = [
        load_line(one, measured.messages, settings.load.utilisation) for one in by_load(measured, settings, conformance)
    ]
    if found:
        found.append(
            f"All by the thresholds and prices of data/decision.toml, which are guesses, over "
            f"{settings.load.years:g} years."
        )
    return found


def _conformance(verification: dict[str, Any] | None) -> dict[str, str] | None:
    """The suite's verdict by implementation, if it was run."""
    if verification is None:
        return None
    return {name: str(found["status"]) for name, found in verification["implementations"].items()}


def _figures(
    run: ServerData, measured: Measured, settings: Settings, conformance: Mapping[str, str] | None
) -> list[Embedded]:
    """Where the answer flips, if the share of decode can be moved, and what speaks for each mix."""
    load, made = settings.load, list[Embedded]()
    languages = {name: str(build.get("language", "")) for name, build in run.note["builds"].items()}
    try:
        answers = maps.flip_map(measured, settings, conformance)
    except Unknown:
        pass
    else:
        title = figures.flip_map_title(answers, load.calls)
        drawn = figures.flip_map(answers, load.calls, languages, title)
        made.append(embed(drawn, "flip-map", title, title, answers))
    matrix = maps.decision_matrix(measured, settings, conformance)
    title = figures.decision_matrix_title(matrix, settings.currency, load.years)
    said = " ".join(
        f"{row['mix']}: saves {wording.percent(row['cpu_saved'])}, nets {words.money(row['net'], settings.currency)}."
        for row in matrix.to_dict("records")
    )
    drawn = figures.decision_matrix(matrix, settings.currency, load.years, title)
    return [*made, embed(drawn, "decision-matrix", title, said, matrix)]


def embedded(data: Any) -> Markup:
    """Data as JSON that can stand within a script element: nothing in it can end the element or begin another."""
    return Markup(json.dumps(data, allow_nan=False).replace("<", "\\u003c"))


def data_of(
    found: Decision,
    measured: Measured,
    settings: Settings,
    conformance: Mapping[str, str] | None = None,
    curves: Curves | None = None,
) -> dict[str, Any] | None:
    """What the gates after G0 are asked with, as JSON has it; None if G0 leaves nothing to ask.

    `logs` has a list by worker for each mix, with None for NaN; `parts` has its server, boundary and implementation.
    `candidates` are what G0 and vetoes leave, `without_values` what there would be without vetoes. `own` is that of
    flips.own_parts, or None; `own_reason` says why the share cannot be moved, if it cannot. `curves` are those of
    flips.curves_of, each as `bytes` and `ns`, or None with `curves_reason`. `search` is how flip points are looked for.
    `controls` are the quantities that a reader can move, `values` those that were entered.
    """
    if G1 not in {step.gate for step in found.steps}:
        return None
    without_values = candidates(measured, replace(settings, values=()), conformance)
    mixes = [found.baseline, *without_values]
    own, own_reason = _own(measured, settings, conformance)
    scaled, curves_reason = _curves(curves, measured, settings, conformance)
    return {
        "baseline": measured.baseline,
        "candidates": [str(mix) for mix in candidates(measured, settings, conformance)],
        "without_values": [str(mix) for mix in without_values],
        "parts": {str(mix): list(parts_of(mix)) for mix in mixes},
        "logs": {str(mix): _logs(measured, str(mix)) for mix in mixes},
        "workers": measured.workers,
        "us": measured.us,
        "messages": measured.messages,
        "own": own,
        "own_reason": own_reason,
        "chunk_bytes": measured.chunk_bytes,
        "curves": scaled,
        "curves_reason": curves_reason,
        "servers": list(settings.servers),
        "boundaries": list(settings.boundaries),
        "ladder": list(settings.ladder),
        "ingest": INGEST,
        "tie": settings.gates.tie,
        "format": settings.load.format,
        "utilisation": settings.load.utilisation,
        "currency": settings.currency,
        "months": MONTHS,
        "prices": {
            part: {"once": settings.prices[part].once_days, "yearly": settings.prices[part].yearly_days}
            for part in settings.parts
        },
        "values": [
            {"name": value.name, "veto": list(value.veto), "yearly": dict(value.yearly)} for value in settings.entered
        ],
        "confidence": CONFIDENCE,
        "least_workers": MIN_WORKERS,
        "meanings": text.MEANINGS,
        "names": text.NAMES,
        "search": {
            "most_calls": MOST_CALLS,
            "most_share": MOST_SHARE,
            "most_days": MOST_DAYS,
            "points": POINTS,
            "exact": EXACT,
            "most_halvings": MOST_HALVINGS,
            "few_workers": FEW_WORKERS,
        },
        "zeroth": found.steps[0].text,
        "controls": _controls(measured, settings, None if own_reason else own),
    }


def _logs(measured: Measured, mix: str) -> list[float | None]:
    """The logarithms of a mix by worker; None where there is none, since JSON has no NaN."""
    return [log if math.isfinite(log) else None for log in measured.logs[mix].tolist()]


def _own(
    measured: Measured, settings: Settings, conformance: Mapping[str, str] | None
) -> tuple[dict[str, float] | None, str]:
    """What decode, buffer and journal cost every mix, or None; and why it cannot be moved, empty if it can."""
    own: dict[str, float] | None = None
    try:
        own = own_parts(measured, settings, conformance)
        # Refuses a part that is nothing or all of a message: no factor makes another share of it.
        with_share(measured, own, own[measured.baseline])
    except Unknown as reason:
        return own, str(reason)
    return own, ""


def _curves(
    curves: Curves | None, measured: Measured, settings: Settings, conformance: Mapping[str, str] | None
) -> tuple[dict[str, dict[str, list[float]]] | None, str]:
    """The curve of every mix, if there is one of each; else None and the reason."""
    try:
        if curves is None:
            raise Unknown(NO_MODEL)
        found = curves_of(curves, own_parts(measured, settings, conformance), measured, settings)
    except Unknown as reason:
        return None, str(reason)
    return {mix: {"bytes": list(curve), "ns": list(curve.values())} for mix, curve in found.items()}, ""


def _controls(measured: Measured, settings: Settings, own: Mapping[str, float] | None) -> list[dict[str, Any]]:
    """What a reader can move: load, prices, thresholds, the days of every part that is not there already, the share."""
    load, gates, currency = settings.load, settings.gates, settings.currency
    found = [
        _control(CALLS, text.NAMES[CALLS], load.calls, (1, MOST_CALLS), 0.05, log=True),
        _control("core_month", "A core with its memory, per month", settings.core_month, (0, 200), 1, currency),
        _control("day", "A day of an engineer", settings.day, (0, 2000), 10, currency),
        _control("years", "Years in use", load.years, (0.5, 20), 0.5),
        _control("gain", "CPU that a change has to save", gates.gain, (0, 0.9), 0.01, SHARE_OF_ONE),
        _control("probability", "With a probability of", gates.probability, (0.5, 0.995), 0.005, SHARE_OF_ONE),
    ]
    base = parts_of(Mix.parse(measured.baseline))
    for part in dict.fromkeys(settings.parts):
        if part not in base:
            days = settings.prices[part].yearly_days
            found.append(
                _control(
                    f"{DAYS}.{part}",
                    f"Days a year for {part} ({settings.prices[part].once_days:g} once)",
                    days,
                    (0, MOST_DAYS),
                    0.5,
                )
            )
    if own is not None:
        now = own[measured.baseline]
        found.append(_control(SHARE, text.NAMES[SHARE], now, (0, MOST_SHARE), 0.01, SHARE_OF_ONE))
    return found


def _control(
    key: str, label: str, now: float, ends: tuple[float, float], step: float, unit: str = "", *, log: bool = False
) -> dict[str, Any]:
    """A quantity `now`, between ends that are widened to hold it.

    `min`, `max`, `position` and `step` are of its slider, which has logarithms to the base 10 if `log` is set.
    """
    low, high = min(ends[0], now), max(ends[1], now)
    places = [math.log10(value) if log else value for value in (low, high, now)]
    slider = dict(zip(("min", "max", "position"), places, strict=True))
    quantity: dict[str, Any] = {"key": key, "label": label, "unit": unit, "now": now, "log": log}
    return quantity | slider | {"low": low, "high": high, "step": step}
