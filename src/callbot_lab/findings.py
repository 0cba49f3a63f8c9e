"""The tables of docs/findings.md: language, algorithm, steps, binding and size, each from a run.

Every function takes a run and its summary (summary.summarise) and returns Markdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from . import ablation, costsummary, summary, wording
from .ablation import Chain
from .costmodel import cost_model
from .figures.style import ratios
from .operations import Needs, operation_of
from .results import RunData
from .worker import EMPTY, NULL


def language(run: RunData, table: pd.DataFrame) -> str:
    """How many times as fast the same kernel is in one language as in another: a row a cell, a column a kernel."""
    pairs = _matched(run, table)
    if pairs.empty:
        return "No kernel was measured in two languages."
    kernels = list(dict.fromkeys(pairs["kernel"]))
    rows = []
    for where, cells in pairs.groupby("where", sort=False):
        found = {row["kernel"]: _estimate(row) for _, row in cells.iterrows()}
        rows.append([str(where), *(found.get(kernel, wording.NO_NUMBER) for kernel in kernels)])
    first = pairs.iloc[0]
    said = f"How many times as fast {first['language']} is as {first['other']}, with the 95 % interval."
    return f"{said}\n\n{wording.table(['where', *kernels], rows)}"


def algorithm(run: RunData, table: pd.DataFrame) -> str:
    """How many times as fast every arm is as the baseline where kernels meet: a row an arm, a column a cell."""
    experiments = list(dict.fromkeys(_matched(run, table)["experiment"]))
    parts = []
    for name in experiments:
        rows = table[(table["experiment"] == name) & (table["status"] == summary.MEASURED)]
        # Bounds too, such as a bare copy; but for the loop around nothing, which is none of a decoder.
        rows = rows[~rows["arm"].isin([NULL, EMPTY])].sort_values("ratio", ascending=False, kind="stable")
        cells = summary.cells_of(table, name)
        wheres = [summary.describe(rows[rows["cell"] == cell].iloc[0]) for cell in cells]
        lines = []
        for arm, found in rows.groupby("arm", sort=False):
            by_cell = {row["cell"]: wording.ratio(row["ratio"]) for _, row in found.iterrows()}
            lines.append([f"`{arm}`", *(by_cell.get(cell, wording.NO_NUMBER) for cell in cells)])
        said = f"How many times as fast as `{rows['baseline'].iloc[0]}`."
        parts.append(f"{said}\n\n{wording.table(['arm', *wheres], lines)}")
    return "\n\n".join(parts) or "No kernels were measured side by side."


def steps(run: RunData, table: pd.DataFrame) -> str:
    """The steps of every ablation in its first cell, each against the one before, and what they come to."""
    parts = []
    for experiment in run.note["experiments"]:
        made = ablation.chain(run, table, experiment, experiment["cells"][0]) if experiment.get("steps") else None
        if made is None:
            continue
        rows = []
        for _, step in made.steps.iterrows():
            own = _estimate(step) if step["against"] else ""
            shown = step["status"] == summary.MEASURED
            total = wording.ratio(step["total"]) if shown else step["status"]
            rows.append([ablation.label(step), f"`{step['arm']}`", own, total, step["meaning"]])
        heads = ["change", "arm", "times as fast as the step before", "as the first", "what changes"]
        parts.append("\n\n".join([f"{made.where}:", wording.table(heads, rows), *ablation.lines(made)]))
    return "\n\n".join(parts) or "No ablation was measured."


def binding(run: RunData, table: pd.DataFrame) -> str:
    """How many times as fast every rung of the ladder is as the baseline's, by arm: a row a rung."""
    parts = []
    for experiment in run.note["experiments"]:
        cells = [cell for cell in experiment["cells"] if cell["name"] in summary.cells_of(table, experiment["name"])]
        if not any(operation_of("", cell["operation"]).needs is Needs.LADDER for cell in cells):
            continue
        rows = summary.competitors(table, experiment["name"])
        arms = [arm for arm in experiment["arms"] if arm in set(rows["arm"])]
        lines = []
        for cell in cells:
            found = {row["arm"]: _estimate(row) for _, row in rows[rows["cell"] == cell["name"]].iterrows()}
            lines.append([summary.describe(cell), *(found.get(arm, wording.NO_NUMBER) for arm in arms)])
        said = f"How many times as fast as `{experiment['baseline']}`, with the 95 % interval."
        parts.append(f"{said}\n\n{wording.table(['rung', *(f'`{arm}`' for arm in arms)], lines)}")
    return "\n\n".join(parts) or "No ladder was measured."


