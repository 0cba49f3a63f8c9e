"""The claims ledger: what became of every claim of the report that this project checks.

The claims stand in data/claims.csv, the rule by which each is judged in data/rules.csv, and figures that only the
report has in data/report.csv (data/README.md describes the three). No figure of the report is in the code. Unless a
rule names arms, the report's two designs are the baseline and the first arm of the experiment that it names.
"""

from .book import ledger
from .evidence import INCONSISTENT, NOT_TESTABLE, NOT_TESTED, REFUTED, REPRODUCED, VERDICTS

__all__ = ["INCONSISTENT", "NOT_TESTABLE", "NOT_TESTED", "REFUTED", "REPRODUCED", "VERDICTS", "ledger"]
