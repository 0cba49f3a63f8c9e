"""Rules for claims that hang on what the machine has."""

from __future__ import annotations

import pandas as pd

from .evidence import NOT_TESTABLE, Answer, Evidence, Rule, later


def _energy(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """Energy can be had only where the machine counts it."""
    if evidence.run.note["environment"]["cpu"].get("hypervisor"):
        why = f"A virtual machine has no energy counters. Experiment {claim['experiment']}: {claim['metric']}."
        return Answer(NOT_TESTABLE, why)
    return later(claim, rule, evidence)


def _numa(claim: pd.Series, rule: dict[str, str], evidence: Evidence) -> Answer:
    """Placement matters only with more than one NUMA node."""
    if evidence.run.note["environment"]["cpu"].get("numa_nodes") == 1:
        why = f"This machine has one NUMA node. Experiment {claim['experiment']} needs two: {claim['metric']}."
        return Answer(NOT_TESTABLE, why)
    return later(claim, rule, evidence)


RULES: dict[str, Rule] = {"energy": _energy, "numa": _numa}
"""By the name in data/rules.csv."""
