"""What a run of the experiment `server` found, in sentences computed from it.

The first two answer the seed report; none of them says more than the run has numbers for.
"""

from __future__ import annotations

import pandas as pd

from .. import boundary, wording
from ..worker import NULL
from .definition import BEST, FAST, SLOW
from .sampled import OTHER
from .summary import ServerData, boundaries, capacities, costs, gains, parts, ratio_of_costs, sampled

MEANINGS = {
    "receive": "into receiving it (socket, frame, framework)",
    "parse": "into parsing",
    "store": "into decode, buffer and journal",
    "ingest": "into the message, from its text to the buffer, and the journal",
}
"""Where the time goes, by the parts of a message's cost."""

LEAST_SHARE = 0.01
"""Share of the samples below which a place is not told of."""


def lines(run: ServerData, claimed: float) -> list[str]:
    """Everything that the run can say; `claimed` is the seed report's ratio."""
    found = [cost_line(run, claimed), calls_line(run, claimed)]
    found += [best_line(run, form) for form in searched_formats(run)]
    found += [time_line(run), sampled_line(run), bound_line(run), boundary_line(run)]
    return [line for line in (*found, noise_line(run)) if line]


def searched_formats(run: ServerData) -> list[str]:
    """The formats whose calls per core were searched for, the main one first."""
    return [part["format"] for part in run.note["definition"]["capacity"]]


def main_cell(run: ServerData) -> str:
    """The cell that sentences are about: the first."""
    return str(run.note["definition"]["cells"][0]["name"])


def cell_of(run: ServerData, form: str) -> str:
    """The first cell of a format; empty if none was measured."""
    cells = run.note["definition"]["cells"]
    return next((str(cell["name"]) for cell in cells if cell["format"] == form), "")


def lag_bound(run: ServerData, form: str) -> float:
    """Milliseconds under which the 99th percentile of the lag of a format has to be."""
    return next(float(part["lag_ms"]) for part in run.note["definition"]["capacity"] if part["format"] == form)


def cost_line(run: ServerData, claimed: float) -> str:
    """What the report's Rust design saves of a message in its server."""
    roles = run.note["definition"]["report"]
    found = ratio_of_costs(run, main_cell(run), roles[FAST], roles[SLOW])
    if found is None:
        return ""
    said = (
        f"not {wording.ratio(claimed)} times"
        if found[2] < claimed
        else f"the report says {wording.ratio(claimed)} times"
    )
    return (
        f"In the server that the report names, {roles[SLOW]} takes {_times(found)} the CPU time of {roles[FAST]} for a "
        f"message; {said}."
    )


def calls_line(run: ServerData, claimed: float) -> str:
    """What the report's two designs carry, against its "1,000 against 2,660"."""
    roles, table = run.note["definition"]["report"], _by_mix(run)
    if table.empty or not {roles[SLOW], roles[FAST]} <= set(table.index):
        return ""
    times = times_carried(run, roles[FAST], roles[SLOW])
    slow, fast = (_carries(table.loc[roles[role]]) for role in (SLOW, FAST))
    if times[2] < claimed:
        said = f"that does not support {wording.ratio(claimed)} times as many"
    elif times[1] > claimed:
        said = f"that is more than the {wording.ratio(claimed)} times that the report says"
    else:
        said = f"that does not contradict the {wording.ratio(claimed)} times that the report says"
    both = f"{slow} calls with {roles[SLOW]} and {fast} with {roles[FAST]}"
    return f"One core carries {both}, {_times(times)} as many: {said}."


def best_line(run: ServerData, form: str = "") -> str:
    """What the fastest mix carries of a format, against the baseline in the same searches."""
    form = form or searched_formats(run)[0]
    roles, table = run.note["definition"]["report"], _by_mix(run, form)
    if table.empty or roles[BEST] not in table.index or "times" not in table:
        return ""
    row = table.loc[roles[BEST]]
    times = (row["times"], row["times_low"], row["times_high"])
    said = f"{roles[BEST]} carries {_carries(row)} {form} calls, {_times(times)} as many as {run.baseline}"
    if not wording.finite(row["held"]):
        return f"{said}; no load of it was held for longer."
    return (
        f"{said}. It held {wording.number(row['held'])} calls for {run.note['profile']['hold_seconds']:.0f} seconds: "
        f"nothing was lost, the 99th percentile of the lag was {wording.number(row['held_p99'])} ms, and "
        f"{wording.percent(row['held_share'], 0)} of the core was used."
    )


