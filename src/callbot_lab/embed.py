"""Puts a figure into a page that needs nothing else."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure


def drawing(figure: Figure, name: str) -> str:
    """A figure as the text of an SVG file that is the same whenever it is made from the same data."""
    target = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(target, format="svg", metadata=nothing)
    text = target.getvalue()
    text = text[text.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)


def embed(figure: Figure, name: str, title: str, alternative: str) -> dict[str, Any]:
    """A figure as SVG to be put into the page: no outside names, ids that no other figure has.

    `name` has to be unique in the page; `alternative` says what the figure shows for those who do not see it.
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
    return {"name": name, "title": title, "svg": Markup(text[:end]) + names + Markup(text[end:]), "caption": ""}
