"""What a probe shows on the report page, whatever it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pandas as pd

from ..embed import Embedded


@dataclass(frozen=True)
class ShownTable:
    """A table in words; the first cell of a row names it, the others stand to the right if `numbers`."""

    caption: str
    heads: tuple[str, ...]
    rows: list[list[str]]
    numbers: bool = True


@dataclass(frozen=True)
class Shown:
    """Sentences, the most important first; figures; tables."""

    lines: list[str]
    figures: list[Embedded] = field(default_factory=list)
    tables: list[ShownTable] = field(default_factory=list)


class Shows(Protocol):
    """What the module NAME_summary of a probe offers to the page."""

    def shown(self, rows: pd.DataFrame, definition: Mapping[str, Any], languages: Mapping[str, str]) -> Shown:
        """What all rows of the probe in a run say; `definition` is NAME.toml, `languages` has that of every arm."""
