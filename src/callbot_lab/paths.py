"""Where the repository's own files lie."""

from pathlib import Path

from .errors import LabError

ROOT = Path(__file__).resolve().parents[2]
"""The repository: the harness is installed in place, so its source tells where the rest is."""

SPEECH = ROOT / "data" / "speech" / "speech-16k.wav"
CLAIMS = ROOT / "data" / "claims.csv"
VECTORS = ROOT / "data" / "vectors"
RUNS = ROOT / "data" / "runs"
CONFORMANCE = ROOT / "tests" / "conformance"
RESULTS = ROOT / "results"
REPORT = ROOT / "report"


def require(path: Path) -> Path:
    """The path, if it is there; LabError if the harness was installed without its repository."""
    if not path.exists():
        raise LabError(f"{path} is missing: callbot-lab runs from a checkout of its repository (make setup)")
    return path
