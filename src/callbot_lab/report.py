"""The report of a run: one page that stands on its own, and the same verdict in a few lines for the terminal."""

from __future__ import annotations

import re
import textwrap
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from . import ablation, boundary, costsummary, figures, steadiness, summary, wording
from .analysis import CONFIDENCE, pairwise
from .costmodel import CostModel, cost_model
from .decision import page as decided
from .embed import embed
from .errors import LabError
from .experiment import MARGIN
from .ledger import NOT_TESTED, REFUTED, VERDICTS, ledger
from .operations import Needs, operation_of
from .probes import recorded, selftest_summary
from .probes.recorded import ProbeData
from .probes.selftest_summary import SelfTest
from .results import RunData
from .serverlab import part, sentences
from .serverlab.summary import ServerData
from .worker import EMPTY, NULL

MOST_LINES = 10
"""Lines that verdict_lines gives at most."""
MOST_NOISE = 300
"""Characters that verdict_lines gives to what a run cannot say; the page has all of it."""

_HEADLINE_UNIT = "ratio"  # the first claim in this unit is the one that the whole report is about


def write_page(
    run: RunData,
    verification: dict[str, Any] | None,
    out_dir: Path,
    servers: ServerData | None = None,
    selftest: SelfTest | None = None,
    probes: ProbeData | None = None,
) -> Path:
    """Write `index.html` into a folder, which is made if need be, and return its path.

    The page needs nothing else: no network, no fonts. Its scripts are within it, and without them it says the same, but
    cannot be asked again. `verification` is what verify.verify found, or None; `servers` is a run of whole servers,
    `selftest` one of the instrument and `probes` one of probes, if there is one: they may be of another machine, and
    the page says of which. LabError if the folder cannot be written to.
    """
    page = _Page(run, verification, servers, selftest, probes)
    environment = Environment(
        loader=PackageLoader(__package__, "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ratio": wording.ratio,
        "number": wording.number,
        "percent": wording.percent,
        "listing": wording.listing,
    }
    text = environment.get_template("page.html.j2").render(
        page=page, run=run, note=run.note, wording=wording, confidence=wording.percent(CONFIDENCE, 0)
    )
    path = out_dir / "index.html"
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LabError(f"cannot write the page {path}: {error.strerror}") from None
    return path


def verdict_lines(
    run: RunData,
    verification: dict[str, Any] | None,
    page: Path,
    servers: ServerData | None = None,
    probes: ProbeData | None = None,
) -> list[str]:
    """The verdict in at most MOST_LINES plain lines; the last one is the path of the page."""
    made = _Page(run, verification, servers, probes=probes)
    answers = [f"{part['name']} ({part['where']}): {part['headline']}" for part in made.experiments]
    closing = [made.report_line]
    if servers and (said := sentences.lines(servers, made.claimed)):
        closing.append(f"Whole servers ({servers.folder.name}): {said[0]}{_more(said[1:])}")
    if made.same_kernel:
        closing.append(f"Is it the language? {' '.join(made.same_kernel[:2])}{_more(made.same_kernel[2:])}")
    if made.no_wins:
        closing.append(f"No win for compiled code: {' '.join(made.no_wins[:2])}{_more(made.no_wins[2:])}")
    if len(made.lacking):
        names = [f"{row['arm']} ({row['status']})" for row in made.lacking]
        closing.append(f"Not measured: {wording.listing(list(dict.fromkeys(names)))}.")
    closing.append(" ".join([made.conformance_line] * (verification is not None) + [made.ledger_line]))
    if made.noise:
        first = textwrap.shorten(made.noise[0], MOST_NOISE, placeholder=" ...")
        closing.append(f"Too noisy or short to say: {first}{_more(made.noise[1:])}")
    room = MOST_LINES - 2 - len(closing)
    if len(answers) > room:
        answers = [
            *answers[: room - 1],
            f"And {wording.count(len(answers) - room + 1, 'more experiment')} on the page.",
        ]
    return [summary.profile_line(run), *answers, *closing, str(page)]


class _Page:
    """What the page and the lines are made of; every part is computed once."""

    def __init__(
        self,
        run: RunData,
        verification: dict[str, Any] | None,
        servers: ServerData | None = None,
        selftest: SelfTest | None = None,
        probes: ProbeData | None = None,
    ) -> None:
        self.run, self.verification, self._servers, self._selftest = run, verification, servers, selftest
        self._probes = probes
        self.counts = recorded.instruction_counts(probes)
        self.table = summary.summarise(run)
        self.contests = summary.contests(run, self.table)
        self.wins, self.no_wins = summary.contest_lines(self.contests)
        self.same_kernel = summary.same_kernel_lines(run, self.table)
        self.kernels = summary.same_kernel(run, self.table)
        self.chains = {
            experiment["name"]: [
                made
                for cell in experiment["cells"]
                if (made := ablation.chain(run, self.table, experiment, cell)) is not None
            ]
            for experiment in run.note["experiments"]
            if experiment.get("steps")
        }
        self.steps_of_boundary = {
            experiment["name"]: boundary.ratios(run, experiment)
            for experiment in run.note["experiments"]
            if experiment.get("against") and summary.cells_of(self.table, experiment["name"])
        }
        self.noise = summary.noise(run, self.table)
        self.profile = summary.profile_line(run)

    @cached_property
    def lacking(self) -> list[dict[str, Any]]:
        """Arms without numbers, with the cells in words."""
        rows: list[dict[str, Any]] = summary.not_measured(self.table).to_dict("records")
        total = {e["name"]: len(e["cells"]) for e in self.run.note["experiments"]}
        for row in rows:
            everywhere = len(row["cells"]) == total[row["experiment"]]
            row["cells"] = "all its cells" if everywhere else wording.listing(row["cells"])
        return rows

    @cached_property
    def models(self) -> dict[str, CostModel]:
        """The cost models of the experiments that ask for one and have the numbers for it."""
        found = {
            experiment["name"]: cost_model(self.run, experiment["name"]) for experiment in self.run.note["experiments"]
        }
        return {name: model for name, model in found.items() if model}

    @property
    def contest_rows(self) -> list[dict[str, Any]]:
        """The contests, but for experiments with a cost model: there the crossovers say it."""
        rows: list[dict[str, Any]] = self.contests[~self.contests["experiment"].isin(list(self.models))].to_dict(
            "records"
        )
        return rows

    @cached_property
    def experiments(self) -> list[dict[str, Any]]:
        """What is said about each experiment: headline, rows, pairs."""
        return [self._experiment(experiment) for experiment in self.run.note["experiments"]]

    def _experiment(self, experiment: dict[str, Any]) -> dict[str, Any]:
        name = experiment["name"]
        rows = self.table[self.table["experiment"] == name]
        cells = []
        for cell in experiment["cells"]:
            where, meaning = summary.describe(cell), wording.operation(cell["operation"])
            found = _rows(rows[rows["cell"] == cell["name"]])
            for row in found:
                place = (row["arm"], cell["operation"], cell["size"])
                row["instructions"] = self.counts.get(place, wording.NO_NUMBER)
            cells.append({"where": where, "meaning": meaning, "rows": found})
        part = {key: experiment[key] for key in ("name", "question", "baseline")}
        chains = self.chains.get(name, [])
        part |= {"margin": wording.margin(experiment["margin"]), "cells": cells, "pairs": None, "model": None}
        part["chains"] = [
            {"where": made.where, "lines": ablation.lines(made), "steps": _steps(made), "first": experiment["baseline"]}
            for made in chains
        ]
        timed = summary.cells_of(self.table, name)
        if not timed:
            return part | {"where": "no cell", "headline": f"{figures.forest_title(rows)} See what was not measured."}
        if name in self.models:
            model = self.models[name]
            where = f"{experiment['cells'][0]['operation']}, {costsummary.range_of(model)}"
            return part | {"model": _model(model), "where": where, "headline": costsummary.headline(model)}
        if name in self.steps_of_boundary:
            headline = boundary.title(boundary.marks(self.table, experiment))
            return part | {"where": wording.count(len(timed), "cell"), "headline": headline}
        # The first cell of an experiment is its main one.
        first = rows[rows["cell"] == timed[0]]
        if chains:
            return part | {"where": chains[0].where, "headline": " ".join(ablation.lines(chains[0]))}
        pairs = pairwise(self.run, name, timed[0], experiment["margin"])
        twins = self.kernels[self.kernels["experiment"] == name]
        headline = summary.headline(first, pairs)
        if twins["kernel"].nunique() > 1:
            # Where languages meet in more than one kernel, that is the question, and all arms are in the table.
            headline = f"{figures.language_grid_title(rows, twins)} {headline}"
        if pairs["arm"].nunique() >= 3:
            part["pairs"] = _matrix(pairs, summary.competitors(self.table, name, timed[0]), experiment["baseline"])
        return part | {"where": summary.describe(first.iloc[0]), "headline": headline}

    @cached_property
    def figures(self) -> dict[str, list[dict[str, Any]]]:
        """The figures of each experiment: its cost model, or the forest of its cells and the workers of the first."""
        found: dict[str, list[dict[str, Any]]] = {}
        for index, experiment in enumerate(self.run.note["experiments"]):
            name = experiment["name"]
            rows = self.table[self.table["experiment"] == name]
            if name in self.models:
                model = self.models[name]
                title = costsummary.title(model)
                drawn = figures.cost(model, rows, title)
                found[name] = [embed(drawn, f"cost-{index}", title, costsummary.alternative(model))]
                continue
            title = figures.forest_title(rows)
            forest = figures.ratio_forest(rows, title)
            found[name] = [
                *self._own_figures(experiment, rows),
                embed(forest, f"forest-{index}", title, _alternative(rows)),
            ]
            for cell in summary.cells_of(self.table, name)[:1]:
                medians = summary.worker_medians(self.run, name, cell)
                title = figures.run_order_title(medians)
                said = f"Lines of the medians of {wording.listing(sorted(set(medians['arm'])))} over the workers."
                caption = f"Worker medians of {summary.describe(rows[rows['cell'] == cell].iloc[0])}."
                drawn = figures.run_order(medians, title)
                found[name].append(embed(drawn, f"order-{index}", title, said) | {"caption": caption})
        return found

    def _own_figures(self, experiment: dict[str, Any], rows: pd.DataFrame) -> list[dict[str, Any]]:
        """The figures that only some experiments have: steps, kernels in several languages, rungs of a ladder."""
        name, made = experiment["name"], []
        for chain in self.chains.get(name, [])[:1]:
            title = ablation.share_line(chain)
            said = " ".join(ablation.lines(chain))
            drawn = figures.waterfall(chain.steps, title)
            made.append(embed(drawn, f"steps-{name}", title, said) | {"caption": f"Steps of {chain.where}."})
        twins = self.kernels[self.kernels["experiment"] == name]
        if twins["kernel"].nunique() > 1:
            title = figures.language_grid_title(rows, twins)
            said = " ".join(
                f"{row['where']}: {row['arm']} {wording.ratio(row['ratio'])} times as fast as {row['against']}."
                for row in twins.to_dict("records")
            )
            made.append(embed(figures.language_grid(rows, twins, title), f"kernels-{name}", title, said))
        rungs = [cell for cell in experiment["cells"] if operation_of("", cell["operation"]).needs is Needs.LADDER]
        times = summary.call_times(self.run, self.table, name)
        if rungs and len(times):
            title = figures.call_ladder_title(times, experiment["baseline"])
            drawn = figures.call_ladder(times, experiment["baseline"], title)
            made.append(embed(drawn, f"rungs-{name}", title, "The table has the same times."))
        return made

    @cached_property
    def boundaries(self) -> list[dict[str, Any]]:
        """What is said about where the boundary to native code should run: an entry for each experiment on it."""
        made = []
        for name, found in self.steps_of_boundary.items():
            experiment = self.run.experiment(name)
            here = boundary.marks(self.table, experiment)
            title = boundary.title(here)
            said = " ".join(
                f"{row['panel']}: {row['arm']}, boundary at {row['boundary']}: {wording.ratio(1 / row['ratio'])}."
                for row in here.to_dict("records")
            )
            drawn = figures.boundary_costs(here, experiment["baseline"], title)
            entry = {key: experiment[key] for key in ("name", "question", "against")}
            entry |= {
                "margin": wording.margin(experiment["margin"]),
                "figure": embed(drawn, f"{name}-costs", title, said),
            }
            entry["lines"] = boundary.lines(self.table, found, experiment)
            made.append(entry | {"cells": boundary.rows_of(self.table, found, experiment)})
        return made

    @cached_property
    def kernel_table(self) -> dict[str, Any]:
        """Kernels in two languages: a row a cell and pair of languages, a column a kernel."""
        kernels = list(dict.fromkeys(self.kernels["kernel"]))
        found: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = {}
        for pair in self.kernels[~self.kernels["experiment"].isin(self.models)].to_dict("records"):
            place = (pair["experiment"], pair["where"], f"{pair['language']} against {pair['other']}")
            entry = {
                "arms": f"{pair['arm']} against {pair['against']}",
                "ratio": wording.ratio(pair["ratio"]),
                "interval": wording.interval(pair["low"], pair["high"]),
                "verdict": pair["verdict"],
            }
            found.setdefault(place, {}).setdefault(pair["kernel"], []).append(entry)
        return {"kernels": kernels, "rows": found, "margin": wording.margin(MARGIN)}

    @cached_property
    def _claims(self) -> pd.DataFrame:
        """The claims with their verdicts."""
        return ledger(self.run, self.table, self._servers, self._probes)

    @cached_property
    def claims_figure(self) -> dict[str, Any] | None:
        """The report's figures beside ours; None if no claim has both."""
        rows = figures.with_figures(self._claims)
        if rows.empty:
            return None
        title = figures.claims_title(self._claims)
        said = " ".join(
            f"{row['id']}: {wording.ratio(row['share'])} times the report's figure, {row['verdict']}."
            for row in rows.to_dict("records")
        )
        return embed(figures.claims_table(self._claims, title), "claims", title, said)

    @cached_property
    def ledger(self) -> list[dict[str, Any]]:
        """The claims, worded."""
        rows: list[dict[str, Any]] = self._claims.to_dict("records")
        for row in rows:
            row["value"] = row["reported"]
            row["reported"] = wording.number(row["reported"])
            found = wording.finite(row["ours"])
            row["shown"] = wording.number(row["ours"]) if found else wording.NO_NUMBER
            if wording.finite(row["low"]) and wording.finite(row["high"]):
                row["shown"] += f" ({wording.number(row['low'])} to {wording.number(row['high'])})"
        return rows

    @property
    def claimed(self) -> float:
        """The ratio that the report is about."""
        return float(next(row["value"] for row in self.ledger if row["unit"] == _HEADLINE_UNIT))

    @cached_property
    def servers(self) -> dict[str, Any] | None:
        """What is said about whole servers."""
        return part.page_part(self._servers, self.claimed) if self._servers else None

    @cached_property
    def decision(self) -> dict[str, Any] | None:
        """What to do, by the settings in data/; None without a run of whole servers."""
        if self._servers is None:
            return None
        return decided.page_part(self._servers, self.verification, next(iter(self.models.values()), None))

    @cached_property
    def probes(self) -> dict[str, Any] | None:
        """What is said by the experiments with a process for every measurement."""
        return recorded.page_part(self._probes) if self._probes else None

    @cached_property
    def selftest(self) -> dict[str, Any] | None:
        """What is said about what the instrument can see."""
        return selftest_summary.page_part(self._selftest) if self._selftest else None

    @cached_property
    def steadiness(self) -> dict[str, Any]:
        """What is said about warm-up and drift: a sentence, and counts by experiment."""
        found = steadiness.classes(self.run)
        rows = steadiness.counts(found).to_dict("records") if len(found) else []
        return {"line": steadiness.line(found), "kinds": steadiness.KINDS, "rows": rows}

    @property
    def ledger_line(self) -> str:
        """How many claims have which verdict."""
        counts = {verdict: sum(row["verdict"] == verdict for row in self.ledger) for verdict in VERDICTS}
        parts = [f"{count} {verdict}" for verdict, count in counts.items() if count]
        return f"Of {len(self.ledger)} claims of the report: {wording.listing(parts)}."

    @property
    def report_line(self) -> str:
        """The report's headline ratio beside ours, and what both hang on."""
        row = next(row for row in self.ledger if row["unit"] == _HEADLINE_UNIT)
        said = f"The report says {row['reported']} times"
        if not wording.finite(row["ours"]):
            return f"{said}: {row['verdict']}. {_sentence(row['why'])}"
        interval = wording.interval(row["low"], row["high"])
        python = wording.interpreter(self.run.note["environment"]["python"])
        verdict = row["verdict"]
        if verdict == REFUTED:
            verdict += ", it is more" if row["ours"] > float(row["reported"]) else ", it is less"
        return (
            f"{said}; the same two designs give {wording.ratio(row['ours'])} ({interval}) here: {verdict}. "
            f"The ratio depends on the interpreter, since its decoder is the baseline: here {python}."
        )

    @property
    def conformance_line(self) -> str:
        """How many implementations conform, and which do not."""
        found = (self.verification or {"implementations": {}})["implementations"]
        groups: dict[str, list[str]] = {}
        for name, result in found.items():
            groups.setdefault(result["status"], []).append(name)
        parts = [f"{wording.listing(names)}: {status}" for status, names in groups.items()]
        return f"Conformance suite: {'; '.join(parts)}." if parts else "Conformance suite: nothing was verified."

    @property
    def open_questions(self) -> list[str]:
        """Experiments that claims wait for, by name."""
        return sorted({claim["experiment"] for claim in self.ledger if claim["verdict"] == NOT_TESTED})

    @property
    def style(self) -> Markup:
        """The style sheet."""
        return _file("style.css")

    @property
    def scripts(self) -> list[Markup]:
        """The scripts: tables that can be sorted, and a decision that can be asked again, if there is one."""
        found = [_file("tables.js")]
        if self.decision and self.decision.get("data"):
            found.append(_file("decision.js"))
        return found


def _file(name: str) -> Markup:
    """A file that goes into the page as it is."""
    return Markup((Path(__file__).parent / "page" / name).read_text(encoding="utf-8"))


def _rows(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a cell for the table: competitors by ratio, then the null arm, the empty call, the lacking."""
    worded = []
    for row in figures.ordered(rows).to_dict("records"):
        measured = row["status"] == summary.MEASURED
        line = {"arm": row["arm"], "status": row["status"], "reason": row["reason"], "measured": measured}
        if measured:
            kind = {NULL: "null arm", EMPTY: "a bound, no arm"}.get(row["arm"], "a bound" if row["bound"] else None)
            line |= {
                "language": row["language"],
                "ratio": wording.ratio(row["ratio"]),
                "interval": wording.interval(row["low"], row["high"]),
                "bootstrap": wording.interval(row["boot_low"], row["boot_high"]),
                "verdict": kind or row["verdict"],
                "competes": kind is None,
                "detected": "yes" if row["detected"] else "no",
                "matters": "yes" if row["matters"] else "no",
                "smallest": wording.effect(row["smallest"]),
                "workers": int(row["workers"]),
                "times": [wording.number(row[name]) for name in ("p10", "p50", "p99")],
            }
        worded.append(line)
    return worded


def _steps(made: ablation.Chain) -> list[dict[str, Any]]:
    """The steps of an ablation for their table; the first is where it starts."""
    worded = []
    for step in made.steps.to_dict("records"):
        measured = step["status"] == summary.MEASURED
        line = {key: step[key] for key in ("arm", "change", "meaning", "status", "reason", "against")}
        line |= {"measured": measured, "label": ablation.label(step), "ratio": "", "interval": "", "verdict": ""}
        if measured:
            line["total"] = wording.ratio(step["total"])
            line["total_interval"] = wording.interval(step["total_low"], step["total_high"])
        if measured and step["against"]:
            line |= {"ratio": wording.ratio(step["ratio"]), "verdict": step["verdict"]}
            line["interval"] = wording.interval(step["low"], step["high"])
        worded.append(line)
    return worded


def _model(model: CostModel) -> dict[str, Any]:
    """A cost model in words: its tables and sentences."""
    return {
        "fits": costsummary.fit_rows(model),
        "errors": costsummary.error_table(model),
        "crossings": costsummary.crossing_rows(model),
        "lines": [costsummary.holds_line(model), *filter(None, [costsummary.others_line(model)])],
    }


def _matrix(pairs: pd.DataFrame, ranked: pd.DataFrame, baseline: str) -> dict[str, Any]:
    """Pairs as a matrix, both ways ordered from fast to slow."""
    ratios = {baseline: 1.0, **dict(zip(ranked["arm"], ranked["ratio"], strict=True))}
    names = sorted(ratios, key=lambda name: -ratios[name])
    cells = {
        (row["arm"], row["against"]): {
            "ratio": wording.ratio(row["ratio"]),
            "interval": wording.interval(row["low"], row["high"]),
            "verdict": row["verdict"],
        }
        for row in pairs.to_dict("records")
    }
    return {"names": names, "cells": cells}


def _alternative(rows: pd.DataFrame) -> str:
    """What a forest shows, for those who do not see it."""
    parts = []
    for _, row in rows.iterrows():
        if row["arm"] in (NULL, EMPTY):
            continue
        if row["status"] == summary.MEASURED:
            interval = wording.interval(row["low"], row["high"])
            said = f"{wording.ratio(row['ratio'])} ({interval}), {row['verdict']}"
        else:
            said = f"not measured, {row['status']}"
        parts.append(f"{summary.describe(row)}: {row['arm']} {said}.")
    return " ".join(parts)


def _sentence(text: str) -> str:
    """The first sentence of a text."""
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def _more(rest: list[str]) -> str:
    return f" (and {len(rest)} more on the page)" if rest else ""
