"""Puts a figure, with the data behind it, into a page that needs nothing else."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, field

import matplotlib as mpl
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Embedded:
    """A figure as a page shows it, and what it was drawn from.

    `name` is that of its files and begins its ids; `svg` is the element for the page; `csv` has the data, `rows` lines
    below their head; `figure` can be saved in any other format.
    """

    name: str
    title: str
    svg: Markup = field(repr=False)
    caption: str
    csv: str = field(repr=False)
    rows: int
    figure: Figure = field(repr=False)

    @property
    def csv_link(self) -> Markup:
        """An address that holds the data itself, for a link that downloads them."""
        coded = base64.b64encode(self.csv.encode()).decode("ascii")
        return Markup(f"data:text/csv;charset=utf-8;base64,{coded}")


def drawing(figure: Figure, name: str) -> str:
    """A figure as the text of an SVG file that is the same whenever it is made from the same data."""
    target = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(target, format="svg", metadata=nothing)
    text = target.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)


def table_text(data: pd.DataFrame) -> str:
    """A table as CSV: fractions with six digits, nothing where there is no number.

    Its index is left out, and so is a column that holds lists or other things that are no single value.
    """
    plain = [name for name in data.columns if all(map(pd.api.types.is_scalar, data[name]))]
    return str(data[plain].to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def embed(figure: Figure, name: str, title: str, alternative: str, data: pd.DataFrame, caption: str = "") -> Embedded:
    """A figure as SVG to be put into the page: no outside names, ids that no other figure has.

    `name` has to be unique in the page; `alternative` says what the figure shows for those who do not see it; `data` is
    what was drawn, and `caption` what the page says below it.
    """
    text = drawing(figure, name)
    # Inside of HTML an SVG needs no name spaces, and the page is to name no address.
    text = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href=", "href=")
    text = re.sub(r'\bid="([^"]*)"', lambda found: f'id="{name}-{found[1].replace(" ", "-")}"', text)
    text = re.sub(r'href="#([^"]*)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]*)\)", rf"url(#{name}-\1)", text)
    text = text.replace("<svg", f'<svg role="img" aria-labelledby="{name}-title {name}-desc"', 1)
    names = Markup('<title id="{0}-title">{1}</title><desc id="{0}-desc">{2}</desc>').format(name, title, alternative)
    end = text.index(">") + 1
    svg = Markup(text[:end]) + names + Markup(text[end:])
    return Embedded(name, title, svg, caption, table_text(data), len(data), figure)
