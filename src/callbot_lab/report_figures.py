"""The figures of a run's experiments as the report page has them, each with its message and its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from . import ablation, boundary, costsummary, figures, summary, wording
from .ablation import Chain
from .costmodel import CostModel
from .embed import Embedded, embed
from .operations import Needs, operation_of
from .report_words import alternative
from .results import RunData


def figures_of(
    run: RunData,
    table: pd.DataFrame,
    kernels: pd.DataFrame,
    chains: Mapping[str, Sequence[Chain]],
    models: Mapping[str, CostModel],
) -> dict[str, list[Embedded]]:
    """The figures of each experiment: its cost model, or the forest of its cells and the workers of the first.

    `table` is summary.summarise of the run, `kernels` summary.same_kernel; `chains` and `models` are by experiment.
    """
    found: dict[str, list[Embedded]] = {}
    for index, experiment in enumerate(run.note["experiments"]):
        name = experiment["name"]
        rows = table[table["experiment"] == name]
        if name in models:
            model = models[name]
            title = costsummary.title(model)
            drawn = figures.cost(model, rows, title)
            found[name] = [embed(drawn, f"cost-{index}", title, costsummary.alternative(model), model.points)]
            continue
        title = figures.forest_title(rows)
        found[name] = [
            *_own_figures(run, table, experiment, kernels, chains.get(name, [])),
            embed(figures.ratio_forest(rows, title), f"forest-{index}", title, alternative(rows), rows),
        ]
        for cell in summary.cells_of(table, name)[:1]:
            medians = summary.worker_medians(run, name, cell)
            title = figures.run_order_title(medians)
            said = f"Lines of the medians of {wording.listing(sorted(set(medians['arm'])))} over the workers."
            caption = f"Worker medians of {summary.describe(rows[rows['cell'] == cell].iloc[0])}."
            drawn = figures.run_order(medians, title)
            found[name].append(embed(drawn, f"order-{index}", title, said, medians, caption))
    return found


def _own_figures(
    run: RunData,
    table: pd.DataFrame,
    experiment: dict[str, Any],
    kernels: pd.DataFrame,
    chains: Sequence[Chain],
) -> list[Embedded]:
    """The figures that only some experiments have: steps, kernels in several languages, rungs of a ladder."""
    name, made = experiment["name"], list[Embedded]()
    rows = table[table["experiment"] == name]
    for chain in chains[:1]:
        title = ablation.share_line(chain)
        drawn = figures.waterfall(chain.steps, title)
        said, caption = " ".join(ablation.lines(chain)), f"Steps of {chain.where}."
        made.append(embed(drawn, f"steps-{name}", title, said, chain.steps, caption))
    twins = kernels[kernels["experiment"] == name]
    if twins["kernel"].nunique() > 1:
        title = figures.language_grid_title(rows, twins)
        said = " ".join(
            f"{row['where']}: {row['arm']} {wording.ratio(row['ratio'])} times as fast as {row['against']}."
            for row in twins.to_dict("records")
        )
        made.append(embed(figures.language_grid(rows, twins, title), f"kernels-{name}", title, said, twins))
    rungs = [cell for cell in experiment["cells"] if operation_of("", cell["operation"]).needs is Needs.LADDER]
    times = summary.call_times(run, table, name)
    if rungs and len(times):
        title = figures.call_ladder_title(times, experiment["baseline"])
        drawn = figures.call_ladder(times, experiment["baseline"], title)
        made.append(embed(drawn, f"rungs-{name}", title, "The table has the same times.", times))
    return made


def boundary_figure(table: pd.DataFrame, experiment: dict[str, Any]) -> Embedded:
    """What arms take by where compiled code begins, in an experiment on that."""
    here = boundary.marks(table, experiment)
    title = boundary.title(here)
    said = " ".join(
        f"{row['panel']}: {row['arm']}, boundary at {row['boundary']}: {wording.ratio(1 / row['ratio'])}."
        for row in here.to_dict("records")
    )
    drawn = figures.boundary_costs(here, experiment["baseline"], title)
    return embed(drawn, f"{experiment['name']}-costs", title, said, here)


def claims_figure(claims: pd.DataFrame) -> Embedded | None:
    """The seed report's figures beside ours; None if no claim has both."""
    rows = figures.with_figures(claims)
    if rows.empty:
        return None
    title = figures.claims_title(claims)
    said = " ".join(
        f"{row['id']}: {wording.ratio(row['share'])} times the report's figure, {row['verdict']}."
        for row in rows.to_dict("records")
    )
    return embed(figures.claims_table(claims, title), "claims", title, said, rows)
