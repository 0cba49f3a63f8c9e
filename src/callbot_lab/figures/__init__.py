"""The figures: each a function from a data frame to a matplotlib figure, and each against one way to misread.

They use the object interface only, so that nothing of theirs stays behind in pyplot.
"""

from .cost import cost
from .forest import forest_title, ordered, ratio_forest
from .run_order import run_order, run_order_title
from .style import NULL_STYLE, OTHER, STYLES, Style, style_of

__all__ = [
    "NULL_STYLE",
    "OTHER",
    "STYLES",
    "Style",
    "cost",
    "forest_title",
    "ordered",
    "ratio_forest",
    "run_order",
    "run_order_title",
    "style_of",
]
