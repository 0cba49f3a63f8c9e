"""What the rule is fed with: CPU per message of whole servers, worker by worker."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import stdtr

from ..analysis import MIN_WORKERS, interval

NONE = float("nan")


@dataclass(frozen=True)
class Pair:
    """How many times the CPU per message of one mix goes into that of another, as a logarithm: above 0 it needs less.

    Mean over workers, t interval, standard error of the mean (NaN below MIN_WORKERS), and how many workers had both.
    """

    mean: float
    low: float
    high: float
    error: float
    workers: int

    @classmethod
    def of(cls, logs: np.ndarray) -> Pair:
        """The pair of a log ratio for each worker; NaN where a worker has not both."""
        logs = logs[~np.isnan(logs)]
        mean, low, high = interval(logs)
        error = float(logs.std(ddof=1) / np.sqrt(len(logs))) if len(logs) >= MIN_WORKERS else NONE
        return cls(mean, float(low), float(high), error, len(logs))

    @property
    def shares(self) -> tuple[float, float, float]:
        """Share of the other's CPU that is saved, with its interval."""
        share, low, high = (float(-np.expm1(-log)) for log in (self.mean, self.low, self.high))
        return share, low, high

    def chance(self, edge: float) -> float:
        """Probability that the true logarithm lies above an edge, from the t distribution over workers (flat prior).

        NaN with fewer workers than MIN_WORKERS.
        """
        if self.workers < MIN_WORKERS:
            return NONE
        if np.isinf(edge) or self.error == 0:
            return float(self.mean > edge)
        return float(stdtr(self.workers - 1, (self.mean - edge) / self.error))


def edge_of(share: float) -> float:
    """The logarithm above which a pair saves more than a share."""
    return float(-np.log1p(-share))


@dataclass(frozen=True)
class Measured:
    """CPU per message of whole servers under one load.

    `logs` has a row a worker and a column a mix: the logarithm of how many times its CPU per message goes into that of
    `baseline`, whose own column is 0. `us` is the baseline's CPU per message in microseconds, for cores and money only.
    `messages` is how many a call sends per second, `chunk_bytes` how much audio is in each.
    """

    baseline: str
    logs: pd.DataFrame
    us: float
    messages: float
    chunk_bytes: int
    _pairs: dict[tuple[str, str], Pair] = field(init=False, repr=False, compare=False, default_factory=dict)

    @property
    def workers(self) -> int:
        """Independent sets of servers."""
        return len(self.logs)

    def pair(self, mix: str, against: str) -> Pair:
        """One mix against another, from the same workers."""
        # Kept, since the search for flip points asks again and again.
        if (mix, against) not in self._pairs:
            logs = self.logs[mix].to_numpy(float) - self.logs[against].to_numpy(float)
            self._pairs[mix, against] = Pair.of(logs)
        return self._pairs[mix, against]

    def us_of(self, mix: str) -> float:
        """CPU per message of a mix in microseconds: the baseline's, divided by the ratio."""
        return self.us * float(np.exp(-self.pair(mix, self.baseline).mean))
