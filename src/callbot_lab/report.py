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

from . import (
    ablation,
    boundary,
    brief,
    costsummary,
    figures,
    report_figures,
    report_words,
    steadiness,
    summary,
    wording,
)
from .analysis import CONFIDENCE, pairwise
from .brief import Answer
from .costmodel import CostModel, cost_model
from .decision import page as decided
from .embed import Embedded
from .errors import LabError
from .experiment import MARGIN
from .figure_files import figures_of
from .ledger import NOT_TESTED, REFUTED, VERDICTS, ledger
from .probes import recorded, selftest_summary
from .probes.recorded import ProbeData
from .probes.selftest_summary import SelfTest
from .progress import Steps
from .results import RunData
from .serverlab import part, sentences
from .serverlab.summary import ServerData

MOST_LINES = 10
"""Lines that Report.lines gives at most."""
MOST_NOISE = 300
"""Characters that Report.lines gives to what a run cannot say; the page has all of it."""

PARTS = (
    "experiments",
    "figures",
    "boundaries",
    "servers",
    "ledger",
    "decision",
    "probes",
    "selftest",
    "steadiness",
)
"""Parts of the page that take time to compute, in an order that suits progress."""

_HEADLINE_UNIT = "ratio"  # the first claim in this unit is the one that the whole report is about


class Report:
    """What the page and the lines are made of; every part is computed once.

    `verification` is what verify.verify found, or None; `servers` is a run of whole servers, `selftest` one of the
    instrument and `probes` one of probes, if there is one: they may be of another machine, and the page says of which.
    """

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

    def compute(self, progress: Steps) -> None:
        """Compute the parts of the page, a step of progress for each of PARTS; without this they are when asked for."""
        for name, then in zip(PARTS, (*PARTS[1:], "the page"), strict=True):
            getattr(self, name)
            progress.advance(then)

    def write(self, out_dir: Path) -> Path:
        """Write `index.html` into a folder, which is made if need be, and return its path.

        The page needs nothing else: no network, no fonts. Its scripts are within it, and without them it says the same,
        but cannot be asked again. LabError if the folder cannot be written to.
        """
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
            page=self, run=self.run, note=self.run.note, wording=wording, confidence=wording.percent(CONFIDENCE, 0)
        )
        path = out_dir / "index.html"
        try:
            out_dir.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise LabError(f"cannot write the page {path}: {error.strerror}") from None
        return path

    def lines(self, page: Path) -> list[str]:
        """The verdict in at most MOST_LINES plain lines; the last one is the path of the page."""
        answers = [f"{part['name']} ({part['where']}): {part['headline']}" for part in self.experiments]
        closing = [self.report_line]
        if self._servers and (said := sentences.lines(self._servers, self.claimed)):
            closing.append(f"Whole servers ({self._servers.folder.name}): {said[0]}{_more(said[1:])}")
        if self.same_kernel:
            closing.append(f"Is it the language? {' '.join(self.same_kernel[:2])}{_more(self.same_kernel[2:])}")
        if self.no_wins:
            closing.append(f"No win for compiled code: {' '.join(self.no_wins[:2])}{_more(self.no_wins[2:])}")
        if len(self.lacking):
            names = [f"{row['arm']} ({row['status']})" for row in self.lacking]
            closing.append(f"Not measured: {wording.listing(list(dict.fromkeys(names)))}.")
        closing.append(" ".join([self.conformance_line] * (self.verification is not None) + [self.ledger_line]))
        if self.noise:
            first = textwrap.shorten(self.noise[0], MOST_NOISE, placeholder=" ...")
            closing.append(f"Too noisy or short to say: {first}{_more(self.noise[1:])}")
        room = MOST_LINES - 2 - len(closing)
        if len(answers) > room:
            answers = [
                *answers[: room - 1],
                f"And {wording.count(len(answers) - room + 1, 'more experiment')} on the page.",
            ]
        return [self.profile, *answers, *closing, str(page)]

    @cached_property
    def drawn(self) -> list[Embedded]:
        """All figures of the page, in its order."""
        parts = [self.decision, self.figures, self.boundaries, self.servers, self.probes, self.selftest]
        return figures_of([*parts, self.claims_figure])

    @cached_property
    def brief(self) -> list[Answer]:
        """What there is to take away, for those who read no further."""
        chain = next((made for chains in self.chains.values() for made in chains), None)
        decision = self.decision if self.decision and not self.decision["reason"] else {"loads": [], "flips": []}
        language = [*([ablation.plain_line(chain)] if chain else []), self.report_line]
        language += summary.same_kernel_range(self.run, self.table)
        loads, flips = decision["loads"], decision["flips"]
        return brief.brief(self.claimed, self.run, language, self._servers, loads, self._selftest, flips)

    @property
    def glossary(self) -> str:
        """How things are written on the page."""
        return brief.glossary()

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
            found = report_words.rows_of(rows[rows["cell"] == cell["name"]])
            for row in found:
                place = (row["arm"], cell["operation"], cell["size"])
                row["instructions"] = self.counts.get(place, wording.NO_NUMBER)
            cells.append({"where": where, "meaning": meaning, "rows": found})
        part = {key: experiment[key] for key in ("name", "question", "baseline")}
        chains = self.chains.get(name, [])
        part |= {"margin": wording.margin(experiment["margin"]), "cells": cells, "pairs": None, "model": None}
        part["chains"] = [
            {
                "where": made.where,
                "lines": ablation.lines(made),
                "steps": report_words.steps_of(made),
                "first": experiment["baseline"],
            }
            for made in chains
        ]
        timed = summary.cells_of(self.table, name)
        if not timed:
            return part | {"where": "no cell", "headline": f"{figures.forest_title(rows)} See what was not measured."}
        if name in self.models:
            model = self.models[name]
            where = f"{experiment['cells'][0]['operation']}, {costsummary.range_of(model)}"
            headline = costsummary.headline(model)
            return part | {"model": report_words.model_of(model), "where": where, "headline": headline}
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
            ranked = summary.competitors(self.table, name, timed[0])
            part["pairs"] = report_words.matrix_of(pairs, ranked, experiment["baseline"])
        return part | {"where": summary.describe(first.iloc[0]), "headline": headline}

    @cached_property
    def figures(self) -> dict[str, list[Embedded]]:
        """The figures of each experiment."""
        return report_figures.figures_of(self.run, self.table, self.kernels, self.chains, self.models)

    @cached_property
    def boundaries(self) -> list[dict[str, Any]]:
        """What is said about where the boundary to native code should run: an entry for each experiment on it."""
        made = []
        for name, found in self.steps_of_boundary.items():
            experiment = self.run.experiment(name)
            entry = {key: experiment[key] for key in ("name", "question", "against")}
            entry |= {
                "margin": wording.margin(experiment["margin"]),
                "figure": report_figures.boundary_figure(self.table, experiment),
                "lines": boundary.lines(self.table, found, experiment),
                "cells": boundary.rows_of(self.table, found, experiment),
            }
            made.append(entry)
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
    def claims_figure(self) -> Embedded | None:
        """The report's figures beside ours; None if no claim has both."""
        return report_figures.claims_figure(self._claims)

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


def _sentence(text: str) -> str:
    """The first sentence of a text."""
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def _more(rest: list[str]) -> str:
    return f" (and {len(rest)} more on the page)" if rest else ""
