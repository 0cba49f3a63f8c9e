"""What the counts of `instructions` say: kernels by byte of audio, and what a call costs beyond native code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from .. import wording
from ..embed import embed
from ..figures.instructions import cell_of, instruction_counts, where
from ..figures.style import percents, ratios
from ..registry import Status
from ..workload import parse_size
from .instructions import METHODS
from .shown import Shown, ShownTable

CELL = ["operation", "size"]
KEYS = ["arm", *CELL]

WHOLE, NATIVE = "instructions", "native_instructions"
EVENTS = [WHOLE, "branches", NATIVE, "native_branches"]

COLUMNS = [*KEYS, "kernel", "method", *EVENTS, "repetitions"]
"""Of per_chunk."""

PAIR = [*CELL, "kernel", "arm", "against", "language", "other", "needs", "other_needs", "ratio"]
"""Columns of same_kernel."""

DECODING = ("decode", "callbot")
"""The cell in which kernels are ranked: little but a kernel runs there."""

HEADS = ("arm", "kernel", "method", "instructions", "branches", "native instructions", "native branches")


def per_chunk(rows: pd.DataFrame) -> pd.DataFrame:
    """Medians over repetitions, a row for each arm, operation and size that was counted; columns COLUMNS.

    Native counts are NaN where the method cannot tell them. An arm whose repetitions have several methods has the
    counts of the best one only, since those of others are not the same thing.
    """
    ready = rows[rows["status"] == Status.READY.value]
    if ready.empty:
        return pd.DataFrame(columns=COLUMNS)
    order = {name: place for place, name in enumerate(METHODS)}
    ready = ready.assign(place=ready["method"].map(order).fillna(len(order)))
    ready = ready[ready["place"] == ready.groupby(KEYS)["place"].transform("min")]
    groups = ready.astype(dict.fromkeys(EVENTS, float)).groupby(KEYS, sort=True)
    found = groups[["kernel", "method"]].first().join(groups[EVENTS].median())
    return found.assign(repetitions=groups.size()).reset_index()[COLUMNS]


def basis_of(counted: pd.DataFrame) -> str:
    """The count by which kernels are compared: the native one, or that of the whole call if no method tells it."""
    return NATIVE if counted[NATIVE].notna().any() else WHOLE


def same_kernel(counted: pd.DataFrame, arms: Sequence[str], languages: Mapping[str, str]) -> pd.DataFrame:
    """The same kernel in two languages, in every cell: instructions per byte of audio, and their ratio.

    `needs` is that of `arm`, in `language`; `other_needs` that of `against`, in `other`; `ratio` is the one over the
    other, so below 1 the arm needs fewer. Of a language the first arm in `arms` that has the kernel counts: variants
    of binding or design come later there. Arms without native code are left out.
    """
    basis, place = basis_of(counted), {arm: number for number, arm in enumerate(arms)}
    made: list[dict[str, Any]] = []
    for (operation, size, kernel), rows in counted[counted[basis] > 0].groupby([*CELL, "kernel"], sort=True):
        firsts: dict[str, dict[str, Any]] = {}
        for row in sorted(rows.to_dict("records"), key=lambda one: (place.get(one["arm"], len(place)), one["arm"])):
            if spoken := languages.get(row["arm"]):
                firsts.setdefault(spoken, row)
        for other, language in combinations(firsts, 2):
            arm, against = firsts[language], firsts[other]
            if basis == WHOLE and arm["method"] != against["method"]:
                continue
            needs, other_needs = (one[basis] / _bytes(size) for one in (arm, against))
            names = [operation, size, kernel, arm["arm"], against["arm"], language, other]
            made.append(dict(zip(PAIR, [*names, needs, other_needs, needs / other_needs], strict=True)))
    return pd.DataFrame(made, columns=PAIR)


def lacking(rows: pd.DataFrame, counted: pd.DataFrame) -> pd.DataFrame:
    """The rows of arms that have no count in a cell, one each, with status and reason."""
    there = set(_keys(counted))
    others = rows[rows["status"] != Status.READY.value].drop_duplicates(KEYS)
    return others[np.array([key not in there for key in _keys(others)], dtype=bool)].sort_values(KEYS)


def shown(rows: pd.DataFrame, definition: Mapping[str, Any], languages: Mapping[str, str]) -> Shown:
    """The sentences, a table for each cell and one of what was not counted, and a figure of one cell."""
    counted, arms = per_chunk(rows), list(definition["arms"])
    lost = lacking(rows, counted)
    tables = _tables(counted, lost, arms)
    if counted.empty:
        return Shown(["Nothing was counted.", *_without(rows, lost, arms)], tables=tables)
    pairs = same_kernel(counted, arms, languages)
    said = [*lines(rows, counted, pairs, arms), *_without(rows, lost, arms)]
    message = title(counted, pairs)
    drawn = instruction_counts(counted, languages, message)
    own = _of(counted, cell_of(counted))
    return Shown(said, [embed(drawn, "instructions-counts", message, alternative(counted), own)], tables)


def title(counted: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """The message of the figure: whether kernel or language moves the count more, in its cell."""
    cell = cell_of(counted)
    here = _of(pairs, cell)
    if here.empty:
        own = _of(counted, cell)[WHOLE]
        return f"{where(*cell)}: a chunk takes {wording.span(own.min(), own.max())} instructions, depending on the arm."
    by_language = np.exp(np.log(here["ratio"]).abs())
    said = f"he same kernel in two languages differs by a factor of {ratios(by_language)} in instructions"
    said += f" {_what(counted)}"
    if here["kernel"].nunique() < 2:
        return f"T{said}; only one kernel was counted in both."
    sides = [here[["language", "needs"]], here[["other", "other_needs"]].set_axis(["language", "needs"], axis=1)]
    needs = pd.concat(sides).groupby("language")["needs"]
    by_kernel = needs.max() / needs.min()
    lead = "The kernel matters more than the language: t" if by_kernel.min() > by_language.max() else "T"
    return f"{lead}{said}, those kernels in one language by {ratios(by_kernel)}."


def alternative(counted: pd.DataFrame) -> str:
    """What the figure shows, for those who do not see it."""
    own = _of(counted, cell_of(counted)).sort_values([WHOLE, "arm"])
    parts = [
        f"{row['arm']} {wording.number(row[WHOLE])}, native {wording.number(row[NATIVE])}"
        for row in own.to_dict("records")
    ]
    return f"Instructions of a chunk, {where(*cell_of(counted))}: {'; '.join(parts)}."


def lines(rows: pd.DataFrame, counted: pd.DataFrame, pairs: pd.DataFrame, arms: Sequence[str]) -> list[str]:
    """What the counts say, in sentences; `pairs` is same_kernel of them, `arms` those that were asked for, in order."""
    said = [
        *_kernel_lines(counted, pairs),
        _ranked(counted),
        _beyond(counted),
        _without_native(counted),
        _whole(counted, arms),
        _repeated(rows, counted),
        "A count is no time: a vector instruction counts as much as a look-up in a table, and caches do not show.",
    ]
    return [line for line in said if line]


def _kernel_lines(counted: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """The same kernel in two languages, by byte of audio, a sentence for each two arms."""
    if pairs.empty:
        return ["No kernel was counted in two languages by a count that can be compared."]
    what = _what(counted)
    made = []
    for (kernel, against, arm), own in pairs.groupby(["kernel", "against", "arm"], sort=True):
        cells = [
            f"{where(row['operation'], row['size'])}: {wording.number(row['needs'])} and "
            f"{wording.number(row['other_needs'])}"
            for row in own.to_dict("records")
        ]
        made.append(
            f"With the same kernel ({kernel}) {arm} needs {ratios(own['ratio'])} times as many instructions {what} as "
            f"{against}. Per byte of audio, {arm} and {against}: {'; '.join(cells)}."
        )
    return made


def _ranked(counted: pd.DataFrame) -> str:
    """All kernels by byte of audio, each with the arm in which it takes the fewest instructions."""
    basis, cell = basis_of(counted), cell_of(counted, DECODING)
    own = _of(counted, cell)
    own = own[own[basis] > 0].sort_values([basis, "arm"]).drop_duplicates("kernel")
    if len(own) < 2 or (basis == WHOLE and own["method"].nunique() > 1):
        return ""
    size = _bytes(cell[1])
    parts = [f"{row['kernel']} {wording.number(row[basis] / size)} ({row['arm']})" for row in own.to_dict("records")]
    apart = " What the C library does, such as a copy, is in none of them." if basis == NATIVE else ""
    said = f"All kernels, instructions {_what(counted)} per byte of audio, {where(*cell)}: {wording.listing(parts)}."
    return said + apart


def _beyond(counted: pd.DataFrame) -> str:
    """What a call takes outside of native code, by cell and method."""
    own = counted[counted[NATIVE] > 0]
    own = own.assign(beyond=own[WHOLE] - own[NATIVE], share=1 - own[NATIVE] / own[WHOLE])
    parts = []
    for (operation, size, method), here in own.groupby([*CELL, "method"], sort=True):
        here = here.sort_values(["beyond", "arm"])
        ends = [f"{wording.number(row['beyond'])} ({row['arm']})" for row in here.iloc[[0, -1]].to_dict("records")]
        span = " to ".join(dict.fromkeys(ends))
        parts.append(f"{where(operation, size)}, {method}: {span}, {percents(here['share'])} of all")
    if not parts:
        return ""
    return f"Beyond native code, in the interpreter and the C library, a call takes instructions: {'; '.join(parts)}."


def _without_native(counted: pd.DataFrame) -> str:
    arms = sorted(set(counted.loc[counted[NATIVE] == 0, "arm"]))
    if not arms:
        return ""
    return f"No package's native code runs in {wording.listing(arms)}: the interpreter and the C library do it all."


def _whole(counted: pd.DataFrame, arms: Sequence[str]) -> str:
    """The whole calls of a cell against that of the first arm, of those that were counted by the same method."""
    cell = cell_of(counted)
    own = _of(counted, cell).set_index("arm")
    base = next((arm for arm in arms if arm in own.index), None)
    if base is None:
        return ""
    method, most = own.at[base, "method"], own.at[base, WHOLE]
    shares = (own[WHOLE] / most)[(own["method"] == method) & (own.index != base)].sort_values(kind="stable")
    if shares.empty:
        return ""
    ends = [f"{wording.percent(share)} ({arm})" for arm, share in shares.iloc[[0, -1]].items()]
    more = list(shares.index[shares >= 1])
    fewer = f"; not fewer: {wording.listing(more)}" if more else ""
    return (
        f"A whole call takes {wording.number(most)} instructions with {base} ({where(*cell)}, {method}); the others "
        f"that were counted so, references and bounds too, take {' to '.join(dict.fromkeys(ends))} of that{fewer}."
    )


def _repeated(rows: pd.DataFrame, counted: pd.DataFrame) -> str:
    """How many counts there are of the same, and how far they differ."""
    numbers = [int(number) for number in counted["repetitions"]]
    if max(numbers) < 2:
        return "Every count is of one process: too few to say how far counts differ from one to the next."
    ready = rows[rows["status"] == Status.READY.value].merge(counted[[*KEYS, "method"]], on=[*KEYS, "method"])
    groups = ready.groupby(KEYS)[WHOLE]
    far = ((groups.max() - groups.min()) / groups.median()).max()
    return (
        f"Counts are medians of {wording.spread(numbers, 'repetition')}, each in a process of its own; those of one "
        f"arm differ by {wording.percent(far, 2)} at most, so there are no intervals."
    )


def _without(rows: pd.DataFrame, lost: pd.DataFrame, arms: Sequence[str]) -> list[str]:
    """What has no count."""
    said = []
    if len(lost):
        cells = lost.groupby("arm", sort=True).size()
        parts = [f"{arm} in {wording.count(int(number), 'cell')}" for arm, number in cells.items()]
        said.append(f"Without a count: {wording.listing(parts)}; the last table has the reasons.")
    if absent := [arm for arm in arms if arm not in set(rows["arm"])]:
        said.append(f"Not in this run, or no job of it brought anything: {wording.listing(absent)}.")
    return said


def _tables(counted: pd.DataFrame, lost: pd.DataFrame, arms: Sequence[str]) -> list[ShownTable]:
    """A table for each cell, its arms in the order of `arms`, and one with the reasons for what was not counted."""
    place = {arm: number for number, arm in enumerate(arms)}
    cells = sorted({*zip(counted["operation"], counted["size"], strict=True), *_cells(lost)})
    made = []
    for cell in cells:
        found = [[row["arm"], *_cells_of(row)] for row in _of(counted, cell).to_dict("records")]
        nothing = [wording.NO_NUMBER] * len(EVENTS)
        found += [[row["arm"], row["kernel"], row["status"], *nothing] for row in _of(lost, cell).to_dict("records")]
        found.sort(key=lambda line: (place.get(line[0], len(place)), line[0]))
        caption = f"A chunk, {where(*cell)}. Counts in all of different methods are not to be compared."
        made.append(ShownTable(caption, HEADS, found))
    reasons = []
    for (arm, status, reason), own in lost.groupby(["arm", "status", "reason"], sort=True):
        names = "; ".join(where(*cell) for cell in _cells(own))
        reasons.append([str(arm), str(status), names, str(reason)])
    if reasons:
        made.append(ShownTable("What was not counted.", ("arm", "status", "cells", "reason"), reasons, numbers=False))
    return made


def _cells_of(row: Mapping[str, Any]) -> list[str]:
    return [row["kernel"], row["method"], *(wording.number(row[name]) for name in EVENTS)]


def _cells(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["operation"], rows["size"], strict=True))


def _keys(rows: pd.DataFrame) -> list[tuple[str, str, str]]:
    return list(zip(rows["arm"], rows["operation"], rows["size"], strict=True))


def _of(rows: pd.DataFrame, cell: tuple[str, str]) -> pd.DataFrame:
    """The rows of a cell."""
    return rows[(rows["operation"] == cell[0]) & (rows["size"] == cell[1])]


def _bytes(size: str) -> int:
    """Bytes of audio in a chunk."""
    return parse_size(size).chunk_bytes


def _what(counted: pd.DataFrame) -> str:
    """What is counted where kernels are compared, in words."""
    return "of native code" if basis_of(counted) == NATIVE else "of the whole call"
