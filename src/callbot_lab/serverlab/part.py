"""What a run of whole servers puts into the report page and into documents: tables, sentences and figures."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from .. import figures, wording
from ..embed import Embedded, embed
from ..worker import NULL
from . import sentences
from .summary import ServerData, boundaries, capacities, costs, gains, parts, sampled


def page_part(run: ServerData, claimed: float) -> dict[str, Any]:
    """The part of the page: `lines`, `origin`, `warnings`, `cells` and `carried` (rows of words), `figures`.

    `claimed` is the ratio that the seed report multiplies its calls with.
    """
    table = costs(run)
    carried = {form: capacities(run, form=form) for form in sentences.searched_formats(run)}
    return {
        "lines": sentences.lines(run, claimed),
        "origin": sentences.origin(run),
        "status": run.note["status"],
        "warnings": run.note["warnings"],
        "baseline": run.baseline,
        "margin": wording.margin(run.note["definition"]["margin"]),
        "cells": [
            {"name": cell["name"], "calls": cell["calls"], "rows": cost_rows(run, table[table["cell"] == cell["name"]])}
            for cell in run.note["definition"]["cells"]
            if len(table) and (table["cell"] == cell["name"]).any()
        ],
        "carried": [
            {
                "format": form,
                "lag_ms": f"{sentences.lag_bound(run, form):g}",
                "rows": carried_rows(run, found, form),
            }
            for form, found in carried.items()
            if len(found)
        ],
        "sampled": sampled_rows(run),
        "lacking": [{"mix": mix, "reason": reason} for mix, reason in run.note["unusable"].items()]
        + [
            {"mix": fault["arm"], "reason": f"{fault['cell']}: {fault['status']}: {fault['reason']}"}
            for fault in run.note["faults"]
        ],
        "figures": drawn(run, table, carried, claimed),
    }


def cost_rows(run: ServerData, table: pd.DataFrame) -> list[dict[str, Any]]:
    """CPU per message of the mixes of a cell in words, the dearest first."""
    rows = []
    for row in table.sort_values("share", ascending=False).to_dict("records"):
        own = row["arm"] == run.baseline
        verdict = {"faster": "less", "slower": "more"}.get(row["verdict"], row["verdict"])
        rows.append(
            {
                "mix": row["arm"],
                "share": wording.ratio(row["share"]),
                "interval": "" if own else wording.interval(row["share_low"], row["share_high"]),
                "verdict": "baseline" if own else "null arm" if row["arm"] == NULL else verdict,
                "judged": not own and row["arm"] != NULL,
                "class": row["verdict"],
                "us": wording.number(row["us"]),
                "kernel": wording.percent(row["kernel"], 0),
            }
        )
    return rows


def sampled_rows(run: ServerData) -> list[dict[str, Any]]:
    """Where the time of servers was found, in words: a row a server, a column a place."""
    return [
        {
            "mix": mix,
            "load": f"{wording.number(calls)} {form} calls",
            "samples": f"{found['samples'].iloc[0]:,}",
            "shares": dict(zip(found["place"], map(partial(wording.percent, decimals=0), found["share"]), strict=True)),
        }
        for (mix, form, calls), found in sampled(run).groupby(["mix", "format", "calls"], sort=False)
    ]


def carried_rows(run: ServerData, carried: pd.DataFrame, form: str) -> list[dict[str, str]]:
    """Calls of a format per core in words, the fewest first."""
    rows, tried = [], {rung["mix"] for rung in run.note["held"] if rung["format"] == form}
    for row in carried.to_dict("records"):
        times = row["mix"] != run.baseline and wording.finite(row.get("times"))
        held = wording.finite(row["held"])
        rows.append(
            {
                "mix": row["mix"],
                "calls": wording.number(row["calls"]),
                "interval": wording.span(row["low"], row["high"]),
                "times": wording.ratio(row["times"]) if times else "",
                "times_interval": wording.interval(row["times_low"], row["times_high"]) if times else "",
                "searches": str(row["searches"]),
                "held": wording.number(row["held"]) if held else "none" if row["mix"] in tried else "not tried",
                "held_p99": wording.number(row["held_p99"]) if held else "",
                "held_share": wording.percent(row["held_share"], 0) if held else "",
            }
        )
    return rows


def drawn(run: ServerData, table: pd.DataFrame, carried: dict[str, pd.DataFrame], claimed: float) -> list[Embedded]:
    """The figures of which the run has the numbers."""
    cell, made = sentences.main_cell(run), list[Embedded]()
    pieces = with_language(run, parts(run, cell))
    if len(pieces):
        title = sentences.time_line(run) or "What a message costs, by its parts."
        picture = figures.message_parts(pieces, table[table["cell"] == cell].rename(columns={"arm": "mix"}), title)
        said = " ".join(f"{row['mix']}: {row['part']} {wording.percent(row['share'])}." for _, row in pieces.iterrows())
        made.append(embed(picture, "message-parts", title, said, pieces))
    found = with_language(run, gains(run, cell))
    if len(found):
        title = sentences.bound_line(run) or "What an implementation gains in a whole server."
        said = " ".join(
            f"{row['server']}+{row['implementation']}: share {wording.percent(row['share'])}, gain "
            f"{wording.ratio(row['gain'])}, bound {wording.ratio(row['bound'])}."
            for _, row in found.iterrows()
        )
        made.append(embed(figures.amdahl(found, claimed, title), "amdahl", title, said, found))
    marks = boundaries(run)
    if len(marks):
        title = sentences.boundary_line(run)
        said = " ".join(
            f"{row['panel']}: {row['arm']}, boundary at {row['boundary']}: {wording.ratio(1 / row['ratio'])}."
            for _, row in marks.iterrows()
        )
        picture = figures.boundary_costs(marks, run.baseline, title)
        made.append(embed(picture, "boundary-servers", title, said, marks))
    for form, calls in carried.items():
        if len(calls):
            title = sentences.best_line(run, form) or f"Calls of {form} that one core carries."
            rows = carried_rows(run, calls, form)
            said = " ".join(f"{row['mix']}: {row['calls']} calls ({row['interval']})." for row in rows)
            shown = with_language(run, calls)
            picture = figures.calls_carried(shown, run.baseline, title)
            made.append(embed(picture, f"calls-carried-{form}", title, said, shown))
    return made


def with_language(run: ServerData, table: pd.DataFrame) -> pd.DataFrame:
    """A table of mixes, or of servers and implementations, with the language of each row."""
    names = table["mix"] if "mix" in table else table["server"] + "+" + table["implementation"]
    return table.assign(language=[run.language(name) for name in names])


def costs_table(run: ServerData) -> str:
    """CPU per message by mix and cell, in Markdown: a row a mix, a column a cell."""
    table = costs(run)
    cells = list(dict.fromkeys(table["cell"]))
    rows = []
    for mix in table.groupby("arm")["share"].mean().sort_values(ascending=False).index:
        own = table[table["arm"] == mix].set_index("cell")
        found = [_share(own.loc[cell], mix == run.baseline) if cell in own.index else "" for cell in cells]
        rows.append([f"`{mix}`" if mix != NULL else "null arm", *found])
    said = f"CPU time of the server per message as a share of that of `{run.baseline}`, with the 95 % interval."
    return f"{said}\n\n{wording.table(['mix', *cells], rows)}"


def gains_table(run: ServerData) -> str:
    """What each implementation gains in each server, beside the bound, in Markdown."""
    rows = [
        [
            f"`{row['server']}`",
            f"`{row['implementation']}`",
            f"{wording.percent(row['share'], 0)} ({wording.percent(row['share_low'], 0)} to "
            f"{wording.percent(row['share_high'], 0)})",
            f"{wording.ratio(row['gain'])} ({wording.interval(row['gain_low'], row['gain_high'])})",
            wording.ratio(row["bound"]),
        ]
        for _, row in gains(run, sentences.main_cell(run)).iterrows()
    ]
    heads = ["server and parser", "implementation", "share of Python's decode, buffer, journal", "gain", "bound"]
    return wording.table(heads, rows)


def boundary_table(run: ServerData) -> str:
    """CPU per message by where compiled code begins and by implementation, in Markdown: a row a boundary of a cell."""
    marks = boundaries(run)
    arms = list(dict.fromkeys(marks["arm"]))
    rows = []
    for panel, there in marks.groupby("panel", sort=False):
        for place, found in there.groupby("boundary", sort=False):
            own = found.set_index("arm")
            said = [_as_share(own.loc[arm]) if arm in own.index else "" for arm in arms]
            rows.append([str(panel), str(place), *said])
    heads = ["cell", "boundary", *(f"`{arm}`" for arm in arms)]
    head = f"CPU time of the server per message as a share of that of `{run.baseline}`, with the 95 % interval."
    return f"{head}\n\n{wording.table(heads, rows)}\n\n{sentences.boundary_line(run)}"


def sampled_table(run: ServerData) -> str:
    """Where the time of servers was found under load, in Markdown: a row a server, a column a place."""
    found = sampled_rows(run)
    places = list(dict.fromkeys(place for row in found for place in row["shares"]))
    rows = [
        [f"`{row['mix']}`", row["load"], *(row["shares"].get(place, "") for place in places), row["samples"]]
        for row in found
    ]
    return wording.table(["mix", "load", *places, "samples"], rows)


def carried_tables(run: ServerData) -> str:
    """Calls of each format that one core carries, and CPU per message there, in Markdown: a table a format."""
    return "\n\n".join(
        f"Calls of {form}, the lag's 99th percentile under {sentences.lag_bound(run, form):g} ms:\n\n"
        f"{answer_table(run, form)}"
        for form in sentences.searched_formats(run)
    )


def answer_table(run: ServerData, form: str = "") -> str:
    """Calls of a format (by default the first) that one core carries, and CPU per message in the format's paced cell,
    in Markdown; of the mixes that were searched."""
    form = form or sentences.searched_formats(run)[0]
    table = costs(run)
    table = table[table["cell"] == sentences.cell_of(run, form)].set_index("arm")
    rows = []
    for row in carried_rows(run, capacities(run, form=form), form):
        cost = _share(table.loc[row["mix"]], row["mix"] == run.baseline) if row["mix"] in table.index else "-"
        times = f"{row['times']} ({row['times_interval']})" if row["times"] else "1"
        held = f"{row['held']} (p99 {row['held_p99']} ms)" if row["held_p99"] else row["held"]
        rows.append([f"`{row['mix']}`", cost, f"{row['calls']} ({row['interval']})", times, held])
    heads = [
        "server + parser + implementation",
        "CPU per message",
        "calls one core carries",
        "times",
        "held for a minute",
    ]
    return wording.table(heads, rows)


def _as_share(row: pd.Series) -> str:
    """How many times as fast something is, told as the share of the time that it takes."""
    if row["low"] == row["high"] == 1:
        return "1"
    return f"{wording.ratio(1 / row['ratio'])} ({wording.interval(1 / row['high'], 1 / row['low'])})"


def _share(row: pd.Series, own: bool) -> str:
    if own:
        return "1"
    return f"{wording.ratio(row['share'])} ({wording.interval(row['share_low'], row['share_high'])})"
