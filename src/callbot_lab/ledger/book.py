"""The ledger itself: reads the claims and their rules, and has each judged."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..paths import CLAIMS, require
from ..probes.recorded import ProbeData
from ..results import RunData
from ..serverlab.summary import ServerData
from ..summary import summarise
from . import loops, machine, processes
from . import servers as whole
from .evidence import NOT_TESTED, Answer, Evidence, Rule, Unanswered, later, range_in

RULES: dict[str, Rule] = {**loops.RULES, **whole.RULES, **processes.RULES, **machine.RULES}
"""How claims are judged, by the name in data/rules.csv."""


def ledger(
    run: RunData,
    table: pd.DataFrame | None = None,
    servers: ServerData | None = None,
    probes: ProbeData | None = None,
    folder: Path = CLAIMS.parent,
) -> pd.DataFrame:
    """Every claim with its verdict: `id`, `claim`, `reported`, `ours`, `low`, `high`, `unit`, `verdict`, `why`,
    `experiment` (the one that answers it).

    `reported`, `ours`, `low` and `high` are in `unit`; NaN where there is no such number. `table` is
    summary.summarise(run), if it is at hand; `servers` a run of whole servers and `probes` one of probes, which may be
    of another machine.
    """
    claims = pd.read_csv(require(folder / "claims.csv"), keep_default_na=False)
    rules = pd.read_csv(require(folder / "rules.csv"), keep_default_na=False).set_index("claim").to_dict("index")
    said = pd.read_csv(require(folder / "report.csv"), keep_default_na=False).set_index("id")["value"]
    claims["value"] = pd.to_numeric(claims["value"])
    claims["metric"] = claims["metric"].mask(claims["metric"] == "same").ffill()
    evidence = Evidence(
        run,
        summarise(run) if table is None else table,
        {**claims.set_index("id")["value"].to_dict(), **said.drop("interpreter").astype(float).to_dict()},
        {row["id"]: found for _, row in claims.iterrows() if (found := range_in(row["note"]))},
        said["interpreter"],
        servers,
        probes,
    )
    rows = []
    for _, claim in claims.iterrows():
        rule = rules.get(claim["id"])
        answer = _judge(claim, rule, evidence) if rule else later(claim, {}, evidence)
        numbers = {"reported": claim["value"], "ours": answer.ours, "low": answer.low, "high": answer.high}
        rows.append(
            {
                "id": claim["id"],
                "claim": claim["claim"],
                **numbers,
                "unit": claim["unit"],
                "verdict": answer.verdict,
                "why": answer.why,
                "experiment": (rule or {}).get("experiment") or claim["experiment"],
            }
        )
    return pd.DataFrame(rows)


def _judge(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    try:
        return RULES[rule["rule"]](claim, rule, evidence)
    except Unanswered as reason:
        experiment = rule["experiment"] or claim["experiment"]
        return Answer(NOT_TESTED, f"{reason}. Experiment {experiment} answers it: {claim['metric']}.")
