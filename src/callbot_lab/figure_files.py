"""The figures of a page as files of their own: each as SVG and PNG, with its data as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from .embed import Embedded, drawing
from .errors import LabError
from .progress import Steps

DOTS = 160
"""Dots per inch of a PNG: a figure is then about 1,200 dots wide."""


def figures_of(parts: Any) -> list[Embedded]:
    """Every figure within parts of a page, in their order and each name once.

    Parts are dicts, lists, tuples and dataclasses, however deep; what is none of these is passed over.
    """
    found: dict[str, Embedded] = {}
    for one in _within(parts):
        found.setdefault(one.name, one)
    return list(found.values())


def _within(part: Any) -> Iterator[Embedded]:
    inner: list[Any] = []
    if isinstance(part, Embedded):
        yield part
    elif isinstance(part, dict):
        inner = list(part.values())
    elif isinstance(part, (list, tuple)):
        inner = list(part)
    elif is_dataclass(part):
        inner = [getattr(part, each.name) for each in fields(part)]
    for one in inner:
        yield from _within(one)


def write(found: Sequence[Embedded], folder: Path, progress: Steps | None = None) -> list[Path]:
    """Write NAME.svg, NAME.png and NAME.csv of every figure into a folder, which is made if need be; their paths.

    The same data make the same bytes. `progress` takes a step for each figure. LabError if the folder cannot be
    written to.
    """
    written: list[Path] = []
    following = [*(one.name for one in found[1:]), ""]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one, then in zip(found, following, strict=False):
            vector, dots, table = (folder / f"{one.name}.{kind}" for kind in ("svg", "png", "csv"))
            vector.write_text(drawing(one.figure, one.name), encoding="utf-8")
            # Without the name and version of what drew it, so that only the picture decides about the bytes.
            one.figure.savefig(dots, format="png", dpi=DOTS, metadata={"Software": None})
            table.write_text(one.csv, encoding="utf-8")
            written += [vector, dots, table]
            if progress is not None:
                progress.advance(then)
    except OSError as error:
        raise LabError(f"cannot write figures into {folder}: {error.strerror}") from None
    return written