def carried_lines(run: ServerData) -> list[str]:
    """What a core carries of each format: with the baseline, with the report's two designs, with the best."""
    roles, said = run.note["definition"]["report"], list[str]()
    wanted = dict.fromkeys([run.baseline, roles[SLOW], roles[FAST], roles[BEST]])
    for form in searched_formats(run):
        table = _by_mix(run, form)
        mixes = [mix for mix in wanted if mix in table.index]
        if not mixes:
            continue
        parts = [f"{_carries(table.loc[mix])} with {mix}" for mix in mixes]
        held, seconds = table.loc[mixes[-1]], run.note["profile"]["hold_seconds"]
        end = (
            f"; {mixes[-1]} held {wording.number(held['held'])} for {seconds:.0f} seconds"
            if wording.finite(held["held"])
            else ""
        )
        said.append(
            f"{form}, the lag's 99th percentile under {lag_bound(run, form):g} ms: {wording.listing(parts)}{end}."
        )
    return said


def time_line(run: ServerData) -> str:
    """Where the time of the fastest mix goes."""
    mix, cell = run.note["definition"]["report"][BEST], main_cell(run)
    table = parts(run, cell)
    table, share = table[table["mix"] == mix], ratio_of_costs(run, cell, run.baseline, mix)
    if table.empty or share is None:
        return ""
    # Parts are means of shares, and add up to a little more than the ratio that stands everywhere else.
    together = table["share"].sum()
    said = [f"{wording.percent(row['share'] / together, 0)} {MEANINGS[row['part']]}" for _, row in table.iterrows()]
    return (
        f"A message costs {mix} {wording.percent(share[0], 0)} of what it costs {run.baseline}; of that time goes "
        f"{wording.listing(said)}."
    )


def sampled_line(run: ServerData) -> str:
    """Where the time of the fastest mix was found under load."""
    table = sampled(run)
    table = table[(table["mix"] == run.note["definition"]["report"][BEST]) & (table["share"] >= LEAST_SHARE)]
    if table.empty:
        return ""
    first = table[table["format"] == table["format"].iloc[0]].sort_values("share", ascending=False)
    row = first.iloc[0]
    shares = zip(first["place"], first["share"], strict=True)
    said = [
        f"{wording.percent(share, 0)} {'elsewhere' if place == OTHER else f'in the {place}'}" for place, share in shares
    ]
    return (
        f"With {wording.number(row['calls'])} {row['format']} calls it was seen {wording.listing(said)} "
        f"({row['samples']:,} samples of its CPU time)."
    )


def boundary_line(run: ServerData) -> str:
    """Which moves what a whole server spends on a message more: where compiled code begins, or its language."""
    marks = boundaries(run)
    return f"Whole servers: {boundary.title(marks)}" if len(marks) else ""


def bound_line(run: ServerData) -> str:
    """How much there was to gain in the baseline, were its decoder free."""
    table = gains(run, main_cell(run))
    server = run.baseline.rpartition("+")[0]
    table = table[table["server"] == server]
    if table.empty:
        return ""
    row = table.iloc[0]
    return (
        f"In {run.baseline} decode, buffer and journal are {wording.percent(row['share'], 0)} "
        f"({wording.percent(row['share_low'], 0)} to {wording.percent(row['share_high'], 0)}) of a message: were they "
        f"free, it would be {wording.ratio(row['bound'])} times as cheap and no more."
    )


def noise_line(run: ServerData) -> str:
    """What the baseline against itself says about how small a difference can be told."""
    table = costs(run)
    null = table[(table["cell"] == main_cell(run)) & (table["arm"] == NULL)] if len(table) else table
    if null.empty:
        return ""
    row = null.iloc[0]
    return (
        f"The baseline's server against itself (the null arm) gives {wording.ratio(row['share'])} "
        f"({wording.interval(row['share_low'], row['share_high'])}): smaller differences in CPU per message "
        f"cannot be told here."
    )


def times_carried(run: ServerData, mix: str, against: str) -> tuple[float, float, float]:
    """How many times the calls of one mix another carries, search by search, with the interval."""
    row = capacities(run, against).set_index("mix").loc[mix]
    return float(row["times"]), float(row["times_low"]), float(row["times_high"])


def origin(run: ServerData) -> str:
    """Where the numbers come from, in one sentence."""
    return wording.origin(run.note["workers"], run.note["profile"]["name"], run.note["environment"])


def _by_mix(run: ServerData, form: str = "") -> pd.DataFrame:
    table = capacities(run, form=form)
    return table.set_index("mix") if len(table) else table


def _carries(row: pd.Series) -> str:
    return f"{wording.number(row['calls'])} ({wording.span(row['low'], row['high'])})"


def _times(found: tuple[float, float, float]) -> str:
    return f"{wording.ratio(found[0])} times ({wording.interval(found[1], found[2])})"