def sizes(run: RunData, table: pd.DataFrame) -> str:
    """The cost model of every experiment that has one: half sizes, cost per byte, whether it holds, and crossovers."""
    parts = []
    for experiment in run.note["experiments"]:
        model = cost_model(run, experiment["name"])
        if model is None:
            continue
        rows = [
            [
                f"`{row['arm']}`",
                f"{row['half']} ({row['half_span']})",
                f"{row['per_byte_ratio']} ({row['per_byte_ratio_span']})" if row["per_byte_ratio_span"] else "-",
                row["holds"],
            ]
            for row in costsummary.fit_rows(model)
        ]
        base = experiment["baseline"]
        heads = ["arm", "size at which half is the call, B", f"bytes per time, against `{base}`", "the line, held out"]
        said = [*costsummary.crossing_lines(model), costsummary.others_line(model)]
        parts.append("\n\n".join([wording.table(heads, rows), *(line for line in said if line)]))
    return "\n\n".join(parts) or "No sizes were compared."


def machines(runs: Sequence[tuple[RunData, pd.DataFrame]]) -> str:
    """The same comparisons on the machines of several runs, each with its summary: a row a run, nothing mixed.

    Columns: the seed report's two designs, the step of the ablation that is the language and nothing else, and, for
    every kernel that is written in two languages, the range of the one against the other over the cells.
    """
    found = [(run, _matched(run, table), first_chain(run, table)) for run, table in runs]
    kernels = sorted({kernel for _, pairs, _ in found for kernel in pairs["kernel"]})
    rows, compared = [], list[str]()
    for run, pairs, made in found:
        step = made.step(ablation.LANGUAGE) if made else None
        cells = [_range(pairs[pairs["kernel"] == kernel]) for kernel in kernels]
        gain = made.gain if made else None
        report = f"{wording.ratio(gain.value)} ({wording.interval(gain.low, gain.high)})" if gain else wording.NO_NUMBER
        language = _estimate(step) if step is not None else wording.NO_NUMBER
        rows.append([f"`{run.folder.name}`", run.note["environment"]["cpu"]["name"], report, language, *cells])
        compared += [f"{row['language']} against {row['other']}" for row in pairs[:1].to_dict("records")]
    heads = ["run", "CPU", "the report's two designs", "the language alone", *kernels]
    said = (
        f"How many times as fast. The language alone: the report's Rust design against the same in Cython. Kernels: "
        f"{wording.listing(list(dict.fromkeys(compared)))}, the least and the most over the cells of the table above."
    )
    return f"{said}\n\n{wording.table(heads, rows)}"


PARTS = {"language": language, "algorithm": algorithm, "steps": steps, "binding": binding, "sizes": sizes}
"""The tables by the name of the part."""


def first_chain(run: RunData, table: pd.DataFrame) -> Chain | None:
    """The ablation of a run in its first cell; None if it has none."""
    for experiment in run.note["experiments"]:
        if experiment.get("steps"):
            return ablation.chain(run, table, experiment, experiment["cells"][0])
    return None


def _matched(run: RunData, table: pd.DataFrame) -> pd.DataFrame:
    """The pairs of the experiments that match more than one kernel."""
    pairs = summary.same_kernel(run, table)
    models = [each["name"] for each in run.note["experiments"] if any(cell.get("model") for cell in each["cells"])]
    pairs = pairs[~pairs["experiment"].isin(models)]
    return pairs[pairs.groupby("experiment")["kernel"].transform("nunique") > 1]


def _range(pairs: pd.DataFrame) -> str:
    """The least and the most ratio of pairs."""
    return ratios(pairs["ratio"]) if len(pairs) else wording.NO_NUMBER


def _estimate(row: Any) -> str:
    """A ratio with its interval."""
    return f"{wording.ratio(row['ratio'])} ({wording.interval(row['low'], row['high'])})"
